import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { TopSample } from './top-sample.ts';
import { layOut, plainText } from './top-screen.ts';
import { latencyBetween, latencyCounts } from './web-latency.ts';

const worker = {
  slot: 1,
  state: 'running',
  busy: 1,
  done: 42,
  serviceSeconds: 0.025,
  residentBytes: 250e6,
  galleryVersion: 7,
  uptimeSeconds: 65,
};
const decision = {
  at: 1000,
  desired: 2,
  reason: 'more \u001b[31mthan\nwait',
  actions: ['launch 1', 'launch 2'],
};
const sample: TopSample = {
  at: 61_000,
  queues: [{ name: 'facefleet-req-queue', visible: 12, inFlight: 2, delayed: 1, oldestAgeSeconds: 3.25 }],
  workers: [worker],
  fleet: { desired: 2, slots: [], decisions: [decision], pausedAt: null, isLed: true },
  instanceSeconds: 7200,
  latency: { perSecond: 80.5, p50Seconds: 0.02, p95Seconds: 0.3, p99Seconds: null },
  missing: [],
};

function histogram(...counts: readonly [bound: string, count: number][]): string {
  return counts
    .map(
      ([bound, count]) => `facefleet_http_request_duration_seconds_bucket{route="/",le="${bound}"} ${count}`,
    )
    .join('\n');
}

test('the screen says what waits, who works, how long it takes and why there are so many', () => {
  const text = plainText(layOut(sample, [0, 5, 13], { columns: 120, rows: 40 }));
  for (const what of [
    'waiting 13',
    'in flight 2',
    '80.5/s',
    'p95 300 ms',
    '2.00 instance hours',
    '42',
    '250 MB',
    'launch 1',
  ]) {
    assert.ok(text.includes(what), what);
  }
  assert.ok(!text.includes('\u001b'), 'what others wrote steers no terminal');
});

test('it fits into the window, however small', () => {
  for (const size of [
    { columns: 200, rows: 60 },
    { columns: 40, rows: 10 },
    { columns: 1, rows: 1 },
  ]) {
    const lines = layOut({ ...sample, workers: Array.from({ length: 50 }, () => worker) }, [1, 2, 3], size);
    assert.ok(lines.length <= size.rows);
    for (const line of lines) assert.ok(line.map(({ text }) => text).join('').length <= size.columns);
  }
});

test('on the least terminal that is usual a reason is there to its end, below its decision', () => {
  const reason = '2 waiting, for up to 42 s, 0 in hand, 1.8 s each: 1 more would keep 2 s';
  const fleet = { ...sample.fleet!, decisions: [{ ...decision, reason }, decision] };
  const text = plainText(layOut({ ...sample, fleet }, [], { columns: 80, rows: 24 }));
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.includes('launch 1, launch 2'));
  assert.equal(`${lines[at]!.slice(39)} ${lines[at + 1]!.trim()}`, reason);
  assert.match(lines[at + 2]!, /launch 1, launch 2 +more/);
});

test('what does not answer is said, and the rest is shown', () => {
  const dark = { ...sample, queues: null, workers: null, fleet: null, latency: null, instanceSeconds: null };
  const text = plainText(
    layOut({ ...dark, missing: ['the web tier: refused'] }, [], { columns: 80, rows: 24 }),
  );
  assert.match(text, /the web tier: refused/);
  assert.match(text, /waiting -/);
});

test('percentiles are those of what lies between two readings', () => {
  const before = latencyCounts(histogram(['0.1', 100], ['1', 100], ['+Inf', 100]));
  const after = latencyCounts(histogram(['0.1', 150], ['1', 200], ['+Inf', 200]));
  const { perSecond, p50Seconds, p95Seconds } = latencyBetween(before, after, 10);
  assert.equal(perSecond, 10);
  assert.equal(p50Seconds, 0.1);
  assert.ok(Math.abs((p95Seconds ?? 0) - 0.91) < 1e-9);
  assert.equal(latencyBetween(after, after, 1).p95Seconds, null);
  assert.equal(latencyBetween(after, before, 10).perSecond, 10, 'a web tier that was restarted counts anew');
});
