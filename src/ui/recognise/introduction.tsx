import { useId, useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { useLoad, useSettled } from '../kit/hooks.ts';
import { tell, tellProblem } from '../kit/notices.tsx';
import { introduceFace, searchPeople, withdrawFace } from '../people/people-api.ts';
import { type AskedPicture, type GivenName, noteName } from './session.ts';

const SUGGESTIONS = 8;
const SETTLE_MS = 150;

interface IntroductionProps {
  readonly picture: AskedPicture;
  readonly index: number;
  readonly given: GivenName | undefined;
}

/** "Who is this?": a name, Enter, and the person is known. */
export function Introduction({ picture, index, given }: IntroductionProps) {
  return given === undefined ? (
    <NameForm picture={picture} index={index} />
  ) : (
    <Undo picture={picture} index={index} given={given} />
  );
}

function NameForm({ picture, index }: { picture: AskedPicture; index: number }) {
  const [name, setName] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const id = useId();
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() === '' || isBusy) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      const given = await introduceFace({ jobId: picture.result!.jobId, face: index, name: name.trim() });
      noteName(picture.id, index, given);
      tell(`${given.name} will be recognised from now on.`);
    } catch (error) {
      setProblem(messageOf(error));
      setIsBusy(false);
    }
  };
  return (
    <form class="introduction" onSubmit={(event) => void onSubmit(event)}>
      <label for={id}>Who is this?</label>
      <div class="joined">
        <input
          id={id}
          value={name}
          maxLength={200}
          autocomplete="off"
          placeholder="Name"
          list={`${id}-known`}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={isBusy || name.trim() === ''}>
          {isBusy ? 'Saving …' : 'Save'}
        </button>
      </div>
      <Known id={`${id}-known`} name={name} />
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

/** People who are there already, as one types. */
function Known({ id, name }: { id: string; name: string }) {
  const settled = useSettled(name.trim(), SETTLE_MS);
  const { value = [] } = useLoad(settled, async (signal) =>
    settled === '' ? [] : (await searchPeople({ search: settled, limit: SUGGESTIONS }, signal)).people,
  );
  return (
    <datalist id={id}>
      {value.map((person) => (
        <option key={person.personId} value={person.name} />
      ))}
    </datalist>
  );
}

function Undo({ picture, index, given }: Required<IntroductionProps> & { given: GivenName }) {
  const { personId, faceId, name } = given;
  const [isBusy, setIsBusy] = useState(false);
  const undo = async () => {
    setIsBusy(true);
    try {
      await withdrawFace(personId, faceId!);
      noteName(picture.id, index, undefined);
      tell(`This face is not ${name}'s any more.`);
    } catch (error) {
      tellProblem(messageOf(error));
      setIsBusy(false);
    }
  };
  return (
    <p class="introduced">
      <a href={`#/people/${personId}`}>Open {name}</a>
      {faceId !== undefined && (
        <button type="button" class="plain small" disabled={isBusy} onClick={() => void undo()}>
          Undo
        </button>
      )}
    </p>
  );
}
