import { useEffect, useState } from 'preact/hooks';

import { messageOf } from '../api.ts';
import { ago, count, dayAndTime } from '../kit/format.ts';
import { useLoad, useNow } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { tell, tellProblem } from '../kit/notices.tsx';
import { Badge, Failure } from '../kit/states.tsx';
import { actOnDeadLetters, type DeadJob, listDeadLetters } from './jobs-api.ts';

const POLL_MS = 10_000;

/** Jobs that were given up: try them again once the cause is mended, or forget them. */
export function DeadLetterPanel() {
  const { value, error, reload } = useLoad('dead letters', listDeadLetters);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const timer = setInterval(reload, POLL_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const jobs = value?.jobs ?? [];
  const onDone = () => {
    setChosen(new Set());
    reload();
  };
  return (
    <section class="panel stack" aria-labelledby="dead-title">
      <div class="view-head">
        <h2 id="dead-title">
          Dead letters {jobs.length > 0 && <Badge tone="bad">{jobs.length.toLocaleString('en')}</Badge>}
        </h2>
        {jobs.length > 0 && <Acts chosen={chosen} onDone={onDone} />}
      </div>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {jobs.length === 0 ? (
        <p class="hint">
          {value === undefined
            ? 'Loading …'
            : 'None. A job that fails again and again ends up here instead of being lost, and can be tried again.'}
        </p>
      ) : (
        <ul class="jobs">
          {jobs.map((job, index) => (
            <DeadRow
              key={job.jobId ?? index}
              job={job}
              isChosen={job.jobId !== undefined && chosen.has(job.jobId)}
              onToggle={() => setChosen(toggled(chosen, job.jobId))}
            />
          ))}
        </ul>
      )}
      {value !== undefined && value.hidden > 0 && (
        <p class="hint">{count(value.hidden, 'more is', 'more are')} being looked at by somebody else.</p>
      )}
    </section>
  );
}

function Acts({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: () => void }) {
  const [isBusy, setIsBusy] = useState(false);
  const which = chosen.size === 0 ? 'all' : String(chosen.size);
  const act = async (verb: 'redrive' | 'drop') => {
    setIsBusy(true);
    try {
      const { done, impossible } = await actOnDeadLetters(verb, chosen.size === 0 ? 'all' : [...chosen]);
      const did = verb === 'redrive' ? 'sent to the workers again' : 'dropped';
      tell(`${count(done.length, 'job')} ${did}.`);
      if (impossible.length > 0) {
        tellProblem(
          `${count(impossible.length, 'job has', 'jobs have')} no picture any more and can only be dropped.`,
        );
      }
    } catch (error) {
      tellProblem(messageOf(error));
    }
    setIsBusy(false);
    onDone();
  };
  return (
    <div class="row">
      <button type="button" class="small" disabled={isBusy} onClick={() => void act('redrive')}>
        <Icon name="again" />
        Redrive {which}
      </button>
      <button type="button" class="small danger" disabled={isBusy} onClick={() => void act('drop')}>
        <Icon name="trash" />
        Drop {which}
      </button>
    </div>
  );
}

function DeadRow({ job, isChosen, onToggle }: { job: DeadJob; isChosen: boolean; onToggle: () => void }) {
  const now = useNow(10_000);
  const { jobId, fileName, reason, diedAt } = job;
  const name = fileName ?? jobId ?? 'an unreadable message';
  return (
    <li class="job">
      <input
        type="checkbox"
        checked={isChosen}
        disabled={jobId === undefined}
        aria-label={`Tick ${name}`}
        onChange={onToggle}
      />
      <div class="job-facts">
        <p class="file-name">{name}</p>
        <p class="problem">{reason}</p>
        <p class="hint">
          <time dateTime={new Date(diedAt).toISOString()} title={dayAndTime(diedAt)}>
            given up {ago(diedAt, now)}
          </time>
          {fileName === undefined && ' · its picture is gone'}
        </p>
      </div>
    </li>
  );
}

function toggled(chosen: ReadonlySet<string>, jobId: string | undefined): ReadonlySet<string> {
  const next = new Set(chosen);
  if (jobId !== undefined && !next.delete(jobId)) next.add(jobId);
  return next;
}
