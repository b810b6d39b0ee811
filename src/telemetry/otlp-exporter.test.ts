import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeCollector } from '../../test/support/fake-collector.ts';
import { silentLogger } from '../logger.ts';
import { MetricRegistry } from './metrics.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import { otlpSettings } from './otlp-settings.ts';
import type { Span } from './telemetry.ts';

const span: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  name: 'fetch',
  kind: 'internal',
  startMs: 1_790_000_000_000.25,
  endMs: 1_790_000_000_001.5,
};

function exporterTo(endpoint: string, variables: Record<string, string> = {}) {
  const settings = otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...variables });
  assert.ok(settings);
  const metrics = new MetricRegistry();
  const exporter = new OtlpExporter({ settings, tier: 'worker', logger: silentLogger, metrics });
  const count = async (outcome: string) =>
    Number(new RegExp(`facefleet_spans_total{outcome="${outcome}"} (\\d+)`).exec(await metrics.read())?.[1]);
  return { exporter, count };
}

test('spans come as the protocol wants them', async () => {
  await using collector = await FakeCollector.start();
  const { exporter, count } = exporterTo(collector.endpoint, {
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
  });
  exporter.record({
    ...span,
    parentSpanId: 'a'.repeat(16),
    attributes: { count: 3, ratio: 0.5, ok: true, of: 'x' },
  });
  exporter.record({ ...span, kind: 'server', error: 'it broke' });
  await exporter[Symbol.asyncDispose]();

  const [call] = collector.calls;
  assert.equal(call?.path, '/v1/traces');
  assert.equal(call?.headers['content-type'], 'application/json');
  assert.equal(call?.headers['api-key'], 'secret');
  const [one, other] = collector.spans;
  assert.equal(one?.service, 'facefleet-worker');
  assert.equal(one?.startTimeUnixNano, '1790000000000250000');
  assert.equal(one?.endTimeUnixNano, '1790000000001500000');
  assert.equal(one?.kind, 1);
  assert.equal(one?.parentSpanId, 'a'.repeat(16));
  assert.deepEqual(one?.attributes, [
    { key: 'count', value: { intValue: '3' } },
    { key: 'ratio', value: { doubleValue: 0.5 } },
    { key: 'ok', value: { boolValue: true } },
    { key: 'of', value: { stringValue: 'x' } },
  ]);
  assert.equal(other?.kind, 2);
  assert.equal('parentSpanId' in (other ?? {}), false);
  assert.deepEqual(other?.status, { code: 2, message: 'it broke' });
  assert.equal(await count('exported'), 2);
});

test('a collector that cannot now is asked again, one that refuses is not', async () => {
  await using collector = await FakeCollector.start();
  const { exporter, count } = exporterTo(collector.endpoint);
  collector.nextStatus.push(503, 200, 400);
  exporter.record(span);
  await exporter.flush();
  assert.equal(collector.spans.length, 1);
  exporter.record(span);
  await exporter.flush();
  assert.equal(collector.calls.length, 3);
  assert.equal(await count('dropped'), 1);
  await exporter[Symbol.asyncDispose]();
});

test('without a collector spans are dropped and counted, and the process is not held up', async () => {
  const { exporter, count } = exporterTo('http://127.0.0.1:1', { OTEL_BSP_MAX_QUEUE_SIZE: '10' });
  for (let number = 0; number < 25; number++) exporter.record(span);
  assert.equal(await count('dropped'), 15, 'what waits is bounded');
  await exporter[Symbol.asyncDispose]();
  exporter.record(span);
  assert.equal(await count('exported'), 0);
});

test('who is sampled: as the parent is, or by the trace id', () => {
  const settings = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' };
  const { exporter } = exporterTo('http://127.0.0.1:1', settings);
  const parent = { traceId: span.traceId, spanId: span.spanId, isSampled: true };
  assert.equal(exporter.samples(`${'0'.repeat(24)}7fffffff`, undefined), true);
  assert.equal(exporter.samples(`${'0'.repeat(24)}80000000`, undefined), false);
  assert.equal(exporter.samples(`${'0'.repeat(24)}80000000`, parent), true);
  assert.equal(exporter.samples(`${'0'.repeat(24)}00000000`, { ...parent, isSampled: false }), false);
});
