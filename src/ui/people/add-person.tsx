import { useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { Dialog } from '../kit/dialog.tsx';
import { count } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { PictureDrop } from '../kit/picture-drop.tsx';
import { EnrolmentList, useEnrolment } from './enrolment.tsx';
import { type Person, personCalled } from './people-api.ts';

/** A name and pictures; each picture gets a verdict. */
export function AddPerson({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [person, setPerson] = useState<Person>();
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const enrolment = useEnrolment(person?.id, () => undefined);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    setIsBusy(true);
    setProblem(undefined);
    try {
      setPerson(await personCalled(name.trim()));
    } catch (error) {
      setProblem(messageOf(error));
    }
    setIsBusy(false);
  };
  return (
    <Dialog title={person === undefined ? 'Add a person' : `Add ${person.name}`} onClose={onClose} isWide>
      <form class="stack" onSubmit={(event) => void onSubmit(event)}>
        {person === undefined && (
          <label class="field">
            Name
            <input
              value={name}
              maxLength={200}
              dir="auto"
              autocomplete="off"
              required
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
        )}
        <PictureDrop
          label="Choose pictures of this person"
          onFiles={enrolment.add}
          isCompact={enrolment.entries.length > 0}
        >
          <Icon name="upload" />
          <strong>
            {enrolment.entries.length > 0 ? 'More pictures' : 'Drop or choose pictures of this person'}
          </strong>
          {enrolment.entries.length === 0 && (
            <span class="hint">As many as you like; this person should be alone or fill the middle</span>
          )}
        </PictureDrop>
        <EnrolmentList enrolment={enrolment} />
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          {person === undefined ? (
            <button type="submit" class="primary" disabled={isBusy || name.trim() === ''}>
              {enrolment.entries.length === 0
                ? 'Add'
                : `Add with ${count(enrolment.entries.length, 'picture')}`}
            </button>
          ) : (
            <>
              <button type="button" onClick={onClose}>
                {enrolment.isBusy ? 'Close' : 'Done'}
              </button>
              <a class="button" href={`#/people/${person.id}`}>
                Open {person.name}
              </a>
            </>
          )}
        </div>
      </form>
    </Dialog>
  );
}
