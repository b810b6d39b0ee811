import type { DoneResult, JobResult } from '../../jobs/job.ts';
import { ApiError, call, messageOf, send } from '../api.ts';
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
  readonly askedAt: number;
  readonly state: 'asking' | 'done' | 'failed';
  readonly result?: DoneResult;
  /** From sending the picture to its answer, milliseconds. */
  readonly tookMs?: number;
  readonly problem?: string;
  /** By index of the face. */
  readonly named: Readonly<Record<number, GivenName>>;
}

export interface Session {
  /** Newest first. */
  readonly pictures: readonly AskedPicture[];
  readonly shownId: number | undefined;
}

/** Pictures are held in memory; this many are enough to compare and small enough to forget about. */
const MOST_PICTURES = 12;
/** As many candidates for each face. */
const TOP_K = 5;
const POLL_SECONDS = 20;

export const session = new Store<Session>({ pictures: [], shownId: undefined });
let lastId = 0;

/** Asks who is on each of the files; the first is shown. */
export function ask(files: readonly File[]): void {
  const asked = files
    .slice(0, MOST_PICTURES)
    .map((file): AskedPicture => ({ id: ++lastId, file, askedAt: Date.now(), state: 'asking', named: {} }));
  session.update(({ pictures }) => ({
    pictures: [...asked, ...pictures].slice(0, MOST_PICTURES),
    shownId: asked[0]?.id,
  }));
  for (const { id, file } of asked) void answer(id, file);
}

/** Asks again, such as after somebody was introduced. */
export function askAgain({ id, file }: AskedPicture): void {
  change(id, (picture) => ({ id, file: picture.file, askedAt: Date.now(), state: 'asking', named: {} }));
  void answer(id, file);
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
    change(id, (picture) => ({ ...picture, state: 'failed', problem: messageOf(error) }));
  }
}

async function recognise(file: File): Promise<DoneResult> {
  const form = new FormData();
  form.set('inputFile', file, file.name || 'pasted.png');
  const response = await send(`/v1/recognitions?topK=${TOP_K}`, { method: 'POST', form });
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
  throw new ApiError(result.error.message, 500, result.jobId);
}
