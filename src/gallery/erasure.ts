import { errorCode, FacefleetError, NotFoundError } from '../errors.ts';
import { oldPersonJobKey, personJobKey } from '../jobs/keys.ts';
import { jobsSentInBy, sentInNotedSince } from '../jobs/sent-in.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Clock } from '../ports/clock.ts';
import { fold, scrub } from './compaction.ts';
import { Gallery } from './gallery.ts';
import { type ErasedIdentity, eraseFromJob, jobsSentInFor } from './job-erasure.ts';
import { DEFAULT_GALLERY, type GalleryKeys, galleryKeys } from './keys.ts';

const RECORD_VERSION = 1;
/** How long after an erasure its jobs are looked through again: one that was being worked on may have told of the person since. */
const AFTERMATH_MILLISECONDS = 15 * 60_000;
/** One by one, somebody's thousand jobs take minutes where a call takes 20 ms. */
const JOBS_AT_ONCE = 8;

/**
 * What an erasure has to do, written down before it begins, so that housekeeping can end it if this process dies.
 * It holds the name no longer than that takes.
 */
interface ErasureRecord {
  readonly version: typeof RECORD_VERSION;
  readonly personId: string;
  readonly familyIds: readonly string[];
  /** Undefined once everything was erased. */
  readonly name?: string;
  readonly faceIds: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface ErasureOptions {
  readonly buckets: Buckets;
  readonly clock: Clock;
  /** Default `default`. */
  readonly gallery?: string;
}

export interface ErasureReport {
  readonly personId: string;
  readonly faces: number;
  /** Jobs whose result or picture was erased, or that no longer name the person. */
  readonly jobs: number;
  /** The first gallery version without them. */
  readonly galleryVersion: number;
}

/**
 * Removes a person for good: first a tombstone, from which on they are nobody to anyone; then every byte of templates,
 * crops and names from log and base, and every picture and result of theirs. The id is never used again.
 *
 * Repeating it, by id, for somebody who is erased already erases what may be left.
 *
 * @throws NotFoundError when there is no such person.
 */
export async function erasePerson(options: ErasureOptions, reference: string): Promise<ErasureReport> {
  const gallery = galleryOf(options);
  const keys = keysOf(options);
  const at = options.clock.now();
  let record: ErasureRecord;
  try {
    const { personId, name, faces } = await gallery.person(reference);
    const faceIds = faces.map(({ faceId }) => faceId);
    const familyIds = await gallery.familyOf(personId);
    record = { version: RECORD_VERSION, personId, familyIds, name, faceIds, at };
  } catch (error) {
    if (errorCode(error) !== 'erased') throw error;
    const unfinished = await readRecord(options, keys.erasure(reference));
    record = unfinished ?? {
      version: RECORD_VERSION,
      personId: reference,
      familyIds: [reference],
      faceIds: [],
      at,
    };
  }
  await putRecord(options, keys, record);
  return carryOut(options, record);
}

/** Removes one face of a person for good, with its crop and the picture that it was enrolled from. */
export async function eraseFace(options: ErasureOptions, faceId: string): Promise<ErasureReport> {
  const { buckets } = options;
  const keys = keysOf(options);
  const gallery = galleryOf(options);
  const owners = await gallery.peopleOf(faceId);
  if (owners === undefined) throw new NotFoundError('there is no such face', { context: { faceId } });
  const version = await gallery.buryFace(faceId);
  await foldAway(options, keys, version);
  await buckets.state.delete(keys.crop(faceId));
  const who = {
    personIds: new Set<string>(),
    name: undefined,
    faceIds: new Set([faceId]),
    ...galleryIn(options),
  };
  const jobs = new Set<string>();
  for (const owner of owners)
    for (const id of await indexedJobs(buckets, await gallery.familyOf(owner))) jobs.add(id);
  await eraseSentIn(options, jobs, who);
  await eraseFromJobs(buckets, jobs, who);
  return { personId: owners[0] ?? '', faces: 1, jobs: jobs.size, galleryVersion: version };
}

/** Ends what erasures of processes that died left undone, and looks after those of the last minutes. Cheap when there are none. */
export async function finishErasures(options: ErasureOptions): Promise<void> {
  const { buckets, clock } = options;
  const keys = keysOf(options);
  for await (const { key } of buckets.state.list({ prefix: keys.erasurePrefix })) {
    const record = await readRecord(options, key);
    if (record === undefined) continue;
    await carryOut(options, record).catch((error: unknown) => {
      if (errorCode(error) !== 'conflict') throw error;
    });
    if (clock.now() - record.at > AFTERMATH_MILLISECONDS) await buckets.state.delete(key);
  }
}

/** Whatever of it is still to do. */
async function carryOut(options: ErasureOptions, begun: ErasureRecord): Promise<ErasureReport> {
  const { buckets } = options;
  const keys = keysOf(options);
  const gallery = galleryOf(options);
  const record = await entomb(options, gallery, begun);
  const isFirstTime = record.name !== undefined;
  if (isFirstTime) await foldAway(options, keys, await gallery.refresh());
  await Promise.all(record.faceIds.map((faceId) => buckets.state.delete(keys.crop(faceId))));
  const personIds = new Set(record.familyIds);
  const who = {
    ...{ personIds, name: record.name ?? '', faceIds: new Set(record.faceIds) },
    ...galleryIn(options),
  };
  const jobs = await indexedJobs(buckets, record.familyIds);
  // Who sends them in now means somebody new, or is refused by the tombstone.
  if (isFirstTime) await eraseSentIn(options, jobs, who);
  await eraseFromJobs(buckets, jobs, who);
  const { name: _, ...nameless } = record;
  if (isFirstTime) await putRecord(options, keys, nameless);
  return {
    personId: record.personId,
    faces: record.faceIds.length,
    jobs: jobs.size,
    galleryVersion: gallery.version,
  };
}

/**
 * The tombstone, and the record as it then is exact.
 *
 * @throws FacefleetError `conflict` when the person was merged into another before it came to that: nothing is erased.
 */
async function entomb(
  options: ErasureOptions,
  gallery: Gallery,
  record: ErasureRecord,
): Promise<ErasureRecord> {
  const keys = keysOf(options);
  try {
    const person = await gallery.find(record.personId);
    if (person?.personId !== record.personId) {
      await options.buckets.state.delete(keys.erasure(record.personId));
      throw new FacefleetError('conflict', 'the person was merged into another while they were to be erased');
    }
    const { familyIds, name, faceIds } = await gallery.bury(record.personId);
    const exact = { ...record, familyIds, name, faceIds };
    await putRecord(options, keys, exact);
    return exact;
  } catch (error) {
    if (errorCode(error) === 'erased') return record;
    throw error;
  }
}

/** A base without what was buried at `version`, and nothing left of anything before. */
async function foldAway(
  { buckets, clock }: ErasureOptions,
  keys: GalleryKeys,
  version: number,
): Promise<void> {
  const { manifest } = await fold(buckets.state, keys, clock, version);
  await scrub(buckets.state, keys, manifest, version);
}

export async function indexedJobs({ state }: Buckets, personIds: Iterable<string>): Promise<Set<string>> {
  const jobs = new Set<string>();
  for (const personId of personIds) {
    for (const prefix of [personJobKey(personId, ''), oldPersonJobKey(personId, '')]) {
      for await (const { key } of state.list({ prefix })) jobs.add(key.slice(prefix.length));
    }
  }
  return jobs;
}

/**
 * Erases the jobs whose picture was sent in for them, and adds them to `jobs`: as was noted when they were sent in, and of
 * earlier ones as their records say.
 */
async function eraseSentIn(
  { buckets, clock }: ErasureOptions,
  jobs: Set<string>,
  who: ErasedIdentity,
): Promise<void> {
  const { state } = buckets;
  const { galleryId: gallery, personIds, faceIds, name } = who;
  const references = [...personIds, ...faceIds, ...(name === undefined ? [] : [name])];
  const noted = await jobsSentInBy(
    state,
    references.map((person) => ({ gallery, person })),
  );
  for await (const jobId of jobsSentInFor(buckets, who, await sentInNotedSince(state, clock)))
    jobs.add(jobId);
  await eraseFromJobs(
    buckets,
    noted.map(({ jobId }) => jobId),
    who,
  );
  for (const { jobId, key } of noted) {
    jobs.add(jobId);
    await state.delete(key);
  }
}

export async function eraseFromJobs(
  buckets: Buckets,
  jobs: Iterable<string>,
  who: ErasedIdentity,
): Promise<void> {
  const waiting = new Set(jobs).values();
  const lane = async () => {
    for (const jobId of waiting) {
      await eraseFromJob(buckets, jobId, who);
      for (const personId of who.personIds) {
        await buckets.state.delete(personJobKey(personId, jobId));
        await buckets.state.delete(oldPersonJobKey(personId, jobId));
      }
    }
  };
  await Promise.all(Array.from({ length: JOBS_AT_ONCE }, lane));
}

async function putRecord(
  { buckets }: ErasureOptions,
  keys: GalleryKeys,
  record: ErasureRecord,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(record));
  await buckets.state.put(keys.erasure(record.personId), body, { contentType: 'application/json' });
}

async function readRecord({ buckets }: ErasureOptions, key: string): Promise<ErasureRecord | undefined> {
  const object = await buckets.state.get(key);
  if (object === undefined) return undefined;
  const record = JSON.parse((await object.bytes()).toString('utf8')) as Partial<ErasureRecord>;
  if (record.version === RECORD_VERSION) return record as ErasureRecord;
  throw new FacefleetError(
    'data-corrupt',
    `the record of an erasure has format ${record.version}, expected ${RECORD_VERSION}`,
    { context: { key } },
  );
}

function galleryOf({ buckets, clock, gallery: name = DEFAULT_GALLERY }: ErasureOptions): Gallery {
  return new Gallery({ state: buckets.state, clock, name });
}

/** As jobs call it. */
function galleryIn({ gallery = DEFAULT_GALLERY }: ErasureOptions): Pick<ErasedIdentity, 'galleryId'> {
  return { galleryId: gallery === DEFAULT_GALLERY ? undefined : gallery };
}

function keysOf({ gallery: name = DEFAULT_GALLERY }: ErasureOptions): GalleryKeys {
  return galleryKeys(name);
}
