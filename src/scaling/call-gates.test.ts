import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { CapacityUnavailableError, ThrottledError } from '../errors.ts';
import { CallGates, type CallKind, mostCallsPerMinute } from './call-gates.ts';
import { scalingTimings } from './timings.ts';

const timings = scalingTimings({
  roundMs: 1000,
  listingLagMs: 0,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 1,
});

class Stage {
  readonly clock = new FakeClock();
  readonly gates: CallGates;
  calls = 0;

  constructor(random = () => 1) {
    this.gates = new CallGates(this.clock, timings, random);
  }

  /** Calls as often as it may for so long, looking every 50 ms. */
  async storm(kind: CallKind, seconds: number, error?: Error): Promise<number> {
    const before = this.calls;
    for (let atMs = 0; atMs < seconds * 1000; atMs += 50) {
      await this.clock.advance(50);
      if (this.gates.mayCall(kind)) await this.call(kind, error);
    }
    return this.calls - before;
  }

  async call(kind: CallKind, error?: Error): Promise<void> {
    this.calls++;
    const act = () => (error === undefined ? Promise.resolve() : Promise.reject(error));
    await this.gates.call(kind, act).catch((caught) => assert.equal(caught, error));
  }
}

describe('the gates of calls', () => {
  it('let no more than so many through in any minute, however often somebody knocks', async () => {
    const stage = new Stage();
    for (let minute = 0; minute < 3; minute++) {
      const calls = await stage.storm('list', 60);
      assert.ok(calls <= mostCallsPerMinute('list', timings), `${calls} calls`);
      assert.ok(calls >= 60, `${calls} calls`);
    }
  });

  it('close for longer and longer while a kind fails, and open when it works again', async () => {
    const stage = new Stage();
    const throttled = new ThrottledError('slower');
    assert.ok((await stage.storm('launch', 60, throttled)) <= 8);
    assert.ok((await stage.storm('launch', 600, throttled)) <= 10);
    assert.ok(stage.gates.isBackingOff('launch'));
    await stage.clock.advance(timings.mostBackoffMs);
    await stage.call('launch');
    assert.ok(stage.gates.mayCall('launch'));
  });

  it('close for one kind alone', async () => {
    const stage = new Stage();
    await stage.call('launch', new ThrottledError('slower'));
    assert.ok(!stage.gates.mayCall('launch'));
    assert.ok(stage.gates.mayCall('terminate'));
  });

  it('take a refusal as the answer that it is', async () => {
    const stage = new Stage();
    await stage.call('launch', new CapacityUnavailableError('none left'));
    assert.ok(stage.gates.mayCall('launch'));
  });

  it('open at different moments for those that failed together', async () => {
    const [early, late] = [new Stage(() => 0), new Stage(() => 1)];
    for (const stage of [early, late]) await stage.call('list', new ThrottledError('slower'));
    for (const stage of [early, late]) await stage.clock.advance(timings.firstBackoffMs / 2);
    assert.ok(early.gates.mayCall('list'));
    assert.ok(!late.gates.mayCall('list'));
  });
});
