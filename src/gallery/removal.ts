import type { Buckets } from '../jobs/stores.ts';
import type { Clock } from '../ports/clock.ts';
import { GalleryDirectory, type GalleryEntry } from './directory.ts';
import { eraseFromJobs, indexedJobs } from './erasure.ts';
import { Gallery } from './gallery.ts';
import { jobsSentInFor } from './job-erasure.ts';
import { galleryPrefix } from './keys.ts';

export interface RemovalOptions {
  readonly buckets: Buckets;
  readonly clock: Clock;
}

export interface RemovalReport {
  readonly name: string;
  readonly people: number;
  /** Jobs whose result or picture was erased. */
  readonly jobs: number;
}

/**
 * Removes a gallery for good, with everybody in it and every picture and result that was about it. From the first step on
 * nobody finds it; one that was cut off is ended by housekeeping.
 *
 * @throws NotFoundError when there is none of this name, FacefleetError `conflict` for the default one.
 */
export async function removeGallery(options: RemovalOptions, name: string): Promise<RemovalReport> {
  const directory = new GalleryDirectory({ state: options.buckets.state, clock: options.clock });
  return finishRemoval(options, directory, await directory.close(name));
}

/** Ends removals of processes that died. */
export async function finishRemovals(options: RemovalOptions): Promise<number> {
  const directory = new GalleryDirectory({ state: options.buckets.state, clock: options.clock });
  const closing = await directory.closing();
  for (const entry of closing) await finishRemoval(options, directory, entry);
  return closing.length;
}

async function finishRemoval(
  { buckets, clock }: RemovalOptions,
  directory: GalleryDirectory,
  entry: GalleryEntry,
): Promise<RemovalReport> {
  const { name, galleryId } = entry;
  const gallery = new Gallery({ state: buckets.state, clock, name: galleryId });
  const faceIds = new Set(await gallery.faceIds());
  const { personIds } = await gallery.buryAll();
  const who = {
    ...{ personIds: new Set(personIds), name: '', faceIds, galleryId, isWholeGallery: true },
  };
  const jobs = await indexedJobs(buckets, personIds);
  for await (const jobId of jobsSentInFor(buckets, who)) jobs.add(jobId);
  await eraseFromJobs(buckets, jobs, who);
  for await (const { key } of buckets.state.list({ prefix: galleryPrefix(galleryId) })) {
    await buckets.state.delete(key);
  }
  await directory.forget(entry);
  return { name, people: personIds.length, jobs: jobs.size };
}
