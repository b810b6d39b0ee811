import type { Config } from '../../config.ts';
import type { Deployment } from '../../deployment.ts';
import { errorMessage } from '../../errors.ts';
import { queueNames } from '../../jobs/keys.ts';
import type { Logger } from '../../logger.ts';
import type { Queue, QueueDepth } from '../../ports/queue.ts';
import { type FleetReport, readFleetReport } from '../../scaling/fleet-report.ts';
import type { Heartbeat } from '../../scaling/heartbeat.ts';
import type { AnswerBook } from './answer-book.ts';
import { DoneBook } from './done-book.ts';
import type { FleetInstance, FleetSample, FleetView, InstanceState } from './fleet-view.ts';

export interface FleetReaderOptions {
  readonly deployment: Pick<Deployment, 'state' | 'queues' | 'clock' | 'logger'>;
  readonly config: Pick<Config, 'prefix' | 'minWorkers' | 'maxWorkers'>;
  readonly answers: AnswerBook;
  /** The last heartbeats of those who live; undefined when the controller does not tell. */
  readonly heartbeats: () => Promise<readonly Heartbeat[] | undefined>;
}

/** Of the books, what is shown. */
type Books = Pick<FleetReport, 'leader' | 'desired' | 'pausedAt' | 'brakes' | 'slots' | 'decisions'>;

const NO_BOOKS: Books = { desired: 0, pausedAt: null, brakes: [], slots: [], decisions: [] };

/** Looks at queues, books and heartbeats; what does not answer is left out and logged, once. */
export class FleetReader {
  readonly #options: FleetReaderOptions;
  readonly #requests: Queue;
  readonly #deadLetters: Queue;
  readonly #done: DoneBook;
  readonly #failing = new Set<string>();

  constructor(options: FleetReaderOptions) {
    const { deployment, config } = options;
    const names = queueNames(config.prefix);
    this.#options = options;
    this.#done = new DoneBook(deployment.clock);
    this.#requests = deployment.queues.open(names.requests);
    this.#deadLetters = deployment.queues.open(names.deadLetters);
  }

  async read(): Promise<FleetView> {
    const { deployment, config, answers, heartbeats } = this.#options;
    const now = deployment.clock.now();
    const [queue, dead, report = NO_BOOKS, beats] = await Promise.all([
      this.#ask('the queue', () => this.#requests.depth()),
      this.#ask('the dead letters', () => this.#deadLetters.depth()),
      this.#ask<Books>('the books of the fleet', () => readFleetReport(deployment.state, now)),
      this.#ask('the controller', heartbeats),
    ]);
    const instances = instancesOf(report, beats);
    const fleet = {
      hasController: report.leader?.isAlive ?? false,
      desired: report.desired,
      minWorkers: config.minWorkers,
      maxWorkers: config.maxWorkers,
      pausedAt: report.pausedAt,
      brakes: report.brakes.map(({ since, reason }) => ({ since, reason })),
      instances,
      decisions: report.decisions.map(({ actions, ...decision }) => ({ ...decision, actions: [...actions] })),
    };
    const jobsPerSecond = beats === undefined ? null : this.#done.note(beats);
    const figures = { jobsPerSecond, ...figuresOf(answers) };
    return { fleet, sample: { at: now, ...depthsOf(queue, dead), ...countsOf(fleet), ...figures } };
  }

  async #ask<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      const told = await ask();
      this.#failing.delete(what);
      return told;
    } catch (error) {
      this.#logOnce(what, error, this.#options.deployment.logger);
      return undefined;
    }
  }

  #logOnce(what: string, error: unknown, logger: Logger): void {
    if (!this.#failing.has(what)) {
      logger.warn({ error: errorMessage(error) }, `${what} cannot be watched; trying on`);
    }
    this.#failing.add(what);
  }
}

function instancesOf({ slots }: Books, beats: readonly Heartbeat[] | undefined): FleetInstance[] {
  return slots
    .filter(({ phase }) => phase !== 'empty')
    .map(({ slot, generation, since, phase, wasReady, instanceId }) => {
      const beat = beats?.find((one) => one.slot === slot && one.generation === generation);
      return {
        slot,
        generation,
        since,
        state: stateOf(phase, wasReady, beat),
        ...(instanceId === undefined ? {} : { instanceId }),
        ...(beat === undefined ? {} : { done: beat.done, residentBytes: beat.residentBytes }),
      };
    });
}

function stateOf(
  phase: FleetReport['slots'][number]['phase'],
  wasReady: boolean,
  beat?: Heartbeat,
): InstanceState {
  if (phase === 'draining' || phase === 'ending') return phase;
  if (phase === 'launching' || !wasReady) return 'starting';
  return (beat?.busy ?? 0) > 0 ? 'busy' : 'idle';
}

function depthsOf(queue: QueueDepth | undefined, dead: QueueDepth | undefined) {
  return {
    waiting: queue === undefined ? null : queue.visible + queue.delayed,
    inFlight: queue?.inFlight ?? null,
    oldestAgeSeconds: queue?.oldestAgeSeconds ?? null,
    deadLetters: dead === undefined ? null : dead.visible + dead.inFlight + dead.delayed,
  };
}

function countsOf({ desired, instances }: FleetView['fleet']): Pick<FleetSample, 'desired' | 'instances'> {
  const counts = { starting: 0, idle: 0, busy: 0, draining: 0, ending: 0 };
  for (const { state } of instances) counts[state]++;
  return { desired, instances: counts };
}

function figuresOf(answers: AnswerBook): Pick<FleetSample, 'answersPerSecond' | 'latencyMs'> {
  const { perSecond, latencyMs } = answers.figures();
  return { answersPerSecond: perSecond, latencyMs };
}
