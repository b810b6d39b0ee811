import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FleetWorld } from '../../test/support/fleet-world.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { leaderKey } from '../jobs/keys.ts';
import { readFleetReport } from './fleet-report.ts';

describe('the report on the fleet', () => {
  it('says so when there has been none', async () => {
    const report = await readFleetReport(new MemoryObjectStore(), 0);
    assert.equal(report.leader, undefined);
    assert.deepEqual(report.slots, []);
    assert.equal(report.desired, 0);
  });

  it('shows slots, decisions with their reasons, and who leads, but no secrets', async () => {
    const world = await FleetWorld.create();
    await world.send(1);
    await world.steps(2);
    const leader = {
      version: 1,
      address: 'http://127.0.0.1:9',
      epoch: 3,
      token: 'secret',
      controllerId: 'c',
    };
    const leaseUntil = world.clock.now() + 1;
    await world.state.put(leaderKey, Buffer.from(JSON.stringify({ ...leader, leaseUntil })));
    const report = await readFleetReport(world.state, world.clock.now());
    assert.equal(report.slots[0]?.phase, 'running');
    assert.deepEqual(report.decisions[0]?.actions, ['launch 1']);
    assert.deepEqual(report.leader, {
      controllerId: 'c',
      address: 'http://127.0.0.1:9',
      epoch: 3,
      isAlive: true,
    });
    assert.ok(!JSON.stringify(report).includes('secret') && !JSON.stringify(report).includes('token'));
    assert.equal((await readFleetReport(world.state, leaseUntil)).leader?.isAlive, false);
  });
});
