import { Writable } from 'node:stream';
import { pino } from 'pino';

import { type Controller, startController } from '../../src/scaling/controller.ts';
import { scalingTimings } from '../../src/scaling/timings.ts';
import { Releasers } from '../../src/shutdown.ts';
import { watchQueues } from '../../src/telemetry/queue-metrics.ts';
import type { Span, SpanSink } from '../../src/telemetry/telemetry.ts';
import type { TraceContext } from '../../src/telemetry/trace-context.ts';
import { runWorker } from '../../src/worker/worker.ts';
import { eventually } from './eventually.ts';
import { FakeGallery } from './fake-gallery.ts';
import { FakeRecogniser } from './fake-recogniser.ts';
import { MemoryFleet, MemoryMachines } from './memory-fleet.ts';
import { WebService } from './web-service.ts';

const TIMINGS = scalingTimings({
  listingLagMs: 1000,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 1,
  roundMs: 30,
});

export interface WatchedServiceOptions {
  readonly flags?: Readonly<Record<string, string | boolean>>;
  /** False: no worker, so that jobs stay. */
  readonly works?: boolean;
  readonly logLevel?: string;
}

/** Keeps the spans of all tiers, and follows the caller's wish to record. */
class SpanBox implements SpanSink {
  readonly spans: Span[] = [];

  samples(_traceId: string, parent: TraceContext | undefined): boolean {
    return parent?.isSampled ?? true;
  }

  record(span: Span): void {
    this.spans.push(span);
  }

  async flush(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The value of one series, undefined when there is none. */
export type MetricsReading = (series: string) => number | undefined;

/** Web tier, worker and controller in one process and memory, all of whose metrics, spans and log lines are kept. */
export class WatchedService implements AsyncDisposable {
  readonly web: WebService;
  readonly controller: Controller;
  readonly lines: Record<string, unknown>[];
  readonly #box: SpanBox;
  readonly #releasers: Releasers;

  private constructor(parts: {
    web: WebService;
    controller: Controller;
    lines: Record<string, unknown>[];
    box: SpanBox;
    releasers: Releasers;
  }) {
    this.web = parts.web;
    this.controller = parts.controller;
    this.lines = parts.lines;
    this.#box = parts.box;
    this.#releasers = parts.releasers;
  }

  static async start({ flags = {}, works = true, logLevel = 'silent' }: WatchedServiceOptions = {}) {
    const releasers = new Releasers();
    const box = new SpanBox();
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: logLevel }, collectLines(lines));
    const web = releasers.use('web', await WebService.start({ recognise: false, flags, logger, spans: box }));
    const { deployment } = web;
    const fleet = new MemoryFleet({ machines: new MemoryMachines(deployment.clock) });
    const controller = releasers.use(
      'controller',
      await startController({ deployment, fleet, timings: TIMINGS }),
    );
    await eventually('the controller leads', () => controller.isLeading);
    const service = new WatchedService({ web, controller, lines, box, releasers });
    if (works) service.startWorker();
    return service;
  }

  /** `before` runs before each picture is recognised, and may wait. */
  startWorker(before: () => Promise<void> | void = () => {}): void {
    const recogniser = new FakeRecogniser();
    recogniser.before = before;
    startWorker(this.web, recogniser, this.#releasers);
  }

  /** The spans so far, once they are as wanted. */
  async spans(areAsWanted: (spans: readonly Span[]) => boolean): Promise<readonly Span[]> {
    await eventually('the spans', () => areAsWanted(this.#box.spans));
    return this.#box.spans;
  }

  async metrics(): Promise<MetricsReading> {
    const lines = (await this.web.deployment.telemetry.metrics.read()).split('\n');
    return (series) => {
      const line = lines.find((one) => one.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    };
  }

  async metricsWhen(areAsWanted: (reading: MetricsReading) => boolean): Promise<MetricsReading> {
    return await eventually('the metrics', async () => {
      const reading = await this.metrics();
      return areAsWanted(reading) && reading;
    });
  }

  /** All metrics by name, those of a broker included. */
  async exported() {
    const { metrics } = this.web.deployment.telemetry;
    watchQueues(metrics, () => [{ name: 'a-queue', visible: 1, inFlight: 0, delayed: 0 }]);
    // Some are made when they are first read.
    await metrics.read();
    return new Map(metrics.definitions.map((definition) => [definition.name, definition]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#releasers[Symbol.asyncDispose]();
  }
}

function startWorker({ deployment }: WebService, recogniser: FakeRecogniser, releasers: Releasers): void {
  const drain = new AbortController();
  const ended = runWorker({
    deployment,
    recogniser,
    gallery: new FakeGallery().openReplica(),
    galleryChanges: () => ({
      enrol: () => Promise.reject(new Error('enrolling was not expected')),
      addTemplate: () => Promise.reject(new Error('a template was not expected')),
    }),
    openRecogniser: async (packId) => new FakeRecogniser({ packId }),
    isolatedReader: () => new FakeRecogniser(),
    instance: { id: 'by-hand', slot: 0, generation: 0 },
    drain: drain.signal,
  });
  releasers.push('worker', () => {
    drain.abort();
    return ended;
  });
}

function collectLines(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString('utf8')));
      done();
    },
  });
}
