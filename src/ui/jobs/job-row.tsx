import { useState } from 'preact/hooks';

import type { DoneResult, JobResult } from '../../jobs/job.ts';
import { messageOf } from '../api.ts';
import { ago, count, dayAndTime, duration } from '../kit/format.ts';
import { useLoad, useNow } from '../kit/hooks.ts';
import { tell, tellProblem } from '../kit/notices.tsx';
import { Badge, type Tone } from '../kit/states.tsx';
import { cancelJob, getJob, type JobStatus, type JobSummary } from './jobs-api.ts';

const TONES: Readonly<Record<JobStatus, Tone>> = {
  pending: 'accent',
  done: 'good',
  failed: 'bad',
  cancelled: 'calm',
};

const KINDS: Readonly<Record<JobSummary['kind'], string>> = {
  recognise: 'recognition',
  detect: 'detection',
  compare: 'comparison',
  enrol: 'enrolment',
  reembed: 'renewed template',
};

/** One job in a line; what was found, on demand. */
export function JobRow({ job, onChange }: { job: JobSummary; onChange: () => void }) {
  const now = useNow(5000);
  const [isOpen, setIsOpen] = useState(false);
  const { jobId, status, kind, fileName, submittedAt, finishedAt, faces, error } = job;
  return (
    <li class="job">
      <Badge tone={TONES[status]}>{status === 'pending' ? 'not finished' : status}</Badge>
      <div class="job-facts">
        <p class="file-name">{fileName === '' ? '(without a name)' : fileName}</p>
        <p class="hint">
          {KINDS[kind]}
          {faces !== undefined && ` · ${count(faces, 'face')}`}
          {finishedAt !== undefined && ` · took ${duration(finishedAt - submittedAt)}`}
          {' · '}
          <time dateTime={new Date(submittedAt).toISOString()} title={dayAndTime(submittedAt)}>
            {ago(submittedAt, now)}
          </time>
        </p>
        {status === 'failed' && error !== undefined && (
          <p class="problem">
            {error.message} <code>{error.code}</code>
          </p>
        )}
        {isOpen && <Details jobId={jobId} />}
      </div>
      {status === 'pending' && kind !== 'enrol' && kind !== 'reembed' ? (
        <Cancel jobId={jobId} onDone={onChange} />
      ) : (
        <button
          type="button"
          class="small plain"
          aria-expanded={isOpen}
          aria-label={`Details of ${fileName || jobId}`}
          onClick={() => setIsOpen(!isOpen)}
        >
          Details
        </button>
      )}
    </li>
  );
}

function Cancel({ jobId, onDone }: { jobId: string; onDone: () => void }) {
  const cancel = async () => {
    try {
      await cancelJob(jobId);
      tell('The job is cancelled.');
    } catch (error) {
      tellProblem(messageOf(error));
    }
    onDone();
  };
  return (
    <button type="button" class="small" onClick={() => void cancel()}>
      Cancel
    </button>
  );
}

function Details({ jobId }: { jobId: string }) {
  const { value, error } = useLoad(jobId, (signal) => getJob(jobId, signal));
  if (error !== undefined) return <p class="problem">{messageOf(error)}</p>;
  if (value === undefined) return <p class="hint">Loading …</p>;
  return (
    <dl class="job-details">
      <Detail name="job" value={jobId} />
      {value.status === 'pending' ? (
        <Detail name="state" value="not finished" />
      ) : (
        <ResultDetails result={value} />
      )}
    </dl>
  );
}

function ResultDetails({ result }: { result: JobResult }) {
  return (
    <>
      <Detail name="sent" value={dayAndTime(result.submittedAt)} />
      <Detail name="worker" value={result.instanceId} />
      <Detail name="trace" value={result.traceId} />
      {result.status === 'done' && <DoneDetails result={result} />}
    </>
  );
}

function DoneDetails({ result }: { result: DoneResult }) {
  const { faces, enrolment, timings, picture } = result;
  const names = faces.map(({ person }) => person?.name ?? 'unknown').join(', ');
  return (
    <>
      <Detail name="picture" value={`${picture.width} × ${picture.height} ${picture.format}`} />
      {enrolment === undefined ? (
        <Detail name="found" value={names === '' ? 'no face' : names} />
      ) : (
        <Detail name="verdict" value={`${enrolment.verdict}: ${enrolment.message}`} />
      )}
      <Detail name="waited" value={duration(timings.queueMs)} />
    </>
  );
}

function Detail({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
