import type { Config } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { GalleryId, JobErrorCode, JobRecord, JobResult, JobTask } from './job.ts';
import { galleryFact } from './job-gallery.ts';
import { type IdTime, idBefore, idTimeAt, idTimeOf } from './job-time.ts';
import { inputKey, recordKey, resultKey } from './keys.ts';
import { isJobId } from './messages.ts';
import { readRecord } from './record.ts';
import { readResult } from './results.ts';
import { type Buckets, resultBucket } from './stores.ts';

export type JobStatus = 'pending' | 'done' | 'failed' | 'cancelled';

/** A job in a listing. */
export interface JobSummary {
  readonly jobId: string;
  readonly status: JobStatus;
  readonly kind: JobTask['kind'];
  readonly fileName: string;
  readonly submittedAt: number;
  readonly finishedAt?: number;
  readonly traceId: string;
  /** Absent for the default one. */
  readonly galleryId?: GalleryId;
  /** How many faces were found. */
  readonly faces?: number;
  readonly error?: { readonly code: JobErrorCode; readonly message: string };
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobSummary[];
  /** Where the next page begins: after this job. Absent on the last page. */
  readonly next?: string;
}

export interface JobQuery {
  readonly limit: number;
  /** Only jobs older than this one. */
  readonly after?: string;
  readonly status?: JobStatus;
  /** Only jobs about this gallery; null is the default one. */
  readonly galleryId?: GalleryId | null;
}

export interface JobListOptions {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly config: Pick<Config, 'dialect' | 'retentionDays'>;
}

/** Ids taken from one stretch of time; a stretch with more is cut smaller. One is meant to hold half as many: some pages. */
const MAX_IN_STRETCH = 2000;
const WANTED_IN_STRETCH = 1000;
/** Stretches kept for the pages that follow, and for how long. */
const MAX_KEPT = 16;
const KEPT_MS = 60_000;
/** Jobs looked at for one page. With a filter that few pass, a page may be short, or empty, and still have a next one. */
const MAX_LOOKS = 400;
const LOOKS_AT_ONCE = 16;
const FIRST_STRETCH_MS = 3_600_000;
/** How much a stretch may grow or shrink from one to the next. */
const STEP = 8;
const DAY_MS = 86_400_000;
/** Clocks of other web processes may be ahead. */
const SKEW_MS = 600_000;
/** No job is older than the service. */
const BEGINNING = Date.UTC(2024, 0, 1);

/**
 * All jobs of the deployment, newest first.
 *
 * Buckets list upwards only, but a job id begins with its time: so stretches of time are listed backwards from now (or
 * from where the last page ended), each as long as the last one suggests. What a stretch held is kept for a minute, so that most
 * pages need no listing. A listing costs one or two calls on S3; on disk it reads the names in two folders, some 0.1 s a time for
 * 100,000 jobs.
 */
export class JobList {
  readonly #options: JobListOptions;
  readonly #kept: Stretch[] = [];
  /** How long a stretch was that held about as many ids as wanted. */
  #length: IdTime = idTimeAt(FIRST_STRETCH_MS);

  constructor(options: JobListOptions) {
    this.#options = options;
  }

