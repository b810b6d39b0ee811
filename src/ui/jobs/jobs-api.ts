import type { JobErrorCode, JobResult } from '../../jobs/job.ts';
import { call } from '../api.ts';

export type JobStatus = 'pending' | 'done' | 'failed' | 'cancelled';

export interface JobSummary {
  readonly jobId: string;
  readonly status: JobStatus;
  readonly kind: 'recognise' | 'detect' | 'compare' | 'enrol' | 'reembed';
  readonly fileName: string;
  readonly submittedAt: number;
  readonly finishedAt?: number;
  readonly faces?: number;
  readonly error?: { readonly code: JobErrorCode; readonly message: string };
}

export interface JobPage {
  readonly jobs: readonly JobSummary[];
  readonly nextCursor?: string;
}

export interface DeadJob {
  readonly jobId?: string;
  readonly fileName?: string;
  readonly reason: string;
  readonly diedAt: number;
}

export interface DeadLetterReport {
  readonly done: readonly DeadJob[];
  readonly impossible: readonly DeadJob[];
}

export function listJobs(
  query: { status?: JobStatus | undefined; limit: number; cursor?: string | undefined },
  signal: AbortSignal,
): Promise<JobPage> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const words = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return call<JobPage>(`/v1/jobs?${words}`, { signal });
}

export function getJob(jobId: string, signal: AbortSignal): Promise<JobResult | { status: 'pending' }> {
  return call(`/v1/jobs/${jobId}`, { signal });
}

export function cancelJob(jobId: string): Promise<unknown> {
  return call(`/v1/jobs/${jobId}/cancel`, { method: 'POST' });
}

export function listDeadLetters(signal: AbortSignal): Promise<{ jobs: readonly DeadJob[]; hidden: number }> {
  return call('/v1/dead-letters', { signal });
}

export function actOnDeadLetters(
  verb: 'redrive' | 'drop',
  jobIds: readonly string[] | 'all',
): Promise<DeadLetterReport> {
  return call(`/v1/dead-letters/${verb}`, { method: 'POST', json: { jobIds } });
}
