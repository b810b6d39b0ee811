import { type Histogram, MetricRegistry } from './metrics.ts';
import { watchProcess } from './process-metrics.ts';
import { newSpanId, type TraceContext } from './trace-context.ts';

/** The steps from upload to answer, in their order. The first three are the web tier's, the others the worker's. */
export const STAGES = [
  /** Reading the picture off the wire. */
  'upload',
  /** Storing it with its record. */
  'store',
  /** Committing its message to the queue. */
  'send',
  /** Waiting for a worker. */
  'queue',
  'fetch',
  'decode',
  'detect',
  'embed',
  'match',
  /** Storing the result. */
  'save',
  /** Telling whoever waits. */
  'answer',
] as const;

export type Stage = (typeof STAGES)[number];

/** Something that took time, as traces have it. Times in milliseconds since the epoch. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** What went wrong, if anything. */
  readonly error?: string | undefined;
}

/** Where spans go. */
export interface SpanSink extends AsyncDisposable {
  /** Whether a trace that begins here is recorded; one that others began is if they record it. */
  samples(traceId: string, parent: TraceContext | undefined): boolean;
  /** Never waits and never fails: what cannot be kept is dropped and counted. */
  record(span: Span): void;
  /** Sends what there is, for at most two seconds. */
  flush(): Promise<void>;
}

/** What one process measures of itself. Metrics are always counted; spans are made only when somebody wants them. */
export class Telemetry {
  readonly metrics: MetricRegistry;
  readonly spans: SpanSink | undefined;
  readonly #stages: Histogram;

  constructor({
    tier,
    spans,
    metrics = new MetricRegistry(),
  }: { tier: string; spans?: SpanSink | undefined; metrics?: MetricRegistry }) {
    this.metrics = metrics;
    this.spans = spans;
    this.#stages = metrics.histogram(
      'facefleet_stage_duration_seconds',
      'How long each step from upload to answer took',
      ['stage'],
    );
    watchProcess(metrics, tier);
  }

  stage(stage: Stage, milliseconds: number): void {
    this.#stages.of(stage).observe(milliseconds / 1000);
  }

  /** Counts a stage that ends now, and records it as a span below `parent`. */
  stageOf(
    parent: TraceContext | undefined,
    stage: Stage,
    startedAt: number,
    endedAt = performance.now(),
  ): void {
    this.stage(stage, endedAt - startedAt);
    if (this.spans === undefined || parent?.isSampled !== true) return;
    const { traceId, spanId: parentSpanId } = parent;
    const [startMs, endMs] = [epochOf(startedAt), epochOf(endedAt)];
    this.spans.record({
      traceId,
      spanId: newSpanId(),
      parentSpanId,
      name: stage,
      kind: 'internal',
      startMs,
      endMs,
    });
  }
}

/** Milliseconds since the epoch of a reading of `performance.now()`. */
export function epochOf(reading: number): number {
  return performance.timeOrigin + reading;
}
