import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ArrivalLog,
  CompletionCount,
  estimateBootSeconds,
  NO_BOOTS,
  untoldCompletions,
  withBoot,
} from './estimators.ts';
import type { Heartbeat } from './heartbeat.ts';

const beat = (instanceId: string, done: number) => ({ instanceId, done }) as Heartbeat;

describe('arrivals', () => {
  it('are what there is more of, waiting or finished', () => {
    const log = new ArrivalLog();
    assert.deepEqual(log.note({ nowMs: 0, backlog: 3, completed: 0 }, 60), [{ ageSeconds: 0, count: 3 }]);
    assert.deepEqual(log.note({ nowMs: 2000, backlog: 1, completed: 5 }, 60), [
      { ageSeconds: 2, count: 3 },
      { ageSeconds: 0, count: 3 },
    ]);
    assert.deepEqual(log.note({ nowMs: 61_000, backlog: 0, completed: 6 }, 60), [
      { ageSeconds: 59, count: 3 },
    ]);
  });

  it('are remembered for as long as they may still wait', () => {
    const log = new ArrivalLog();
    log.note({ nowMs: 0, backlog: 5, completed: 0 }, 60);
    log.note({ nowMs: 1000, backlog: 8, completed: 0 }, 60);
    const later = log.note({ nowMs: 90_000, backlog: 4, completed: 4 }, 60);
    assert.deepEqual(later, [
      { ageSeconds: 90, count: 5 },
      { ageSeconds: 89, count: 3 },
    ]);
    assert.deepEqual(log.note({ nowMs: 91_000, backlog: 3, completed: 5 }, 60), [
      { ageSeconds: 90, count: 3 },
    ]);
  });

  it('are not counted twice when heartbeats tell late of what has left the queue', () => {
    const log = new ArrivalLog();
    log.note({ nowMs: 0, backlog: 10, completed: 0 }, 60);
    log.note({ nowMs: 1000, backlog: 6, completed: 0 }, 60);
    const bins = log.note({ nowMs: 2000, backlog: 6, completed: 4 }, 60);
    assert.equal(
      bins.reduce((sum, { count }) => sum + count, 0),
      10,
    );
  });
});

describe('completions', () => {
  it('add up over instances that come, go and restart', () => {
    const count = new CompletionCount();
    assert.equal(count.note([beat('a', 100)]), 0);
    assert.equal(count.note([beat('a', 103), beat('b', 0)]), 3);
    assert.equal(count.note([beat('b', 4)]), 7);
    assert.equal(count.note([beat('b', 1)]), 8);
  });
});

describe('completions that nobody has told yet', () => {
  const noted = (at: number, parts: Partial<Heartbeat> = {}) => ({
    at,
    beat: { state: 'running', busy: 1, ...parts } as Heartbeat,
  });
  const basis = { nowMs: 10_000, waitingSinceMs: 0, serviceSeconds: 0.5, beatMs: 2000 };

  it('are what those who work do while others wait', () => {
    assert.equal(untoldCompletions([noted(9000), noted(8000, { busy: 2 })], basis), 2 + 8);
    assert.equal(untoldCompletions([noted(9900), noted(9900), noted(9900)], basis), 0);
  });

  it('are none of those who do nothing, drain, or have nothing to go on with', () => {
    assert.equal(untoldCompletions([noted(9000, { busy: 0 })], basis), 0);
    assert.equal(untoldCompletions([noted(9000, { state: 'draining' })], basis), 0);
    assert.equal(untoldCompletions([noted(9000)], { ...basis, waitingSinceMs: undefined }), 0);
    assert.equal(untoldCompletions([noted(8000)], { ...basis, waitingSinceMs: 9000 }), 2);
  });

  it('are no more of those who have not been heard for long', () => {
    assert.equal(untoldCompletions([noted(5000)], basis), 6);
  });
});

describe('the boot time', () => {
  it('is what is configured until one was seen, then nearly the longest of the last', () => {
    assert.deepEqual(estimateBootSeconds(NO_BOOTS, 26), { launch: 26, start: 26 });
    let boots = withBoot(NO_BOOTS, 'launch', 500);
    for (let seconds = 1; seconds <= 20; seconds++) boots = withBoot(boots, 'launch', seconds);
    boots = withBoot(boots, 'start', 4);
    assert.deepEqual(estimateBootSeconds(boots, 26), { launch: 18 + 8, start: 4 });
  });
});
