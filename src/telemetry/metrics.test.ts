import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DURATION_BUCKETS, MetricRegistry } from './metrics.ts';

/** The value of one series of a text in Prometheus' format. */
function sampleOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('counters, gauges and their series are told with help and type', async () => {
  const metrics = new MetricRegistry();
  const jobs = metrics.counter('jobs_total', 'Jobs,\nby kind', ['kind']);
  jobs.of('recognise').add();
  jobs.of('recognise').add(2);
  jobs.of('de"te\\ct\n').add();
  metrics.gauge('size', 'A size').set(-1.5);
  assert.equal(
    await metrics.read(),
    [
      '# HELP jobs_total Jobs,\\nby kind',
      '# TYPE jobs_total counter',
      'jobs_total{kind="recognise"} 3',
      'jobs_total{kind="de\\"te\\\\ct\\n"} 1',
      '# HELP size A size',
      '# TYPE size gauge',
      'size -1.5',
      '',
    ].join('\n'),
  );
});

test('a counter without labels is there from the start, so that its first increase shows', async () => {
  const metrics = new MetricRegistry();
  metrics.counter('retries_total', 'x');
  assert.equal(sampleOf(await metrics.read(), 'retries_total'), 0);
});

test('the buckets of a histogram are cumulative and end with everything', async () => {
  const metrics = new MetricRegistry();
  const histogram = metrics.histogram('took_seconds', 'x', ['stage']);
  for (const seconds of [0.0005, 0.0006, 0.3, 1000]) histogram.of('detect').observe(seconds);
  const text = await metrics.read();
  const bucket = (bound: string) => sampleOf(text, `took_seconds_bucket{stage="detect",le="${bound}"}`);
  assert.equal(bucket('0.0005'), 1, 'a bound belongs to its bucket');
  assert.equal(bucket('0.001'), 2);
  assert.equal(bucket('0.25'), 2);
  assert.equal(bucket('0.5'), 3);
  assert.equal(bucket('60'), 3);
  assert.equal(bucket('+Inf'), 4);
  assert.equal(sampleOf(text, 'took_seconds_count{stage="detect"}'), 4);
  assert.equal(sampleOf(text, 'took_seconds_sum{stage="detect"}'), 1000.3011);
  assert.equal(text.match(/_bucket/g)?.length, DURATION_BUCKETS.length + 1);
});

test('two parts of a process may count the same thing, but not call different things the same', () => {
  const metrics = new MetricRegistry();
  const one = metrics.counter('a_total', 'x', ['kind']);
  assert.equal(metrics.counter('a_total', 'x', ['kind']), one);
  assert.throws(() => metrics.gauge('a_total', 'x', ['kind']), TypeError);
  assert.throws(() => metrics.counter('a_total', 'x', ['code']), TypeError);
  assert.throws(() => one.of('a', 'b'), TypeError);
});

test('label values without end take no memory without end', async () => {
  const metrics = new MetricRegistry();
  const counter = metrics.counter('a_total', 'x', ['id', 'kind']);
  for (let id = 0; id < 5000; id++) counter.of(`${id}`, 'k').add();
  const text = await metrics.read();
  assert.ok(text.split('\n').length < 520, 'series are bounded');
  assert.equal(sampleOf(text, 'a_total{id="other",kind="other"}'), 4500, 'and nothing is lost');
});

test('what changes by itself is set when somebody reads', async () => {
  const metrics = new MetricRegistry();
  const gauge = metrics.gauge('now', 'x', ['of']);
  let now = 0;
  const stop = metrics.onRead(async () => {
    gauge.clear();
    gauge.of(`reading ${++now}`).set(now);
  });
  await metrics.read();
  const second = await metrics.read();
  assert.equal(sampleOf(second, 'now{of="reading 1"}'), undefined);
  assert.equal(sampleOf(second, 'now{of="reading 2"}'), 2);
  stop();
  await metrics.read();
  assert.equal(now, 2);
});
