import { createHash } from 'node:crypto';
import { PreconditionFailedError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { GalleryId, JobTask } from './job.ts';
import { SENT_IN_JOBS, sentInKey, sentInSinceKey } from './keys.ts';

/** Each lookup of one reference lists its own keys; for more than this all are listed once. */
const MOST_PREFIXES = 8;
/** Web processes of a release that noted nothing may have gone on for so long beside one that does. */
const UPGRADE_MILLISECONDS = 3_600_000;

/** Whom a picture is sent in for: somebody by id or name, or a face that is embedded anew. */
export interface SentInFor {
  readonly gallery: GalleryId | undefined;
  readonly person: string;
}

/**
 * Notes for whom a job's picture is sent in, before it is stored: an erasure then finds the jobs of somebody without looking
 * at every picture that is kept. The note names them by a hash only; it says no more than the record that it leads to.
 */
export async function noteSentIn(
  state: ObjectStore,
  clock: Clock,
  { jobId, task }: { readonly jobId: string; readonly task: JobTask },
): Promise<void> {
  const reference = referenceOf(task);
  if (reference === undefined) return;
  await sentInNotedSince(state, clock);
  await state.put(sentInKey(hashOf(reference), jobId), new Uint8Array());
}

/** Jobs that were noted for any of them; some may be gone. */
export async function jobsSentInBy(
  state: ObjectStore,
  references: readonly SentInFor[],
): Promise<{ readonly jobId: string; readonly key: string }[]> {
  const hashes = new Set(references.map(hashOf));
  const prefixes =
    hashes.size > MOST_PREFIXES ? [SENT_IN_JOBS] : [...hashes].map((hash) => sentInKey(hash, ''));
  const found: { jobId: string; key: string }[] = [];
  for (const prefix of prefixes) {
    for await (const { key } of state.list({ prefix })) {
      const [hash = '', jobId] = key.slice(SENT_IN_JOBS.length).split('~');
      if (jobId !== undefined && hashes.has(hash)) found.push({ jobId, key });
    }
  }
  return found;
}

/**
 * All jobs from this time on (milliseconds since the epoch) were noted; of earlier ones only their records tell. Settled by
 * whoever asks first.
 */
export async function sentInNotedSince(state: ObjectStore, clock: Clock): Promise<number> {
  const known = settled.get(state);
  if (known !== undefined) return known;
  const since = (await readSince(state)) ?? (await settleSince(state, clock.now() + UPGRADE_MILLISECONDS));
  settled.set(state, since);
  return since;
}

/** It never changes. */
const settled = new WeakMap<ObjectStore, number>();

async function settleSince(state: ObjectStore, since: number): Promise<number> {
  try {
    await state.put(sentInSinceKey, Buffer.from(JSON.stringify({ version: 1, since })), {
      contentType: 'application/json',
      ifNoneMatch: '*',
    });
    return since;
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
    return (await readSince(state)) ?? since;
  }
}

async function readSince(state: ObjectStore): Promise<number | undefined> {
  const object = await state.get(sentInSinceKey);
  if (object === undefined) return undefined;
  return (JSON.parse((await object.bytes()).toString('utf8')) as { since: number }).since;
}

function referenceOf(task: JobTask): SentInFor | undefined {
  if (task.kind === 'enrol') return { gallery: task.gallery, person: task.person };
  if (task.kind === 'reembed') return { gallery: task.gallery, person: task.faceId };
  return undefined;
}

function hashOf({ gallery, person }: SentInFor): string {
  const text = JSON.stringify([gallery ?? null, person.normalize('NFC').trim()]);
  return createHash('sha256').update(text).digest('hex');
}
