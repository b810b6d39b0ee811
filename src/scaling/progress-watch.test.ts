import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProgressWatch } from './progress-watch.ts';
import { scalingTimings } from './timings.ts';

const timings = scalingTimings({
  roundMs: 1000,
  listingLagMs: 0,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 1,
});

/** A watch on instances that finish so many jobs a second together. */
class Stage {
  readonly watch = new ProgressWatch(timings);
  nowMs = 0;
  completed = 0;

  work(
    seconds: number,
    ready: number,
    perSecond: number,
    { isWaiting = true, serviceSeconds = 1 } = {},
  ): void {
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1000;
      this.completed += perSecond;
      const { nowMs, completed } = this;
      this.watch.note({ nowMs, completed, ready, isWaiting, serviceSeconds });
    }
  }

  get most(): number {
    return this.watch.most(this.nowMs);
  }
}

describe('progress', () => {
  it('that grows with capacity stops nothing', () => {
    const stage = new Stage();
    for (let ready = 1; ready <= 10; ready++) {
      stage.work(90, ready, ready);
      assert.equal(stage.watch.reason, undefined);
    }
    assert.equal(stage.most, Number.POSITIVE_INFINITY);
  });

  it('that grows a little with capacity stops nothing either', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(90, 4, 3);
    assert.equal(stage.watch.reason, undefined);
  });

  it('that stays flat while capacity doubled stops growth at what there is', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(62, 4, 2);
    assert.match(stage.watch.reason ?? '', /4 ready.*120 jobs a minute/);
    assert.equal(stage.most, 4);
  });

  it('that never began with some instances ready stops growth, until something is finished', () => {
    const stage = new Stage();
    stage.work(62, 3, 0);
    assert.equal(stage.most, 3);
    stage.work(62, 3, 1);
    assert.equal(stage.most, Number.POSITIVE_INFINITY);
  });

  it('is not judged before jobs that take long can have been finished', () => {
    const stage = new Stage();
    stage.work(1100, 3, 0, { serviceSeconds: 300 });
    assert.equal(stage.watch.reason, undefined);
  });

  it('is not judged by a handful of jobs', () => {
    const stage = new Stage();
    stage.work(90, 2, 0.1);
    stage.work(90, 3, 0.1);
    assert.equal(stage.watch.reason, undefined);
  });

  it('recovers when more is finished again', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(62, 4, 2);
    stage.work(62, 4, 4);
    assert.equal(stage.watch.reason, undefined);
  });

  it('recovers when nothing waits any more', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(62, 4, 2);
    stage.work(1, 4, 0, { isWaiting: false });
    assert.equal(stage.most, Number.POSITIVE_INFINITY);
  });

  it('lets a little growth be tried after five minutes, and more if that helps', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(62, 4, 2);
    stage.work(timings.holdProgressMs / 1000 + 1, 4, 2);
    assert.equal(stage.most, 5);
    stage.work(62, 5, 4);
    assert.equal(stage.watch.reason, undefined);
  });

  it('stays stopped for another five minutes when that does not help', () => {
    const stage = new Stage();
    stage.work(90, 2, 2);
    stage.work(62, 4, 2);
    stage.work(timings.holdProgressMs / 1000 + 1, 4, 2);
    stage.work(62, 5, 2);
    assert.equal(stage.most, 5);
    stage.work(60, 5, 2);
    assert.equal(stage.most, 5);
    stage.work(timings.holdProgressMs / 1000, 5, 2);
    assert.equal(stage.most, 7);
  });
});
