import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { mortal } from '../../test/support/mortal.ts';
import { UnavailableError } from '../errors.ts';
import { leaderKey } from '../jobs/keys.ts';
import { silentLogger } from '../logger.ts';
import type { LeaderRecord } from './heartbeat.ts';
import { acquireLeadership, type LeadershipOptions, type Lease } from './leader.ts';
import { scalingTimings } from './timings.ts';

const timings = scalingTimings({
  roundMs: 250,
  listingLagMs: 0,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 1,
});

class Stage {
  readonly clock = new FakeClock();
  readonly state = new MemoryObjectStore();
  readonly stop = new AbortController();

  contend(controllerId: string, options: Partial<LeadershipOptions> = {}): Promise<Lease | undefined> {
    return acquireLeadership(
      {
        state: this.state,
        clock: this.clock,
        logger: silentLogger,
        timings,
        controllerId,
        address: `http://127.0.0.1:${controllerId}`,
        token: `token of ${controllerId}`,
        isDeserted: async () => false,
        ...options,
      },
      this.stop.signal,
    );
  }

  /** One that contends, and what came of it so far. */
  contender(controllerId: string, options?: Partial<LeadershipOptions>): { lease: Lease | undefined } {
    const outcome: { lease: Lease | undefined } = { lease: undefined };
    void this.contend(controllerId, options).then((lease) => {
      outcome.lease = lease;
    });
    return outcome;
  }

  async leads(controllerId: string): Promise<Lease> {
    const lease = await this.contend(controllerId);
    assert.ok(lease);
    return lease;
  }

  async record(): Promise<LeaderRecord> {
    const stored = await this.state.get(leaderKey);
    return JSON.parse(String(await stored?.bytes()));
  }
}

