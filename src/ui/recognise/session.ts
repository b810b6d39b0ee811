import type { DoneResult, JobResult } from '../../jobs/job.ts';
import { accessSettled, inGallery } from '../access.ts';
import { ApiError, call, send, sentence } from '../api.ts';
import { tellProblem } from '../kit/notices.tsx';
import { Store } from '../kit/store.ts';

/** A face that was given a name here. */
export interface GivenName {
  readonly personId: string;
  readonly name: string;
  readonly faceId: string | undefined;
}

/** A picture that was asked about since the page was opened. */
export interface AskedPicture {
  readonly id: number;
  readonly file: File;
  /** When it was sent, or was put in line. */
  readonly askedAt: number;
  /** `waiting`: for those before it, here in the page. */
  readonly state: 'waiting' | 'asking' | 'done' | 'failed';
  readonly result?: DoneResult;
  /** From sending the picture to its answer, milliseconds. */
  readonly tookMs?: number;
  readonly problem?: unknown;
  /** By index of the face. */
  readonly named: Readonly<Record<number, GivenName>>;
}

export interface Session {
  /** Newest first. */
  readonly pictures: readonly AskedPicture[];
  readonly shownId: number | undefined;
}

/** Enough to look through; what is older is forgotten. */
const MOST_PICTURES = 60;
/** A browser opens six connections to one place: the others are for what the user does meanwhile. */
const AT_ONCE = 3;
/** As many candidates for each face. */
const TOP_K = 5;
const POLL_SECONDS = 20;

export const session = new Store<Session>({ pictures: [], shownId: undefined });
let lastId = 0;

/** Asks who is on each of the files, a few at a time; the first is shown. */
export function ask(files: readonly File[]): void {
  const asked = files.slice(0, MOST_PICTURES).map((file) => asWaiting(++lastId, file));
  if (files.length > asked.length) {
    tellProblem(`Only the first ${MOST_PICTURES} of ${files.length} pictures were taken.`);
  }
  session.update(({ pictures }) => ({
    pictures: [...asked, ...pictures].slice(0, MOST_PICTURES),
    shownId: asked[0]?.id,
  }));
  sendWaiting();
}

/** Asks again, such as after somebody was introduced. */
export function askAgain({ id, file }: AskedPicture): void {
  change(id, () => asWaiting(id, file));
  sendWaiting();
}

function asWaiting(id: number, file: File): AskedPicture {
  return { id, file, askedAt: Date.now(), state: 'waiting', named: {} };
}

/** Newest drop first, and of that the first picture: the one that is looked at. */
function sendWaiting(): void {
  const { pictures } = session.value;
  const free = AT_ONCE - pictures.filter(({ state }) => state === 'asking').length;
  const next = pictures.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, free));
  for (const { id, file } of next) {
    change(id, (picture) => ({ ...picture, state: 'asking', askedAt: Date.now() }));
    void answer(id, file).then(sendWaiting);
  }
}

export function show(id: number): void {
  session.update((before) => ({ ...before, shownId: id }));
}

export function noteName(id: number, face: number, given: GivenName | undefined): void {
  change(id, (picture) => {
    const { [face]: _, ...others } = picture.named;
    return { ...picture, named: given === undefined ? others : { ...others, [face]: given } };
  });
}

/** Forgets all pictures of the page; the service keeps what it keeps. */
export function clear(): void {
  session.update(() => ({ pictures: [], shownId: undefined }));
}

function change(id: number, how: (picture: AskedPicture) => AskedPicture): void {
  session.update((before) => ({
    ...before,
    pictures: before.pictures.map((picture) => (picture.id === id ? how(picture) : picture)),
  }));
}

async function answer(id: number, file: File): Promise<void> {
  const startedAt = performance.now();
  try {
    const result = await recognise(file);
    const tookMs = performance.now() - startedAt;
    change(id, (picture) => ({ ...picture, state: 'done', result, tookMs }));
  } catch (error) {
    change(id, (picture) => ({ ...picture, state: 'failed', problem: error }));
  }
}

async function recognise(file: File): Promise<DoneResult> {
  await accessSettled();
  const form = new FormData();
  form.set('inputFile', file, file.name || 'pasted.png');
  const response = await send(inGallery(`/recognitions?topK=${TOP_K}`), { method: 'POST', form });
  const result = (await response.json()) as JobResult | { status: 'pending'; jobId: string };
  return done(result.status === 'pending' ? await finished(result.jobId) : result);
}

/** A job that took longer than a request may. */
async function finished(jobId: string): Promise<JobResult> {
  for (;;) {
    const answer = await call<JobResult | { status: 'pending' }>(`/v1/jobs/${jobId}`, {
      headers: { Prefer: `wait=${POLL_SECONDS}` },
    });
    if (answer.status !== 'pending') return answer;
  }
}

function done(result: JobResult): DoneResult {
  if (result.status === 'done') return result;
  throw new ApiError(sentence(result.error.message), 500);
}
