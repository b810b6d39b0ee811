import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { QueueBelief } from './queue-belief.ts';
import { scalingTimings } from './timings.ts';

const timings = scalingTimings({
  roundMs: 1000,
  listingLagMs: 0,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 1,
});
const counts = (visible: number) => ({ visible, inFlight: 0, delayed: 0 });

class Stage {
  readonly clock = new FakeClock();
  readonly belief = new QueueBelief(this.clock, timings);

  /** What is believed to wait, one look a second. */
  async look(visible: number, { isExact = false, isFromZero = false, afterMs = 1000 } = {}): Promise<number> {
    await this.clock.advance(afterMs);
    return this.belief.believe(counts(visible), { isExact, isFromZero }).visible;
  }
}

describe('counts that may be old', () => {
  it('are believed as they are when they are exact', async () => {
    const stage = new Stage();
    assert.equal(await stage.look(5, { isExact: true }), 5);
    assert.equal(await stage.look(0, { isExact: true }), 0);
  });

  it('are believed to fall when a second look says so too', async () => {
    const stage = new Stage();
    assert.equal(await stage.look(5), 5);
    assert.equal(await stage.look(0), 5);
    assert.equal(await stage.look(0), 0);
  });

  it('that fall within one moment are still one look', async () => {
    const stage = new Stage();
    assert.equal(await stage.look(5), 5);
    assert.equal(await stage.look(0, { afterMs: 20 }), 5);
    assert.equal(await stage.look(0, { afterMs: 20 }), 5);
    assert.equal(await stage.look(0), 5);
    assert.equal(await stage.look(0), 0);
  });

  it('are believed to rise at once while something lives', async () => {
    const stage = new Stage();
    await stage.look(1);
    assert.equal(await stage.look(7), 7);
  });

  it('wake nobody from zero for a phantom, but for two looks in a row', async () => {
    const stage = new Stage();
    const isFromZero = true;
    assert.equal(await stage.look(2, { isFromZero }), 0);
    assert.equal(await stage.look(0, { isFromZero }), 0);
    assert.equal(await stage.look(2, { isFromZero }), 0);
    assert.equal(await stage.look(3, { isFromZero }), 3);
  });

  it('wake somebody at once after a hint, also while they show nothing yet, and not for ever', async () => {
    const stage = new Stage();
    const isFromZero = true;
    await stage.look(0, { isFromZero });
    stage.belief.hint();
    assert.equal(await stage.look(0, { isFromZero }), 1);
    assert.equal(await stage.look(0), 1, 'what has been woken is kept meanwhile');
    await stage.clock.advance(timings.depthLagMs);
    assert.equal(await stage.look(0), 0);
    stage.belief.hint();
    assert.equal(await stage.look(4, { isFromZero }), 4);
    await stage.look(0);
    assert.equal(await stage.look(0), 0, 'once they show something, they are believed again');
  });
});