describe('leadership', () => {
  it('goes to who comes first, and says where to find it', async () => {
    const stage = new Stage();
    const lease = await stage.leads('1');
    assert.equal(lease.epoch, 1);
    assert.ok(lease.mayChange());
    const record = await stage.record();
    assert.equal(record.address, 'http://127.0.0.1:1');
    assert.equal(record.token, 'token of 1');
    assert.equal(record.epoch, 1);
  });

  it('goes to one of many who come at once', async () => {
    const stage = new Stage();
    const contenders = ['1', '2', '3', '4'].map((id) => stage.contender(id));
    await stage.clock.advance(60_000);
    assert.equal(contenders.filter(({ lease }) => lease !== undefined).length, 1);
  });

  it('stays while it is renewed', async () => {
    const stage = new Stage();
    const lease = await stage.leads('1');
    const standby = stage.contender('2');
    await stage.clock.advance(10 * timings.leaseMs);
    assert.equal(standby.lease, undefined);
    assert.ok(lease.mayChange());
    assert.ok(!lease.lost.aborted);
  });

  it('passes on when it is not renewed for its whole length, and by then allows no change', async () => {
    const stage = new Stage();
    // Reads the record, writes it, and hangs at the first renewal.
    const state = mortal(3).through(stage.state);
    const lease = await stage.contend('1', { state });
    const standby = stage.contender('2');
    await stage.clock.advance(timings.leaseMs - timings.leaseMarginMs - 1);
    assert.ok(lease?.mayChange());
    await stage.clock.advance(1);
    assert.ok(!lease?.mayChange());
    await stage.clock.advance(timings.leaseMarginMs - 1);
    assert.equal(standby.lease, undefined);
    await stage.clock.advance(1000);
    assert.equal((standby.lease as Lease | undefined)?.epoch, 2);
  });

  it('is seen to be lost by who held it', async () => {
    const stage = new Stage();
    const lease = await stage.leads('1');
    const heir = await stage.contend('2', { isDeserted: async () => true });
    assert.equal(heir?.epoch, 2);
    await stage.clock.advance(timings.renewMs + 1);
    assert.ok(lease.lost.aborted);
    assert.ok(!lease.mayChange());
  });

  it('passes on at once when nobody listens where the leader was', async () => {
    const stage = new Stage();
    await stage.leads('1');
    const asked: string[] = [];
    const heir = await stage.contend('2', {
      isDeserted: async ({ address }) => {
        asked.push(address);
        return true;
      },
    });
    assert.equal(heir?.epoch, 2);
    assert.deepEqual(asked, ['http://127.0.0.1:1']);
  });

  it('passes on at once when it was given back', async () => {
    const stage = new Stage();
    const lease = await stage.leads('1');
    await lease[Symbol.asyncDispose]();
    assert.ok(!lease.mayChange());
    assert.ok(lease.lost.aborted);
    const heir = await stage.leads('2');
    assert.equal(heir.epoch, 2);
  });

  it('passes on at once when it ended long ago', async () => {
    const stage = new Stage();
    await stage.state.put(
      leaderKey,
      Buffer.from(JSON.stringify({ ...RECORD, epoch: 7, leaseUntil: stage.clock.now() - 3_600_000 })),
    );
    assert.equal((await stage.leads('2')).epoch, 8);
  });

  it('does not depend on the clock of who wrote the record', async () => {
    for (const skewMs of [-300_000, 3_600_000]) {
      const stage = new Stage();
      const leaseUntil = stage.clock.now() + skewMs;
      await stage.state.put(leaderKey, Buffer.from(JSON.stringify({ ...RECORD, leaseUntil })));
      const standby = stage.contender('2');
      await stage.clock.advance(timings.leaseMs / 2);
      assert.equal(standby.lease, undefined);
      await stage.clock.advance(timings.leaseMs / 2 + 2000);
      assert.equal((standby.lease as Lease | undefined)?.epoch, 2);
    }
  });

  it('allows no change while the machine has slept over it, until it is renewed', async () => {
    const stage = new Stage();
    const lease = await stage.leads('1');
    stage.clock.setNow(stage.clock.now() + 3_600_000);
    assert.ok(!lease.mayChange());
    await stage.clock.advance(timings.renewMs + 1);
    assert.ok(lease.mayChange());
  });

  it('allows no change once its time is over, whatever the time of day is set to', async () => {
    const stage = new Stage();
    const lease = await stage.contend('1', { state: mortal(3).through(stage.state) });
    stage.clock.setNow(stage.clock.now() - 3_600_000);
    assert.ok(lease?.mayChange());
    await stage.clock.advance(timings.leaseMs - timings.leaseMarginMs);
    assert.ok(!lease?.mayChange());
  });

  it('lasts from when its record was sent, not from when the answer came', async () => {
    const stage = new Stage();
    const slowMs = 4000;
    const slow = new MemoryObjectStore();
    const { put } = slow;
    slow.put = async (...call) => {
      const outcome = await put.apply(slow, call);
      await stage.clock.sleep(slowMs);
      return outcome;
    };
    const contending = stage.contend('1', { state: mortal(3).through(slow) });
    await stage.clock.advance(slowMs);
    const lease = await contending;
    assert.ok(lease?.mayChange());
    await stage.clock.advance(timings.leaseMs - timings.leaseMarginMs - slowMs);
    assert.ok(!lease?.mayChange());
  });

  it('is found again by who wrote it and never heard', async () => {
    const stage = new Stage();
    stage.state.failNext('put', new UnavailableError('no answer'), { key: leaderKey, afterwards: true });
    const contender = stage.contender('1');
    await stage.clock.advance(1000);
    assert.equal(contender.lease?.epoch, 2);
  });

  it('is waited for until the signal aborts', async () => {
    const stage = new Stage();
    await stage.leads('1');
    const waiting = stage.contend('2');
    await stage.clock.untilSleeping(2);
    stage.stop.abort();
    assert.equal(await waiting, undefined);
  });
});

const RECORD: LeaderRecord = {
  version: 1,
  address: 'http://127.0.0.1:1',
  epoch: 1,
  token: 'token',
  controllerId: 'somebody else',
  leaseUntil: 0,
};
