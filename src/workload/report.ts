import { createHistogram } from 'node:perf_hooks';

import type { Outcome } from './recognition-client.ts';

/** So many wrong names are kept as examples. */
const MOST_EXAMPLES = 10;

export interface WrongName {
  readonly picture: string;
  readonly expected: string;
  readonly got: string;
}

/** What a run of the generator measured. Times in milliseconds, from when a request was due to its whole answer. */
export interface WorkloadReport {
  /** Finished ones: successes and failures. */
  readonly requests: number;
  readonly successes: number;
  readonly failures: number;
  readonly failuresByReason: Readonly<Record<string, number>>;
  /** In flight when the run was interrupted; counted nowhere else. */
  readonly interrupted: number;
  /** Of the successes, by the prediction file; both 0 without one. */
  readonly rightNames: number;
  readonly wrongNames: number;
  /** The first few. */
  readonly wrongExamples: readonly WrongName[];
  /** Answers that came as JSON instead of plain text; the original's own generator scores them as wrong. */
  readonly jsonAnswers: number;
  readonly durationSeconds: number;
  readonly requestsPerSecond: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

export interface Tally {
  readonly finished: number;
  readonly failed: number;
  readonly wrong: number;
}

/** Counts outcomes in bounded memory; latencies to three digits. */
export class WorkloadTally implements Tally {
  successes = 0;
  failed = 0;
  interrupted = 0;
  right = 0;
  wrong = 0;
  jsonAnswers = 0;
  readonly #reasons = new Map<string, number>();
  readonly #wrongExamples: WrongName[] = [];
  readonly #microseconds = createHistogram();

  get finished(): number {
    return this.successes + this.failed;
  }

  add(outcome: Outcome, latencyMs: number, picture: string, expected: string | undefined): void {
    if (outcome.kind === 'interrupted') {
      this.interrupted++;
      return;
    }
    this.#microseconds.record(Math.max(1, Math.round(latencyMs * 1000)));
    if (outcome.kind === 'failed') {
      this.failed++;
      this.#reasons.set(outcome.reason, (this.#reasons.get(outcome.reason) ?? 0) + 1);
      return;
    }
    this.successes++;
    if (outcome.form === 'json') this.jsonAnswers++;
    if (expected === undefined) return;
    if (outcome.name === expected) {
      this.right++;
      return;
    }
    this.wrong++;
    if (this.#wrongExamples.length < MOST_EXAMPLES) {
      this.#wrongExamples.push({ picture, expected, got: outcome.name });
    }
  }

  report(durationSeconds: number): WorkloadReport {
    const percentile = (share: number) =>
      this.finished === 0 ? 0 : this.#microseconds.percentile(share) / 1000;
    return {
      requests: this.finished,
      successes: this.successes,
      failures: this.failed,
      failuresByReason: Object.fromEntries([...this.#reasons].sort((a, b) => b[1] - a[1])),
      interrupted: this.interrupted,
      rightNames: this.right,
      wrongNames: this.wrong,
      wrongExamples: this.#wrongExamples,
      jsonAnswers: this.jsonAnswers,
      durationSeconds,
      requestsPerSecond: durationSeconds > 0 ? this.finished / durationSeconds : 0,
      latencyMs: { p50: percentile(50), p90: percentile(90), p99: percentile(99), max: percentile(100) },
    };
  }
}

/** The report for people. */
export function reportText(report: WorkloadReport, hasPredictions: boolean): string {
  const { latencyMs } = report;
  const lines = [
    `requests    ${report.requests}`,
    `successes   ${report.successes}`,
    `failures    ${report.failures}`,
    ...Object.entries(report.failuresByReason).map(([reason, count]) => `  ${count} × ${reason}`),
  ];
  if (hasPredictions) {
    lines.push(`right names ${report.rightNames}`, `wrong names ${report.wrongNames}`);
    for (const { picture, expected, got } of report.wrongExamples) {
      lines.push(`  ${picture}: ${got}, expected ${expected}`);
    }
    if (report.wrongNames > report.wrongExamples.length) lines.push('  …');
  }
  lines.push(
    `duration    ${report.durationSeconds.toFixed(2)} s`,
    `throughput  ${report.requestsPerSecond.toFixed(1)} requests/s`,
    `latency     p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)}`,
  );
  if (report.interrupted > 0) lines.push(`interrupted with ${report.interrupted} requests in flight`);
  if (report.jsonAnswers > 0) {
    lines.push(`${report.jsonAnswers} answers were JSON {"message": …}; the contract says plain text`);
  }
  return `${lines.join('\n')}\n`;
}

function ms(value: number): string {
  return value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1000).toFixed(1)} s`;
}