  async page({ limit, after, ...wanted }: JobQuery): Promise<JobPage> {
    const jobs: JobSummary[] = [];
    let looks = 0;
    let last: string | undefined;
    for await (const ids of this.#backwards(after)) {
      for (let start = 0; start < ids.length; start += LOOKS_AT_ONCE) {
        const some = ids.slice(start, start + LOOKS_AT_ONCE);
        for (const [index, job] of (await Promise.all(some.map((id) => this.#look(id)))).entries()) {
          if (jobs.length === limit || looks === MAX_LOOKS) return { jobs, ...(last && { next: last }) };
          looks++;
          last = some[index]!;
          if (job !== undefined && isWanted(job, wanted)) jobs.push(job);
        }
      }
    }
    return { jobs };
  }

  /** Ids, newest first, some at a time. */
  async *#backwards(after: string | undefined): AsyncGenerator<readonly string[]> {
    const { clock, config } = this.#options;
    const now = clock.now();
    const keptMs = config.retentionDays === 0 ? now - BEGINNING : (config.retentionDays + 1) * DAY_MS;
    const floor = idTimeAt(Math.max(0, now - keptMs));
    const newest = idTimeAt(now + SKEW_MS);
    let upper = after === undefined ? newest : idTimeOf(after) + 1n;
    while (upper > floor) {
      const stretch = this.#keptAt(after, upper) ?? (await this.#list(upper, floor, newest));
      yield after === undefined ? stretch.ids : stretch.ids.filter((id) => id < after);
      upper = stretch.lower;
    }
  }

  /** One that was listed a moment ago and reaches up to there. The newest jobs are always looked for. */
  #keptAt(after: string | undefined, upper: IdTime): Stretch | undefined {
    if (after === undefined) return undefined;
    const since = this.#options.clock.monotonic() - KEPT_MS;
    return this.#kept.find((one) => one.lower < upper && upper <= one.upper && one.listedAt >= since);
  }

  /** As long a stretch down from there as holds a number of ids that can be handled. */
  async #list(upper: IdTime, floor: IdTime, newest: IdTime): Promise<Stretch> {
    // What lies ahead of now is not to count as a time without jobs.
    const ahead = upper === newest ? idTimeAt(SKEW_MS) : 0n;
    for (;;) {
      const lowest = upper - ahead - this.#length;
      const lower = lowest > floor ? lowest : floor;
      const max = this.#length <= 1n ? Number.POSITIVE_INFINITY : MAX_IN_STRETCH;
      const ids = await this.#between(lower, upper, max);
      this.#length = nextLength(this.#length, ids?.length);
      if (ids === undefined) continue;
      const stretch = { lower, upper, ids: ids.sort().reverse(), listedAt: this.#options.clock.monotonic() };
      this.#kept.unshift(stretch);
      this.#kept.length = Math.min(this.#kept.length, MAX_KEPT);
      return stretch;
    }
  }

  /** The ids of that time, or undefined when they are more than `max`. */
  async #between(lower: IdTime, upper: IdTime, max: number): Promise<string[] | undefined> {
    const found = new Set<string>();
    const [from, to] = [idBefore(lower), idBefore(upper)];
    for (const { bucket, keyOf } of this.#places()) {
      const prefix = keyOf('').replace(/\.json$/, '');
      for await (const { key } of bucket.list({ prefix, startAfter: `${prefix}${from}` })) {
        const jobId = key.slice(prefix.length).replace(/\.json$/, '');
        if (jobId > to) break;
        if (isJobId(jobId)) found.add(jobId);
        if (found.size > max) return undefined;
      }
    }
    return [...found];
  }

  /** Where jobs leave traces: their uploads or records, and results, which stay when a picture is deleted. */
  #places(): { bucket: ObjectStore; keyOf: (jobId: string) => string }[] {
    const { buckets, config } = this.#options;
    const results = { bucket: resultBucket(buckets, config.dialect), keyOf: resultKey };
    if (config.dialect === 'native') return [{ bucket: buckets.input, keyOf: inputKey }, results];
    return [{ bucket: buckets.state, keyOf: recordKey }, { bucket: buckets.state, keyOf: inputKey }, results];
  }

  /** Undefined when nothing is left of it. */
  async #look(jobId: string): Promise<JobSummary | undefined> {
    const { buckets, config } = this.#options;
    const found = await readResult(resultBucket(buckets, config.dialect), jobId);
    if (found !== undefined) return finished(found.result);
    const record = await readRecord(buckets, jobId);
    return record && pending(record);
  }
}

/** Of a job that has its result. */
export function statusOf(result: JobResult): JobStatus {
  return result.status === 'failed' && result.error.code === 'cancelled' ? 'cancelled' : result.status;
}

function finished(result: JobResult): JobSummary {
  const { jobId, kind, fileName, submittedAt, finishedAt, traceId, galleryId } = result;
  return {
    jobId,
    status: statusOf(result),
    kind,
    fileName,
    submittedAt,
    finishedAt,
    traceId,
    ...(galleryId !== undefined && { galleryId }),
    ...(result.status === 'done' ? { faces: result.faces.length } : { error: result.error }),
  };
}

function pending({ jobId, task, fileName, submittedAt, traceId }: JobRecord): JobSummary {
  const facts = { jobId, kind: task.kind, fileName, submittedAt, traceId };
  return { ...facts, ...galleryFact(task), status: 'pending' };
}

function isWanted(job: JobSummary, { status, galleryId }: Pick<JobQuery, 'status' | 'galleryId'>): boolean {
  if (status !== undefined && job.status !== status) return false;
  return galleryId === undefined || (job.galleryId ?? null) === galleryId;
}

/** A stretch of time and the ids in it, newest first. */
interface Stretch {
  readonly lower: IdTime;
  readonly upper: IdTime;
  readonly ids: readonly string[];
  readonly listedAt: number;
}

/** Going by how many the last one held; undefined: too many. */
function nextLength(length: IdTime, held: number | undefined): IdTime {
  const fitting = held === undefined ? 1 / STEP : held === 0 ? STEP : WANTED_IN_STRETCH / held;
  const factor = Math.min(STEP, Math.max(1 / STEP, fitting));
  const next = (length * BigInt(Math.round(factor * 1000))) / 1000n;
  return next < 1n ? 1n : next;
}
