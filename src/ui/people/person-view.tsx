import { useState } from 'preact/hooks';

import { useMay } from '../access.ts';
import { messageOf } from '../api.ts';
import { count } from '../kit/format.ts';
import { goTo, useLoad } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { tell, tellProblem } from '../kit/notices.tsx';
import { PictureDrop } from '../kit/picture-drop.tsx';
import { Empty, Failure, Skeleton } from '../kit/states.tsx';
import { EnrolmentList, useEnrolment } from './enrolment.tsx';
import { FacesGrid } from './faces-grid.tsx';
import { getPerson, listFaces, type Person, removeFace } from './people-api.ts';
import { EraseDialog, MergeDialog, MoveDialog, RenameDialog } from './person-dialogs.tsx';

type Opened = 'rename' | 'merge' | 'move' | 'erase' | undefined;

/** One person: their faces, and all that can be done about them. */
export function PersonView({ id }: { id: string }) {
  const { value, error, reload } = useLoad(id, async (signal) => {
    const [person, faces] = await Promise.all([getPerson(id, signal), listFaces(id, signal)]);
    return { person, faces };
  });
  const [opened, setOpened] = useState<Opened>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const enrolment = useEnrolment(id, reload);
  const mayEnrol = useMay('enrol');
  if (value === undefined) {
    return (
      <div class="view">
        <BackLink />
        {error === undefined ? <Skeleton lines={6} /> : <Failure error={error} onRetry={reload} />}
      </div>
    );
  }
  const { person, faces } = value;
  const close = () => setOpened(undefined);
  const closeAndReload = () => {
    close();
    setChosen(new Set());
    reload();
  };
  return (
    <div class="view">
      <BackLink />
      <PersonHead person={person} onOpen={setOpened} />
      {mayEnrol && (
        <PictureDrop
          label={`Choose more pictures of ${person.name}`}
          onFiles={enrolment.add}
          takesWholePage
          isCompact
        >
          <Icon name="upload" />
          <strong>
            Drop more pictures of <bdi>{person.name}</bdi>
          </strong>
        </PictureDrop>
      )}
      {enrolment.entries.length > 0 && (
        <div class="panel">
          <EnrolmentList enrolment={enrolment} />
        </div>
      )}
      {faces.length === 0 ? (
        <div class="panel">
          <Empty icon="people" title={`${person.name} has no faces yet`}>
            <p>
              Without a face nobody can be recognised.
              {mayEnrol && ` Drop a picture of ${person.name} anywhere on this page.`}
            </p>
          </Empty>
        </div>
      ) : (
        <>
          {mayEnrol && (
            <Selection
              person={person}
              chosen={chosen}
              onMove={() => setOpened('move')}
              onRemoved={closeAndReload}
              onClear={() => setChosen(new Set())}
            />
          )}
          <FacesGrid
            person={person}
            faces={faces}
            chosen={chosen}
            onChoose={mayEnrol ? setChosen : undefined}
          />
        </>
      )}
      {opened === 'rename' && <RenameDialog person={person} onClose={close} onDone={closeAndReload} />}
      {opened === 'merge' && (
        <MergeDialog person={person} onClose={close} onDone={(into) => goTo('people', into)} />
      )}
      {opened === 'move' && (
        <MoveDialog person={person} faceIds={[...chosen]} onClose={close} onDone={closeAndReload} />
      )}
      {opened === 'erase' && <EraseDialog person={person} onClose={close} onDone={() => goTo('people')} />}
    </div>
  );
}

function BackLink() {
  return (
    <p>
      <a class="back" href="#/people">
        <Icon name="back" />
        People
      </a>
    </p>
  );
}

function PersonHead({ person, onOpen }: { person: Person; onOpen: (what: Opened) => void }) {
  return (
    <div class="view-head">
      <div>
        <h1 dir="auto">{person.name}</h1>
        <p class="hint">{count(person.faces, 'face')}</p>
      </div>
      {useMay('enrol') && <PersonActs onOpen={onOpen} />}
    </div>
  );
}

function PersonActs({ onOpen }: { onOpen: (what: Opened) => void }) {
  return (
    <div class="row">
      <button type="button" class="small" onClick={() => onOpen('rename')}>
        <Icon name="edit" />
        Rename
      </button>
      <button type="button" class="small" onClick={() => onOpen('merge')}>
        <Icon name="merge" />
        Merge
      </button>
      <button type="button" class="small danger" onClick={() => onOpen('erase')}>
        <Icon name="trash" />
        Remove
      </button>
    </div>
  );
}

interface SelectionProps {
  readonly person: Person;
  readonly chosen: ReadonlySet<string>;
  readonly onMove: () => void;
  readonly onRemoved: () => void;
  readonly onClear: () => void;
}

/** What can be done with the faces that are ticked. */
function Selection({ person, chosen, onMove, onRemoved, onClear }: SelectionProps) {
  const [isBusy, setIsBusy] = useState(false);
  const remove = async () => {
    setIsBusy(true);
    try {
      for (const faceId of chosen) await removeFace(person.id, faceId);
      tell(`${count(chosen.size, 'face')} removed.`);
    } catch (error) {
      tellProblem(messageOf(error));
    }
    setIsBusy(false);
    onRemoved();
  };
  return (
    <div class="selection">
      {chosen.size === 0 ? (
        <p class="hint">
          Tick faces that are not {person.name}'s to move them to whoever they are, or to remove them.
        </p>
      ) : (
        <>
          <strong>{count(chosen.size, 'face')} ticked</strong>
          <button type="button" class="small" disabled={isBusy} onClick={onMove}>
            <Icon name="move" />
            Move to …
          </button>
          <button type="button" class="small danger" disabled={isBusy} onClick={() => void remove()}>
            <Icon name="trash" />
            Remove {count(chosen.size, 'face')}
          </button>
          <button type="button" class="small plain" onClick={onClear}>
            Clear
          </button>
        </>
      )}
    </div>
  );
}
