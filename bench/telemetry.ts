/**
 * `node bench/telemetry.ts`: what metrics cost a picture, in web tier and worker together, and spans on top when
 * somebody records them. Prints medians of runs, microseconds a picture.
 */
import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';

import type { DoneResult, JobMessage } from '../src/jobs/job.ts';
import { type SpanSink, Telemetry } from '../src/telemetry/telemetry.ts';
import { observeRequests } from '../src/web/request-telemetry.ts';
import { JobReports } from '../src/worker/job-report.ts';

const RUNS = 15;
const PICTURES = 20_000;

const message: JobMessage = {
  version: 1,
  jobId: '01999999-9999-7999-8999-999999999999',
  submittedAt: Date.now(),
  deadline: Date.now(),
  traceId: '0af7651916cd43dd8448eb211c80319c',
  parentSpanId: 'b7ad6b7169203331',
};
const result = {
  kind: 'recognise',
  status: 'done',
  faces: [{ person: null }, { person: { id: 'x', name: 'Paul' } }],
  timings: { queueMs: 3, fetchMs: 1, decodeMs: 1, detectMs: 5, embedMs: 5, matchMs: 1 },
} as unknown as DoneResult;

/** Takes spans and forgets them: what sending them costs is the exporter's, off the way of a picture. */
const sink: SpanSink = {
  samples: () => true,
  record: () => undefined,
  flush: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

class FakeResponse extends EventEmitter {
  readonly locals: { trace?: { traceId: string; spanId: string; isSampled: boolean } } = {};
  readonly writableFinished = true;
  readonly statusCode = 200;
  set(): void {}
  getHeader(): undefined {}
}

for (const spans of [undefined, sink]) {
  const telemetry = new Telemetry({ tier: 'bench', spans });
  const observe = observeRequests(telemetry);
  const reports = new JobReports(telemetry, 'bench');
  const picture = () => {
    const response = new FakeResponse();
    const request = { headers: {}, method: 'POST', path: '/', route: { path: '/' } } as unknown as Request;
    observe(request, response as unknown as Response, () => undefined);
    const { trace } = response.locals;
    for (const stage of ['upload', 'store', 'send'] as const)
      telemetry.stageOf(trace, stage, performance.now());
    const report = reports.begin(message);
    report.ended('fetch');
    report.recognised(result);
    report.ended('save');
    report.ended('answer');
    report.finished(result);
    response.emit('close');
  };
  console.log(
    `${spans === undefined ? 'metrics' : 'metrics and spans'}: ${median(picture).toFixed(1)} µs a picture`,
  );
}

function median(work: () => void): number {
  const times = Array.from({ length: RUNS }, () => {
    const startedAt = performance.now();
    for (let number = 0; number < PICTURES; number++) work();
    return ((performance.now() - startedAt) * 1000) / PICTURES;
  });
  return times.sort((one, other) => one - other)[Math.floor(RUNS / 2)]!;
}
