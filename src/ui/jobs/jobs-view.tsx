import { useEffect, useState } from 'preact/hooks';

import { useMay } from '../access.ts';
import { messageOf } from '../api.ts';
import { useLoad } from '../kit/hooks.ts';
import { tellProblem } from '../kit/notices.tsx';
import { Empty, Failure, Skeleton } from '../kit/states.tsx';
import { DeadLetterPanel } from './dead-letter-panel.tsx';
import { JobRow } from './job-row.tsx';
import { type JobStatus, type JobSummary, listJobs } from './jobs-api.ts';

const PAGE_SIZE = 30;
const POLL_MS = 3000;

const FILTERS: readonly (readonly [status: JobStatus | undefined, label: string])[] = [
  [undefined, 'All'],
  ['pending', 'Not finished'],
  ['done', 'Done'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
];

/** What was asked lately, what came of it, and what was given up. */
export function JobsView() {
  const [status, setStatus] = useState<JobStatus>();
  return (
    <div class="view">
      <h1>Jobs</h1>
      {useMay('admin') && <DeadLetterPanel />}
      <section class="stack" aria-labelledby="recent-title">
        <div class="view-head">
          <h2 id="recent-title">Recent</h2>
          <fieldset class="filters">
            <legend class="visually-hidden">Which jobs</legend>
            {FILTERS.map(([one, label]) => (
              <label key={label} class={one === status ? 'filter chosen' : 'filter'}>
                <input
                  class="visually-hidden"
                  type="radio"
                  name="status"
                  checked={one === status}
                  onChange={() => setStatus(one)}
                />
                {label}
              </label>
            ))}
          </fieldset>
        </div>
        <Jobs key={status ?? 'all'} status={status} />
      </section>
    </div>
  );
}

function Jobs({ status }: { status: JobStatus | undefined }) {
  const { value, error, reload } = useLoad('jobs', (signal) =>
    listJobs({ status, limit: PAGE_SIZE }, signal),
  );
  const [more, setMore] = useState<{ jobs: readonly JobSummary[]; cursor: string | undefined }>();
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (value === undefined)
    return error === undefined ? <Skeleton lines={6} /> : <Failure error={error} onRetry={reload} />;
  const cursor = more === undefined ? value.nextCursor : more.cursor;
  const loadMore = async () => {
    try {
      const page = await listJobs({ status, limit: PAGE_SIZE, cursor }, AbortSignal.timeout(30_000));
      setMore({ jobs: [...(more?.jobs ?? []), ...page.jobs], cursor: page.nextCursor });
    } catch (problem) {
      tellProblem(messageOf(problem));
    }
  };
  const jobs = unique([...value.jobs, ...(more?.jobs ?? [])]);
  return (
    <>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {jobs.length === 0 && cursor === undefined ? <NoJobs status={status} /> : null}
      {jobs.length > 0 && (
        <ul class="jobs panel">
          {jobs.map((job) => (
            <JobRow key={job.jobId} job={job} onChange={reload} />
          ))}
        </ul>
      )}
      {cursor !== undefined && (
        <button type="button" class="more-people" onClick={() => void loadMore()}>
          Show older ones
        </button>
      )}
    </>
  );
}

/** Pages that were loaded one after another overlap once new jobs have come. */
function unique(jobs: readonly JobSummary[]): JobSummary[] {
  return [...new Map(jobs.toReversed().map((job) => [job.jobId, job])).values()].sort((one, other) =>
    one.jobId < other.jobId ? 1 : -1,
  );
}

function NoJobs({ status }: { status: JobStatus | undefined }) {
  return (
    <div class="panel">
      {status === undefined ? (
        <Empty icon="jobs" title="No jobs yet">
          <p>
            Every picture that is sent becomes a job. <a href="#/recognise">Drop one</a>, or send it from a
            terminal: <code>curl -F inputFile=@picture.jpg {location.origin}/</code>
          </p>
        </Empty>
      ) : (
        <Empty icon="check" title={status === 'failed' ? 'No job failed' : 'None'}>
          <p>
            {status === 'pending' ? 'All that was asked is answered.' : 'Among the jobs that are still kept.'}
          </p>
        </Empty>
      )}
    </div>
  );
}
