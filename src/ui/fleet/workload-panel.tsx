import { useEffect, useState } from 'preact/hooks';

import type { WorkloadStatus } from '../../web/fleet/workload-view.ts';
import { call, messageOf } from '../api.ts';
import { count, duration, figure } from '../kit/format.ts';
import { useLoad } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { tellProblem } from '../kit/notices.tsx';
import { Bar } from '../kit/states.tsx';

const POLL_MS = 700;

interface Answer {
  readonly isAllowed: boolean;
  readonly workload: WorkloadStatus;
}

/** Starts the workload generator: the quickest way to see the fleet grow and shrink. */
export function WorkloadPanel() {
  const { value, error, reload } = useLoad('workload', (signal) => call<Answer>('/v1/workload', { signal }));
  const isRunning = value?.workload.state === 'running';
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(reload, POLL_MS);
    return () => clearInterval(timer);
  }, [isRunning, reload]);
  return (
    <section class="panel workload" aria-labelledby="workload-title">
      <h2 id="workload-title">See it scale</h2>
      {value === undefined ? (
        <p class="hint">{error === undefined ? 'Loading …' : messageOf(error)}</p>
      ) : value.isAllowed ? (
        <>
          {isRunning ? (
            <Running workload={value.workload} onChange={reload} />
          ) : (
            <StartForm onChange={reload} />
          )}
          <Outcome workload={value.workload} />
        </>
      ) : (
        <p class="hint">
          Other machines can reach this service, so pictures are sent to it from a terminal only:{' '}
          <code>facefleet workload --help</code>
        </p>
      )}
    </section>
  );
}

function StartForm({ onChange }: { onChange: () => void }) {
  const [isBusy, setIsBusy] = useState(false);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const order = { requests: Number(form.get('requests')), ratePerSecond: Number(form.get('rate')) };
    setIsBusy(true);
    try {
      await call('/v1/workload', { method: 'POST', json: order });
      onChange();
    } catch (error) {
      tellProblem(messageOf(error));
    }
    setIsBusy(false);
  };
  return (
    <form class="workload-form" onSubmit={(event) => void onSubmit(event)}>
      <p class="hint">
        Sends photographs of groups to the service itself. Watch instances come, work, and go.
      </p>
      <div class="row">
        <label class="field">
          Pictures
          <input name="requests" type="number" min="1" max="1000" defaultValue="200" required />
        </label>
        <label class="field">
          A second
          <input name="rate" type="number" min="1" max="50" defaultValue="20" required />
        </label>
        <button type="submit" class="primary" disabled={isBusy}>
          <Icon name="play" />
          Start
        </button>
      </div>
    </form>
  );
}

function Running({ workload, onChange }: { workload: WorkloadStatus; onChange: () => void }) {
  const { answered, requests } = workload;
  const stop = async () => {
    try {
      await call('/v1/workload', { method: 'DELETE' });
      onChange();
    } catch (error) {
      tellProblem(messageOf(error));
    }
  };
  return (
    <div class="stack">
      <p role="status">
        <strong>{answered}</strong> of {count(requests, 'picture')} answered
      </p>
      <Bar share={requests === 0 ? 0 : answered / requests} tone="accent" />
      <button type="button" onClick={() => void stop()}>
        <Icon name="stop" />
        Stop
      </button>
    </div>
  );
}

function Outcome({ workload }: { workload: WorkloadStatus }) {
  const { state, answered, failed, perSecond, latencyMs, failures = {} } = workload;
  if (state !== 'finished' && state !== 'stopped') return null;
  return (
    <p class="hint outcome" role="status">
      {state === 'finished' ? 'Done' : 'Stopped'}: {count(answered - failed, 'picture')} answered
      {perSecond !== undefined && `, ${figure(perSecond)} a second`}
      {latencyMs !== undefined && `, median ${duration(latencyMs.p50)}, longest ${duration(latencyMs.max)}`}
      {failed > 0 && `; ${count(failed, 'failure')} (${Object.keys(failures).join(', ')})`}.
    </p>
  );
}
