import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { Dialog } from '../kit/dialog.tsx';
import { count } from '../kit/format.ts';
import { tell } from '../kit/notices.tsx';
import { erasePerson, mergePerson, moveFace, type Person, personCalled, renamePerson } from './people-api.ts';
import { PersonPicker } from './person-picker.tsx';

interface DialogProps {
  readonly person: Person;
  readonly onClose: () => void;
}

interface DoingProps {
  readonly title: string;
  readonly onClose: () => void;
  /** Rejects with what is to be told. */
  readonly act: () => Promise<void>;
  readonly label: string;
  readonly isReady: boolean;
  readonly isDangerous?: boolean;
  readonly children: ComponentChildren;
}

/** A question with one thing to do about it. */
function Doing({ title, onClose, act, label, isReady, isDangerous, children }: DoingProps) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!isReady || isBusy) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      await act();
    } catch (error) {
      setProblem(messageOf(error));
      setIsBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void onSubmit(event)}>
        {children}
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={isDangerous ? 'primary danger' : 'primary'}
            disabled={!isReady || isBusy}
          >
            {isBusy ? 'A moment …' : label}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function RenameDialog({ person, onClose, onDone }: DialogProps & { onDone: () => void }) {
  const [name, setName] = useState(person.name);
  const act = async () => {
    await renamePerson(person.id, name.trim());
    tell(`${person.name} is called ${name.trim()} now.`);
    onDone();
  };
  const isReady = name.trim() !== '' && name.trim() !== person.name;
  return (
    <Doing title={`Rename ${person.name}`} onClose={onClose} act={act} label="Rename" isReady={isReady}>
      <label class="field">
        Name
        <input
          value={name}
          maxLength={200}
          dir="auto"
          autocomplete="off"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
    </Doing>
  );
}

export function MergeDialog({ person, onClose, onDone }: DialogProps & { onDone: (into: string) => void }) {
  const [into, setInto] = useState<Person>();
  const act = async () => {
    await mergePerson(person.id, into!.id);
    tell(`${person.name} is ${into!.name} now.`);
    onDone(into!.id);
  };
  return (
    <Doing
      title={`Merge ${person.name}`}
      onClose={onClose}
      act={act}
      label={into === undefined ? 'Merge' : `Merge into ${into.name}`}
      isReady={into !== undefined}
    >
      <PersonPicker
        label={`Who is ${person.name} really?`}
        exceptId={person.id}
        chosen={into}
        onChoose={setInto}
      />
      <p class="hint">
        {into === undefined
          ? 'They become one person. Nobody’s faces are lost.'
          : `${into.name} gets ${count(person.faces, 'face')} of ${person.name}’s, and the name ${person.name} goes. To part them again, move faces.`}
      </p>
    </Doing>
  );
}

export function MoveDialog(props: DialogProps & { faceIds: readonly string[]; onDone: () => void }) {
  const { person, faceIds, onClose, onDone } = props;
  const [isNew, setIsNew] = useState(true);
  const [name, setName] = useState('');
  const [known, setKnown] = useState<Person>();
  const faces = count(faceIds.length, 'face');
  const act = async () => {
    const to = isNew ? await personCalled(name.trim()) : known!;
    for (const faceId of faceIds) await moveFace(person.id, faceId, to.id);
    tell(`${faces} moved to ${to.name}.`);
    onDone();
  };
  return (
    <Doing
      title={`Move ${faces}`}
      onClose={onClose}
      act={act}
      label="Move"
      isReady={isNew ? name.trim() !== '' : known !== undefined}
    >
      <fieldset class="choice">
        <legend>Whose are they?</legend>
        <label>
          <input type="radio" name="whose" checked={isNew} onChange={() => setIsNew(true)} />
          Somebody new
        </label>
        <label>
          <input type="radio" name="whose" checked={!isNew} onChange={() => setIsNew(false)} />
          Somebody known
        </label>
      </fieldset>
      {isNew ? (
        <label class="field">
          Name
          <input
            value={name}
            maxLength={200}
            dir="auto"
            autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      ) : (
        <PersonPicker label="Who" exceptId={person.id} chosen={known} onChoose={setKnown} />
      )}
      <p class="hint">
        {person.name} learns from it, too: faces like these are not taken for {person.name} again.
      </p>
    </Doing>
  );
}

export function EraseDialog({ person, onClose, onDone }: DialogProps & { onDone: () => void }) {
  const act = async () => {
    await erasePerson(person.id);
    tell(`${person.name} was removed, with all that was kept.`);
    onDone();
  };
  return (
    <Doing
      title={`Remove ${person.name}?`}
      onClose={onClose}
      act={act}
      label={`Remove ${person.name} for good`}
      isReady
      isDangerous
    >
      <p>This erases, at once and for good:</p>
      <ul class="erased">
        <li>
          {count(person.faces, 'enrolled face')} with {person.faces === 1 ? 'its' : 'their'} number vectors
          and thumbnails
        </li>
        <li>the pictures that they came from</li>
        <li>every result in which {person.name} was recognised or proposed, with its picture</li>
        <li>the name</li>
      </ul>
      <p class="hint">It cannot be undone. Backups and exports that you made are yours to clean.</p>
    </Doing>
  );
}
