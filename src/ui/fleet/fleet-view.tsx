import { useMemo } from 'preact/hooks';

import type { Fleet, FleetSample } from '../../web/fleet/fleet-view.ts';
import { useMay } from '../access.ts';
import { clockTime, duration, figure } from '../kit/format.ts';
import { Badge, Skeleton } from '../kit/states.tsx';
import { Chart, type Series } from './chart.tsx';
import { Decisions } from './decisions.tsx';
import { useFleet, type WatchedFleet } from './fleet-stream.ts';
import { Slots } from './slots.tsx';
import { WorkloadPanel } from './workload-panel.tsx';

/** What waits, who works, and why there are so many. */
export function FleetView() {
  const watched = useFleet();
  const { fleet, samples } = watched;
  const newest = samples.at(-1);
  const mayTry = useMay('admin');
  return (
    <div class="view">
      <div class="view-head">
        <h1>Fleet</h1>
        <Connection watched={watched} />
      </div>
      {fleet === undefined || newest === undefined ? (
        <Skeleton lines={8} />
      ) : (
        <>
          <Brakes fleet={fleet} />
          <Tiles fleet={fleet} sample={newest} />
          <div class={mayTry ? 'fleet-top' : ''}>
            <Slots fleet={fleet} now={newest.at} />
            {mayTry && <WorkloadPanel />}
          </div>
          <Charts samples={samples} fleet={fleet} />
          <Decisions decisions={fleet.decisions} now={newest.at} />
        </>
      )}
    </div>
  );
}

function Connection({ watched: { state, fleet } }: { watched: WatchedFleet }) {
  if (state === 'lost') return <Badge tone="bad">Connection lost, trying again …</Badge>;
  if (state === 'connecting' || fleet === undefined) return <Badge tone="calm">Connecting …</Badge>;
  if (!fleet.hasController) return <Badge tone="warn">No controller leads: nothing scales</Badge>;
  return (
    <Badge tone="good">
      <span class="live" aria-hidden="true" />
      Live
    </Badge>
  );
}

/** What keeps the fleet from being as large as it should be. */
function Brakes({ fleet: { pausedAt, brakes } }: { fleet: Fleet }) {
  if (pausedAt === null && brakes.length === 0) return null;
  return (
    <ul class="brakes" role="status">
      {pausedAt !== null && <li>Scaling is paused since {clockTime(pausedAt)}, by an operator.</li>}
      {brakes.map(({ since, reason }) => (
        <li key={reason}>
          Launches are held back since {clockTime(since)}: {reason}
        </li>
      ))}
    </ul>
  );
}

function Tiles({ fleet, sample }: { fleet: Fleet; sample: FleetSample }) {
  const { waiting, inFlight, deadLetters, latencyMs } = sample;
  const { starting, idle, busy, draining, ending } = sample.instances;
  const there = starting + idle + busy + draining + ending;
  const number = (value: number | null) => (value === null ? '–' : figure(value));
  return (
    <dl class="tiles">
      <Tile name="waiting" value={number(waiting)} />
      <Tile name="in flight" value={number(inFlight)} />
      <Tile name="instances" value={`${there}`} note={`of ${fleet.maxWorkers} at most`} />
      <Tile name="jobs a second" value={figure(throughputOf(sample))} />
      <Tile
        name="latency, median"
        value={latencyMs === null ? '–' : duration(latencyMs.p50)}
        note={latencyMs === null ? 'no answers lately' : `95 % within ${duration(latencyMs.p95)}`}
      />
      <Tile name="dead letters" value={number(deadLetters)} href={deadLetters ? '#/jobs' : undefined} />
    </dl>
  );
}

function Tile(props: { name: string; value: string; note?: string; href?: string | undefined }) {
  return (
    <div class="tile">
      <dt>{props.href === undefined ? props.name : <a href={props.href}>{props.name}</a>}</dt>
      <dd>
        {props.value}
        {props.note !== undefined && <span class="hint">{props.note}</span>}
      </dd>
    </div>
  );
}

/** Without a controller, what this web process answers is all that is known. */
function throughputOf({ jobsPerSecond, answersPerSecond }: FleetSample): number {
  return jobsPerSecond ?? answersPerSecond;
}

function Charts({ samples, fleet }: { samples: readonly FleetSample[]; fleet: Fleet }) {
  const times = useMemo(() => samples.map(({ at }) => at / 1000), [samples]);
  const lines = useMemo(() => seriesOf(samples), [samples]);
  const { busy = 0, idle = 0, starting = 0, draining = 0, ending = 0 } = samples.at(-1)?.instances ?? {};
  return (
    <div class="charts">
      <Chart title="Backlog" times={times} series={lines.backlog} format={figure} leastTop={5} />
      <Chart
        title="Instances"
        times={times}
        series={lines.instances}
        shown={[draining + ending, starting, idle, busy]}
        format={figure}
        leastTop={fleet.maxWorkers}
        isStepped
      />
      <Chart title="Throughput" times={times} series={lines.throughput} format={figure} leastTop={2} />
      <Chart title="Latency" times={times} series={lines.latency} format={duration} leastTop={100} />
    </div>
  );
}

function seriesOf(
  samples: readonly FleetSample[],
): Record<'backlog' | 'instances' | 'throughput' | 'latency', Series[]> {
  const line = (
    label: string,
    color: string,
    value: (sample: FleetSample) => number | null,
    more: Partial<Series> = {},
  ): Series => ({ label, color, values: samples.map(value), ...more });
  const filled = { isFilled: true };
  return {
    backlog: [
      line('waiting', 'warn-fill', ({ waiting }) => waiting, filled),
      line('in flight', 'accent', ({ inFlight }) => inFlight),
    ],
    // Each stands on those after it, so it is drawn first and as high as all of them together.
    instances: [
      line(
        'draining',
        'line-strong',
        ({ instances: n }) => n.busy + n.idle + n.starting + n.draining + n.ending,
        filled,
      ),
      line('starting', 'warn-fill', ({ instances: n }) => n.busy + n.idle + n.starting, filled),
      line('idle', 'blue', ({ instances: n }) => n.busy + n.idle, filled),
      line('busy', 'accent', ({ instances: n }) => n.busy, filled),
      line('wanted', 'text', ({ desired }) => desired, { isDashed: true }),
    ],
    throughput: [line('jobs a second', 'accent', throughputOf, filled)],
    latency: [
      line('95 %', 'violet', ({ latencyMs }) => latencyMs?.p95 ?? null),
      line('median', 'blue', ({ latencyMs }) => latencyMs?.p50 ?? null),
    ],
  };
}
