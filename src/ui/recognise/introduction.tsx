import { useId, useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { similarity } from '../kit/format.ts';
import { useLoad, useSettled } from '../kit/hooks.ts';
import { tell, tellProblem } from '../kit/notices.tsx';
import {
  addFaceOfJob,
  type EnrolledPicture,
  introduceFace,
  listPeople,
  type Introduction as Outcome,
  removeFace,
} from '../people/people-api.ts';
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
  const [refused, setRefused] = useState<Outcome>();
  if (given !== undefined) return <Undo picture={picture} index={index} given={given} />;
  const settle = (outcome: Outcome) => {
    const { person, picture: enrolled } = outcome;
    const isKept = ['enrolled', 'duplicate', 'pending'].includes(enrolled.verdict);
    setRefused(isKept ? undefined : outcome);
    if (!isKept) return;
    noteName(picture.id, index, {
      personId: person.id,
      name: person.name,
      faceId: enrolled.faceId ?? undefined,
    });
    tell(`${person.name} will be recognised from now on.`);
  };
  return (
    <>
      <NameForm picture={picture} index={index} onOutcome={settle} />
      {refused !== undefined && (
        <Refusal picture={picture} index={index} refused={refused} onOutcome={settle} />
      )}
    </>
  );
}

interface AskProps {
  readonly picture: AskedPicture;
  readonly index: number;
  readonly onOutcome: (outcome: Outcome) => void;
}

function NameForm({ picture, index, onOutcome }: AskProps) {
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
      onOutcome(await introduceFace(name.trim(), { jobId: picture.result!.jobId, face: index }));
    } catch (error) {
      setProblem(messageOf(error));
    }
    setIsBusy(false);
  };
  return (
    <form class="introduction" onSubmit={(event) => void onSubmit(event)}>
      <label for={id}>Who is this?</label>
      <div class="joined">
        <input
          id={id}
          value={name}
          maxLength={200}
          dir="auto"
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
    settled === '' ? [] : (await listPeople({ search: settled, limit: SUGGESTIONS }, signal)).people,
  );
  return (
    <datalist id={id}>
      {value.map((person) => (
        <option key={person.id} value={person.name} />
      ))}
    </datalist>
  );
}

/** The face was not taken: why, and what can be done about it. */
function Refusal({ picture, index, refused, onOutcome }: AskProps & { refused: Outcome }) {
  const { person, picture: enrolled } = refused;
  const { resembles } = enrolled;
  const add = async (personId: string, name: string, force: boolean) => {
    try {
      const again: EnrolledPicture = await addFaceOfJob(
        personId,
        { jobId: picture.result!.jobId, face: index },
        force,
      );
      onOutcome({ person: { ...person, id: personId, name }, picture: again });
    } catch (error) {
      tellProblem(messageOf(error));
    }
  };
  return (
    <div class="refusal" role="alert">
      <p>
        {resembles === undefined
          ? enrolled.message
          : `This looks like ${resembles.name} (${similarity(resembles.similarity)}).`}
      </p>
      {resembles !== undefined && (
        <div class="row">
          <button
            type="button"
            class="small"
            onClick={() => void add(resembles.personId, resembles.name, false)}
          >
            It is {resembles.name}
          </button>
          <button type="button" class="small" onClick={() => void add(person.id, person.name, true)}>
            No, it is {person.name}
          </button>
        </div>
      )}
    </div>
  );
}

function Undo({ picture, index, given }: Required<IntroductionProps> & { given: GivenName }) {
  const { personId, faceId, name } = given;
  const [isBusy, setIsBusy] = useState(false);
  const undo = async () => {
    setIsBusy(true);
    try {
      await removeFace(personId, faceId!);
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
