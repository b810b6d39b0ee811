import type { ObjectStore } from '../ports/object-store.ts';
import type { Dialect, JobTask } from './job.ts';

/** The three buckets of a deployment. */
export interface Buckets {
  readonly input: ObjectStore;
  readonly output: ObjectStore;
  readonly state: ObjectStore;
}

/**
 * Where results lie. In the course dialect the output bucket holds nothing but one plain object a picture, so the
 * true results are in the state bucket.
 */
export function resultBucket(buckets: Buckets, dialect: Dialect): ObjectStore {
  return dialect === 'course' ? buckets.state : buckets.output;
}

/**
 * Where a job's picture lies, under its record's `inputKey`. In the course dialect only pictures that somebody asks
 * about are in the input bucket; enrolments are kept out of it, since the course counts its objects.
 */
export function pictureBucket(buckets: Buckets, dialect: Dialect, kind: JobTask['kind']): ObjectStore {
  return dialect === 'course' && kind !== 'recognise' ? buckets.state : buckets.input;
}
