import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FleetWorld } from '../../test/support/fleet-world.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { emptyFleetState, type FleetState, FleetStateStore, slotOf, withSlot } from './fleet-state.ts';
import { changeFleetState, drainSlot, pause, resume } from './operator.ts';

const pauseNow = (state: FleetState) => pause(state, 1);

describe('an operator', () => {
  it('pauses growth, and resumes it', async () => {
    const world = await FleetWorld.create();
    await world.step();
    assert.equal(await world.order(pauseNow), 'paused');
    assert.equal(await world.order(pauseNow), 'already');
    await world.steps(1.5);
    await world.send(50);
    await world.steps(20);
    assert.equal(world.living.length, 0);
    assert.equal(await world.order(resume), 'resumed');
    assert.equal(await world.order(resume), 'already');
    await world.until('all is done', () => world.isAtRest());
  });

  it('pauses shrinking, but never work', async () => {
    const world = await FleetWorld.create();
    await world.send(60);
    await world.until('four run', () => world.living.filter(({ state }) => state === 'running').length === 4);
    await world.order(pauseNow);
    await world.until('all is done', async () => {
      const { visible, inFlight } = await world.queue.depth();
      return visible + inFlight === 0;
    });
    await world.steps(60);
    assert.equal(world.living.length, 4);
    await world.order(resume);
    await world.until('rest', () => world.isAtRest());
  });

  it('pauses while no controller lives, and the next one keeps to it', async () => {
    const world = await FleetWorld.create();
    const state = new MemoryObjectStore();
    await changeFleetState(new FleetStateStore(state), pauseNow);
    assert.equal((await new FleetStateStore(state).load()).state.pausedAt, 1);
    await world.order(pauseNow);
    world.controller = world.newController();
    await world.send(5);
    await world.steps(5);
    assert.equal(world.living.length, 0);
  });

  it('drains one slot, at work or not, paused or not, and it is replaced where it is needed', async () => {
    const world = await FleetWorld.create({ serviceMs: 5000, limits: { maxInstances: 1 } });
    await world.send(4);
    await world.until('one works', () => world.living[0]?.job !== undefined);
    const [worker] = world.living;
    await world.order(pauseNow);
    const record = await world.order((state) => drainSlot(state, 1));
    assert.equal(record.instanceId, worker?.id);
    await world.until('it has ended', () => !world.living.includes(worker!), 30);
    assert.equal(worker?.done, 1, 'it finished what it had in hand');
    await world.steps(10);
    assert.equal(world.living.length, 0, 'nothing comes while scaling is paused');
    await world.order(resume);
    await world.until('rest', () => world.isAtRest());
    assert.deepEqual(world.endedAtWork, []);
  });

  it('cannot drain what is not there', () => {
    assert.throws(() => drainSlot(emptyFleetState(), 3), { code: 'not-found' });
  });

  it('does not take a drain back when work comes', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(1);
    await world.until('it is idle', async () => world.living[0]?.done === 1);
    await world.order((state) => drainSlot(state, 1));
    const [worker] = world.living;
    await world.send(40);
    await world.until('another does the rest', () => world.isAtRest());
    assert.ok(worker!.done <= 10, `${worker!.done} jobs`);
    assert.equal(world.machines.all().length, 2);
  });

  it('gives way to whoever writes at the same time, and tries again', async () => {
    const state = new MemoryObjectStore();
    const store = new FleetStateStore(state);
    let tries = 0;
    await changeFleetState(store, (before) => {
      tries++;
      return { state: { ...before, desired: before.desired + 1 }, outcome: undefined };
    });
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () =>
        changeFleetState(store, (before) => ({
          state: { ...before, desired: before.desired + 1 },
          outcome: undefined,
        })),
      ),
    );
    assert.equal(outcomes.length, 5);
    assert.equal(tries, 1);
    assert.equal((await store.load()).state.desired, 6);
  });
});

it('books of the version before are read as they were', async () => {
  const state = new MemoryObjectStore();
  const store = new FleetStateStore(state);
  const { version: _, pausedAt: __, brakes: ___, spending: ____, ...rest } = emptyFleetState();
  const slots = withSlot(emptyFleetState(), { ...slotOf(emptyFleetState(), 2), generation: 4 }).slots;
  await state.put('controller/fleet.json', Buffer.from(JSON.stringify({ ...rest, version: 1, slots })));
  const { state: read } = await store.load();
  assert.equal(read.version, 2);
  assert.equal(read.slots[0]?.generation, 4);
  assert.equal(read.pausedAt, null);
  assert.deepEqual(read.brakes, []);
  await state.put('controller/fleet.json', Buffer.from(JSON.stringify({ ...rest, version: 3, slots })));
  await assert.rejects(store.load(), { code: 'data-corrupt' });
});
