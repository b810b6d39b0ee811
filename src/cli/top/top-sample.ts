import type { Deployment } from '../../deployment.ts';
import { errorMessage } from '../../errors.ts';
import { queueNames } from '../../jobs/keys.ts';
import type { QueueDepth } from '../../ports/queue.ts';
import { askController } from '../../scaling/controller-client.ts';
import { type FleetReport, readFleetReport } from '../../scaling/fleet-report.ts';
import { type LatencyCounts, latencyBetween, latencyCounts } from './web-latency.ts';

const WEB_TIMEOUT_MS = 1000;
/** Over how long latency and throughput are told. */
const WINDOW_MS = 10_000;

export interface TopLatency {
  /** Requests answered a second. */
  readonly perSecond: number;
  /** Null when there was none. */
  readonly p50Seconds: number | null;
  readonly p95Seconds: number | null;
  readonly p99Seconds: number | null;
}

export interface TopWorker {
  readonly slot: number;
  readonly state: string;
  readonly busy: number;
  readonly done: number;
  /** Mean of its last jobs. */
  readonly serviceSeconds: number;
  readonly residentBytes: number;
  readonly galleryVersion: number;
  readonly uptimeSeconds: number;
}

/** What `top` shows of one moment. Parts that don't answer are null, and `missing` says why. */
export interface TopSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly queues: readonly (QueueDepth & { readonly name: string })[] | null;
  readonly workers: readonly TopWorker[] | null;
  readonly fleet:
    | (Pick<FleetReport, 'desired' | 'slots' | 'decisions' | 'pausedAt'> & { readonly isLed: boolean })
    | null;
  /** What the fleet has cost since its controller leads. */
  readonly instanceSeconds: number | null;
  /** Of the web tier, over the last ten seconds; at the first look since it was started. */
  readonly latency: TopLatency | null;
  readonly missing: readonly string[];
}

/** Takes one sample after the other; what lies between two is told by the later one. */
export class TopSampler {
  readonly #deployment: Deployment;
  #readings: { at: number; counts: LatencyCounts }[] = [];

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  async take(): Promise<TopSample> {
    const { state, clock } = this.#deployment;
    const missing: string[] = [];
    const orNull = async <T>(what: string, asking: Promise<T | undefined>): Promise<T | null> => {
      try {
        const told = await asking;
        if (told !== undefined) return told;
        missing.push(`${what} does not answer`);
      } catch (error) {
        missing.push(`${what}: ${errorMessage(error)}`);
      }
      return null;
    };
    const now = clock.now();
    const [queues, report, status, latency] = await Promise.all([
      orNull('the queue', this.#queues()),
      orNull('the books of the fleet', readFleetReport(state, now)),
      orNull('the controller', askController(state)),
      orNull('the web tier', this.#latency()),
    ]);
    return {
      at: now,
      queues,
      workers:
        status === null ? null : status.workers.map(workerOf).sort((one, other) => one.slot - other.slot),
      fleet: report === null ? null : { ...report, isLed: report.leader?.isAlive ?? false },
      instanceSeconds: status?.instanceSeconds ?? null,
      latency,
      missing,
    };
  }

  async #queues(): Promise<(QueueDepth & { name: string })[]> {
    const { queues, loaded } = this.#deployment;
    const { requests, deadLetters } = queueNames(loaded.config.prefix);
    const names = (await queues.list(`${loaded.config.prefix}-`)).map(({ name }) => name);
    // The two that matter first.
    const rank = (name: string) => (name === requests ? 0 : name === deadLetters ? 1 : 2);
    names.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
    return Promise.all(names.map(async (name) => ({ name, ...(await queues.open(name).depth()) })));
  }

  /** From the metrics of the web tier that the config names. */
  async #latency(): Promise<TopLatency | undefined> {
    const { clock, loaded } = this.#deployment;
    const { host, port, metricsToken, tlsCert } = loaded.config;
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    const name = reachable.includes(':') ? `[${reachable}]` : reachable;
    const response = await fetch(`${tlsCert === undefined ? 'http' : 'https'}://${name}:${port}/metrics`, {
      headers: metricsToken === '' ? {} : { authorization: `Bearer ${metricsToken}` },
      signal: AbortSignal.timeout(WEB_TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`it answered ${response.status} to GET /metrics`);
    const reading = { at: clock.monotonic(), counts: latencyCounts(text) };
    const first = this.#readings.find(({ at }) => at >= reading.at - WINDOW_MS) ?? this.#readings.at(-1);
    this.#readings = [...this.#readings.filter(({ at }) => at >= reading.at - WINDOW_MS), reading];
    if (first !== undefined)
      return latencyBetween(first.counts, reading.counts, (reading.at - first.at) / 1000);
    const startedAt = Number(/^process_start_time_seconds (\S+)$/m.exec(text)?.[1] ?? 0);
    return latencyBetween(new Map(), reading.counts, clock.now() / 1000 - startedAt);
  }
}

function workerOf(beat: TopWorker): TopWorker {
  const { slot, state, busy, done, serviceSeconds, residentBytes, galleryVersion, uptimeSeconds } = beat;
  return { slot, state, busy, done, serviceSeconds, residentBytes, galleryVersion, uptimeSeconds };
}
