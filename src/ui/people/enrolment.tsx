import { useEffect, useRef, useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { count } from '../kit/format.ts';
import { useObjectUrl } from '../kit/hooks.ts';
import { Badge, Bar, type Tone } from '../kit/states.tsx';
import { addPicture, type EnrolledPicture } from './people-api.ts';

/** The workers do the work; more than a few at once would only wait there instead of here. */
const AT_ONCE = 3;

interface Entry {
  readonly id: number;
  readonly file: File;
  readonly state: 'waiting' | 'sending' | EnrolledPicture['verdict'];
  readonly message: string;
  readonly resembles?: EnrolledPicture['resembles'];
}

export interface Enrolment {
  readonly entries: readonly Entry[];
  readonly isBusy: boolean;
  readonly add: (files: readonly File[]) => void;
  readonly force: (id: number) => void;
}

let lastId = 0;

/** Sends pictures of one person, a few at a time, and keeps what became of each. `onEnrolled`: after each that was. */
export function useEnrolment(personId: string | undefined, onEnrolled: () => void): Enrolment {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const underWay = useRef(new Set<number>());
  const told = useRef(onEnrolled);
  told.current = onEnrolled;
  const change = (id: number, how: Partial<Entry>) =>
    setEntries((before) => before.map((entry) => (entry.id === id ? { ...entry, ...how } : entry)));

  const send = async ({ id, file }: Entry, person: string, force: boolean) => {
    underWay.current.add(id);
    change(id, { state: 'sending', message: 'being looked at …' });
    try {
      const { verdict, message, resembles } = await addPicture(person, file, force);
      change(id, { state: verdict, message, ...(resembles === undefined ? {} : { resembles }) });
      if (verdict === 'enrolled') told.current();
    } catch (error) {
      change(id, { state: 'failed', message: messageOf(error) });
    } finally {
      underWay.current.delete(id);
    }
  };

  useEffect(() => {
    if (personId === undefined) return;
    const free = AT_ONCE - underWay.current.size;
    const next = entries.filter(({ id, state }) => state === 'waiting' && !underWay.current.has(id));
    for (const entry of next.slice(0, Math.max(0, free))) void send(entry, personId, false);
  });

  return {
    entries,
    isBusy: entries.some(({ state }) => state === 'waiting' || state === 'sending'),
    add: (files) =>
      setEntries((before) => [
        ...before,
        ...files.map((file): Entry => ({ id: ++lastId, file, state: 'waiting', message: 'waiting' })),
      ]),
    force: (id) => {
      const entry = entries.find((one) => one.id === id);
      if (entry !== undefined && personId !== undefined) void send(entry, personId, true);
    },
  };
}

const VERDICTS: Readonly<Record<Entry['state'], readonly [tone: Tone, label: string]>> = {
  waiting: ['calm', 'waiting'],
  sending: ['accent', 'looking'],
  enrolled: ['good', 'added'],
  duplicate: ['calm', 'known already'],
  'no-face': ['warn', 'no face'],
  'several-faces': ['warn', 'several faces'],
  'too-small': ['warn', 'too small'],
  'looks-like-another': ['warn', 'looks like another'],
  'bad-image': ['bad', 'not a picture'],
  failed: ['bad', 'failed'],
  pending: ['calm', 'not finished'],
};

/** A line for each picture with its verdict, and how far all of them are. */
export function EnrolmentList({ enrolment: { entries, isBusy, force } }: { enrolment: Enrolment }) {
  if (entries.length === 0) return null;
  const over = entries.filter(({ state }) => state !== 'waiting' && state !== 'sending');
  const added = entries.filter(({ state }) => state === 'enrolled').length;
  return (
    <div class="stack">
      <p role="status">
        {isBusy
          ? `${over.length} of ${count(entries.length, 'picture')} looked at`
          : `${count(added, 'face')} added from ${count(entries.length, 'picture')}`}
      </p>
      <Bar share={over.length / entries.length} tone="accent" />
      <ul class="verdicts">
        {entries.map((entry) => (
          <Line key={entry.id} entry={entry} onForce={() => force(entry.id)} />
        ))}
      </ul>
    </div>
  );
}

function Line({ entry, onForce }: { entry: Entry; onForce: () => void }) {
  const url = useObjectUrl(entry.file);
  const [tone, label] = VERDICTS[entry.state];
  const isPlain = ['waiting', 'sending', 'enrolled'].includes(entry.state);
  return (
    <li>
      {url === undefined ? (
        <span class="verdict-picture" />
      ) : (
        <img class="verdict-picture" src={url} alt="" />
      )}
      <span class="verdict-text">
        <span class="file-name">{entry.file.name}</span>
        {!isPlain && <span class="hint">{entry.message}</span>}
        {entry.state === 'looks-like-another' && (
          <button type="button" class="small" onClick={onForce}>
            Add all the same
          </button>
        )}
      </span>
      <Badge tone={tone}>{label}</Badge>
    </li>
  );
}
