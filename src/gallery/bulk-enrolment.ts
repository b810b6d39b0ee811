import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage } from '../errors.ts';
import type { EnrolReport, EnrolVerdict, JobResult } from '../jobs/job.ts';
import type { JobClient } from '../jobs/job-client.ts';
import { contentTypeOf } from '../picture-files.ts';
import type { EnrolmentItem } from './enrolment-list.ts';
import type { Gallery } from './gallery.ts';

/** A worker that has to boot first and a queue that is full: after this long something is wrong. */
const WAIT_SECONDS = 600;

/** What became of a picture. `failed`: nothing was found out about it; try again. */
export interface PictureReport extends Omit<EnrolReport, 'verdict'> {
  readonly file: string;
  readonly verdict: EnrolVerdict | 'failed';
  readonly jobId?: string;
}

export interface BulkEnrolmentOptions {
  readonly gallery: Gallery;
  readonly jobs: JobClient;
  /** Enrol faces that resemble another person too. */
  readonly force: boolean;
  /** Pictures under way at once. */
  readonly parallel: number;
  /** Larger pictures are not sent. */
  readonly maxBytes: number;
  /** No further picture is begun when it aborts; those under way are waited for. */
  readonly signal: AbortSignal;
  /** Aborts when the service is gone: nothing is waited for any more. */
  readonly lost: AbortSignal;
  readonly onReport: (report: PictureReport) => void;
}

/** Whether the picture is in the gallery now. */
export function isEnrolled({ verdict }: PictureReport): boolean {
  return verdict === 'enrolled' || verdict === 'duplicate';
}

/**
 * Enrols pictures through the queue and reports on each as it is done. Those that are in the gallery already, by their
 * bytes, are not sent: so a run that was cut off goes on where it was when it is started again.
 */
export async function enrolAll(
  items: readonly EnrolmentItem[],
  options: BulkEnrolmentOptions,
): Promise<void> {
  await options.gallery.refresh();
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      if (options.signal.aborted || options.lost.aborted) return;
      options.onReport(await enrolOne(item, options));
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.parallel, items.length) }, lane));
}

async function enrolOne(item: EnrolmentItem, options: BulkEnrolmentOptions): Promise<PictureReport> {
  const { file, person } = item;
  try {
    const { size } = await stat(file);
    if (size > options.maxBytes) {
      const message = `the file has ${size} bytes, expected at most ${options.maxBytes}`;
      return { file, person, verdict: 'bad-image', message };
    }
    const picture = await readFile(file);
    const sha256 = createHash('sha256').update(picture).digest('hex');
    const known = options.gallery.faceOfPicture(person, sha256);
    if (known !== undefined) {
      const message = 'this picture was enrolled for this person before';
      return { file, person, verdict: 'duplicate', message, ...known };
    }
    return await sendOne(item, { sizeBytes: size, sha256, open: () => picture }, options);
  } catch (error) {
    return { file, person, verdict: 'failed', message: errorMessage(error) };
  }
}

async function sendOne(
  { file, person }: EnrolmentItem,
  picture: { sizeBytes: number; sha256: string; open: () => Buffer },
  { jobs, force, lost }: BulkEnrolmentOptions,
): Promise<PictureReport> {
  const { jobId } = await jobs.submit({
    picture,
    fileName: basename(file),
    contentType: contentTypeOf(file) ?? 'application/octet-stream',
    task: { kind: 'enrol', person, source: sourceOf(file), ...(force ? { force } : {}) },
    waitSeconds: WAIT_SECONDS,
  });
  const result = await jobs.wait(jobId, { timeoutSeconds: WAIT_SECONDS, signal: lost });
  if (lost.aborted) return { file, jobId, person, verdict: 'failed', message: 'the service is gone' };
  return { file, jobId, ...reportOf(result, person) };
}

/** The file and its folder: enough to find it again, and nothing about this machine. */
function sourceOf(file: string): string {
  return join(basename(dirname(file)), basename(file));
}

function reportOf(result: JobResult | undefined, person: string): Omit<PictureReport, 'file'> {
  if (result === undefined)
    return { person, verdict: 'failed', message: `no worker answered within ${WAIT_SECONDS} s` };
  if (result.status === 'failed') {
    const { code, message } = result.error;
    const isPicture = code === 'bad-image' || code === 'too-large' || code === 'poison';
    return { person, verdict: isPicture ? 'bad-image' : 'failed', message };
  }
  return result.enrolment ?? { person, verdict: 'failed', message: 'the answer holds no report' };
}
