import assert from 'node:assert/strict';
import { test } from 'node:test';

import { estimateCost, UnknownPriceError } from './cost.ts';

const request = {
  webType: 't3.small',
  workerTypes: ['c7i.large', 'm7i.large'],
  minWorkers: 0,
  maxWorkers: 15,
  hasLoadBalancer: false,
  overrides: new Map<string, number>(),
};

test('an hour costs what is fixed, and for each worker as much again', () => {
  const { hourly, fixed, perWorker } = estimateCost(request);
  assert.deepEqual(
    hourly.map(({ workers }) => workers),
    [0, 1, 15],
  );
  const base = fixed.reduce((sum, line) => sum + line.hourly, 0);
  for (const { workers, price } of hourly) assert.ok(Math.abs(price - base - workers * perWorker) < 1e-9);
  assert.ok(perWorker > 0.089 && perWorker < 0.1);
});

test('requests of an idle system are a line of their own, and little', () => {
  const line = estimateCost(request).fixed.find(({ what }) => /requests/.test(what));
  assert.ok(line !== undefined && line.hourly > 0.005 && line.hourly < 0.02);
});

test('a load balancer is not forgotten', () => {
  const plain = estimateCost(request).hourly[0]!.price;
  assert.ok(estimateCost({ ...request, hasLoadBalancer: true }).hourly[0]!.price > plain + 0.03);
});

test('a price that is not in the table must be said, and one that is said wins', () => {
  const unknown = { ...request, workerTypes: ['z9.mega'] };
  assert.throws(() => estimateCost(unknown), UnknownPriceError);
  const said = estimateCost({ ...unknown, overrides: new Map([['z9.mega', 2]]) });
  assert.ok(said.perWorker > 2);
  assert.ok(estimateCost({ ...request, overrides: new Map([['t3.small', 0]]) }).hourly[0]!.price < 0.03);
});
