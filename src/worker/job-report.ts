import type { JobMessage, JobResult } from '../jobs/job.ts';
import { epochOf, type Stage, type Telemetry } from '../telemetry/telemetry.ts';
import { newSpanId, type TraceContext } from '../telemetry/trace-context.ts';

/** The stages of recognition in the order they come, each with the timing of the result that tells it. */
const RECOGNITION = [
  ['decode', 'decodeMs'],
  ['detect', 'detectMs'],
  ['embed', 'embedMs'],
  ['match', 'matchMs'],
] as const satisfies readonly (readonly [Stage, string])[];

/** What the worker's jobs tell metrics and traces. */
export class JobReports {
  readonly telemetry: Telemetry;
  readonly instanceId: string;
  readonly #finished;
  readonly #errors;
  readonly #retries;
  readonly #faces;
  readonly #modelSeconds;

  constructor(telemetry: Telemetry, instanceId: string) {
    const { metrics } = telemetry;
    this.telemetry = telemetry;
    this.instanceId = instanceId;
    this.#finished = metrics.counter('facefleet_jobs_finished_total', 'Jobs that have their result', [
      'kind',
      'status',
    ]);
    this.#errors = metrics.counter('facefleet_job_errors_total', 'Jobs that failed for good, by error code', [
      'code',
    ]);
    this.#retries = metrics.counter(
      'facefleet_job_retries_total',
      'Messages given back after a failure that may pass',
    );
    this.#faces = metrics.counter('facefleet_faces_total', 'Faces found, by whether they were named', [
      'named',
    ]);
    this.#modelSeconds = metrics.counter(
      'facefleet_model_seconds_total',
      'Time that models computed, by what for',
      ['model'],
    );
  }

  begin(message: JobMessage): JobReport {
    return new JobReport(this, message);
  }

  retried(): void {
    this.#retries.add();
  }

  count(result: JobResult): void {
    this.#finished.of(result.kind, result.status).add();
    if (result.status === 'failed') {
      this.#errors.of(result.error.code).add();
      return;
    }
    const named = result.faces.filter(({ person }) => person !== null).length;
    if (named > 0) this.#faces.of('true').add(named);
    if (result.faces.length > named) this.#faces.of('false').add(result.faces.length - named);
    const { detectMs = 0, embedMs = 0 } = result.timings;
    this.#modelSeconds.of('detector').add(detectMs / 1000);
    this.#modelSeconds.of('embedder').add(embedMs / 1000);
  }
}

/** One job on its way through the worker: notes when each stage ends, and tells of them all at the end. */
export class JobReport {
  readonly #reports: JobReports;
  readonly #message: JobMessage;
  readonly #trace: TraceContext | undefined;
  readonly #startedAt = performance.now();
  #at = this.#startedAt;

  constructor(reports: JobReports, message: JobMessage) {
    const { traceId, parentSpanId } = message;
    this.#reports = reports;
    this.#message = message;
    const isSampled = parentSpanId !== undefined && reports.telemetry.spans !== undefined;
    this.#trace = isSampled ? { traceId, spanId: newSpanId(), isSampled } : undefined;
  }

  /** The stage that went on since the last one ended is over. */
  ended(stage: Stage): void {
    const now = performance.now();
    this.#reports.telemetry.stageOf(this.#trace, stage, this.#at, now);
    this.#at = now;
  }

  /** Recognition is over. Its stages are timed where they run, on another thread: they are laid end to end before now, and decoding begins where recognition did. */
  recognised({ timings }: Extract<JobResult, { status: 'done' }>): void {
    const { telemetry } = this.#reports;
    const now = performance.now();
    let end = now;
    for (const [stage, timing] of RECOGNITION.toReversed()) {
      const milliseconds = timings[timing];
      if (milliseconds === undefined) continue;
      const start = stage === 'decode' ? this.#at : end - milliseconds;
      telemetry.stageOf(this.#trace, stage, start, start + milliseconds);
      end = start;
    }
    telemetry.stage('queue', timings.queueMs);
    this.#at = now;
  }

  /** The job has its result, which may be another's. */
  finished(result: JobResult): void {
    this.#reports.count(result);
    if (this.#trace === undefined) return;
    const { telemetry, instanceId } = this.#reports;
    const { parentSpanId, submittedAt, jobId } = this.#message;
    const startMs = epochOf(this.#startedAt);
    const { traceId } = this.#trace;
    telemetry.spans?.record({
      traceId,
      spanId: newSpanId(),
      parentSpanId,
      name: 'queue',
      kind: 'producer',
      startMs: submittedAt,
      endMs: startMs,
    });
    telemetry.spans?.record({
      traceId,
      spanId: this.#trace.spanId,
      parentSpanId,
      name: `job ${result.kind}`,
      kind: 'consumer',
      startMs,
      endMs: epochOf(performance.now()),
      attributes: { 'facefleet.job_id': jobId, 'facefleet.instance_id': instanceId },
      error: result.status === 'failed' ? `${result.error.code}: ${result.error.message}` : undefined,
    });
  }
}
