import { errorCode, UnavailableError } from '../errors.ts';
import { courseOutputKey } from '../jobs/course-names.ts';
import type { Dialect, FailedResult, JobMessage, JobResult } from '../jobs/job.ts';
import { personJobKey } from '../jobs/keys.ts';
import { readRecord } from '../jobs/record.ts';
import {
  createResult,
  nameOf,
  peopleIn,
  readResult,
  replaceResult,
  type StoredResult,
} from '../jobs/results.ts';
import { type Buckets, resultBucket } from '../jobs/stores.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Galleries } from './galleries.ts';

export interface ResultWriterOptions {
  readonly buckets: Buckets;
  readonly dialect: Dialect;
  readonly galleries: Galleries;
}

/** Stores each result once, findable for erasure, and takes it back when a person it names was erased meanwhile. */
export class ResultWriter {
  readonly dialect: Dialect;
  readonly #buckets: Buckets;
  readonly #galleries: Galleries;

  constructor({ buckets, dialect, galleries }: ResultWriterOptions) {
    this.dialect = dialect;
    this.#buckets = buckets;
    this.#galleries = galleries;
  }

  /** The result that the job has already, and that stands; undefined when it is to be worked off. */
  async standing(message: JobMessage): Promise<JobResult | undefined> {
    const existing = (await this.#read(message.jobId))?.result;
    if (existing === undefined || isReplaceable(existing, message)) return undefined;
    return this.#settle(existing);
  }

  /**
   * Stores the result unless the job has one, and resolves to the one that stands.
   *
   * The index from people to jobs is written first: an erasure that comes between finds the result, or its tombstone
   * is found below. Repeating it after it failed anywhere is safe.
   */
  async store(result: JobResult, message: JobMessage): Promise<JobResult> {
    await this.#index(result);
    if (await createResult(this.#bucket, result)) return this.#settle(result);
    const existing = await this.#read(result.jobId);
    if (existing !== undefined && !isReplaceable(existing.result, message)) {
      return this.#settle(existing.result);
    }
    if (existing === undefined || !(await this.#replace(result, existing.etag))) {
      throw new UnavailableError('a result changed while another was to be stored', {
        context: { jobId: result.jobId },
      });
    }
    return this.#settle(result);
  }

  get #bucket(): ObjectStore {
    return resultBucket(this.#buckets, this.dialect);
  }

  #read(jobId: string): Promise<StoredResult | undefined> {
    return readResult(this.#bucket, jobId);
  }

  /** False: it changed since it was read. */
  async #replace(result: JobResult, etag: string): Promise<boolean> {
    try {
      await replaceResult(this.#bucket, result, etag);
      return true;
    } catch (error) {
      if (errorCode(error) === 'precondition-failed') return false;
      throw error;
    }
  }

  /** What remains to be done once a result is stored, perhaps by a worker that died before it could. */
  async #settle(result: JobResult): Promise<JobResult> {
    const standing = await this.#unlessErased(result);
    if (this.dialect === 'course' && result.kind === 'recognise') await this.#mirror(standing);
    return standing;
  }

  async #index(result: JobResult): Promise<void> {
    const people = peopleIn(result);
    const nothing = Buffer.alloc(0);
    await Promise.all(people.map((id) => this.#buckets.state.put(personJobKey(id, result.jobId), nothing)));
  }

  async #unlessErased(result: JobResult): Promise<JobResult> {
    const people = peopleIn(result);
    if (people.length === 0) return result;
    if (!(await this.#namesErased(result, people))) return result;
    const erased = erasedResult(result);
    const stored = await this.#read(result.jobId);
    // If it is replaced already, the erasure got to it first.
    if (stored?.result.status === 'done') await this.#replace(erased, stored.etag);
    return erased;
  }

  /** Whether any of them was erased by now, or the whole gallery was removed. */
  async #namesErased(result: JobResult, people: readonly string[]): Promise<boolean> {
    const galleryId = result.status === 'done' ? result.galleryId : undefined;
    try {
      return await this.#galleries.use(galleryId, async ({ watch }) => {
        await watch.refresh();
        const isErased = people.some((id) => watch.replica.isErased(id));
        return isErased || !(await this.#galleries.isOpen(galleryId));
      });
    } catch (error) {
      if (errorCode(error) === 'erased') return true;
      throw error;
    }
  }

  /** Course dialect: the bare name as text, for the course's own checks. Plain and overwritten; the truth is elsewhere. */
  async #mirror(result: JobResult): Promise<void> {
    const record = await readRecord(this.#buckets, result.jobId);
    if (record === undefined) return;
    const name = result.status === 'done' ? nameOf(result) : 'unknown';
    await this.#buckets.output.put(courseOutputKey(record.inputKey), Buffer.from(name), {
      contentType: 'text/plain; charset=utf-8',
    });
  }
}

/** A job redriven from the dead letters gets a new result for the one that failed. */
function isReplaceable(existing: JobResult, message: JobMessage): boolean {
  if (message.redriven !== true || existing.status !== 'failed') return false;
  return existing.error.code !== 'erased' && existing.error.code !== 'cancelled';
}

function erasedResult(result: JobResult): FailedResult {
  const { version, jobId, fileName, kind, submittedAt, finishedAt, traceId, instanceId, galleryId } = result;
  return {
    version,
    jobId,
    fileName,
    kind,
    submittedAt,
    finishedAt,
    traceId,
    instanceId,
    ...(galleryId !== undefined && { galleryId }),
    status: 'failed',
    error: { code: 'erased', message: 'a person whom this result named was erased' },
  };
}
