import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Fleet, Instance } from '../../src/ports/fleet.ts';
import { eventually } from '../support/eventually.ts';

/** One fleet, freshly made and empty, as several controllers see it. */
export interface FleetSubject extends AsyncDisposable {
  readonly fleet: Fleet;
  /** The same fleet in the hands of another controller. */
  another(): Fleet;
  /** A fleet of another name in the same place. */
  neighbour(): Fleet;
  /** Ends the instance from outside: a crash, a power cut. */
  crash(id: string): Promise<void>;
  /** How many machines or processes really run. */
  countRunning(): Promise<number>;
}

/** What every fleet promises (see `src/ports/fleet.ts`). Its instances must refuse to end when asked nicely. */
export function fleetContract(name: string, makeSubject: () => Promise<FleetSubject>): void {
  describe(`${name} keeps the fleet contract`, () => {
    let subject: FleetSubject;
    let fleet: Fleet;
    beforeEach(async () => {
      subject = await makeSubject();
      fleet = subject.fleet;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    const inState = (id: string, ...states: Instance['state'][]) =>
      eventually(`${id} to be ${states.join(' or ')}`, async () => {
        const found = (await fleet.list()).find((one) => one.id === id);
        return states.includes(found?.state ?? 'terminated') && { ...found };
      });
    const running = (count: number) =>
      eventually(`${count} to run`, async () => (await subject.countRunning()) === count);

    it('is empty at first', async () => {
      assert.deepEqual(await fleet.list(), []);
    });

    it('launches an instance and lists it', async () => {
      const before = Date.now();
      const launched = await fleet.launch({ slot: 3, generation: 7, token: 'one' });
      assert.equal(launched.slot, 3);
      assert.equal(launched.generation, 7);
      assert.ok(['pending', 'running'].includes(launched.state));
      const listed = await inState(launched.id, 'running');
      assert.equal(listed.slot, 3);
      assert.equal(listed.generation, 7);
      assert.ok(listed.launchedAt && listed.launchedAt.getTime() >= before - 1000);
      await running(1);
    });

    it('gives the same instance for the same token, also at the same time and to another controller', async () => {
      const request = { slot: 1, generation: 1, token: 'same' };
      const other = subject.another();
      const launched = await Promise.all([
        fleet.launch(request),
        fleet.launch(request),
        other.launch(request),
        other.launch(request),
      ]);
      launched.push(await fleet.launch(request), await other.launch(request));
      assert.equal(new Set(launched.map(({ id }) => id)).size, 1);
      await running(1);
      assert.equal((await other.list()).length, 1);
    });

    it('gives different instances for different tokens', async () => {
      const one = await fleet.launch({ slot: 1, generation: 1, token: 'a' });
      const other = await fleet.launch({ slot: 2, generation: 1, token: 'b' });
      assert.notEqual(one.id, other.id);
      await running(2);
    });

    it('refuses a token that belongs to another request', async () => {
      await fleet.launch({ slot: 1, generation: 1, token: 'taken' });
      await assert.rejects(fleet.launch({ slot: 1, generation: 2, token: 'taken' }), { code: 'conflict' });
      await assert.rejects(fleet.launch({ slot: 2, generation: 1, token: 'taken' }), { code: 'conflict' });
      await running(1);
    });

    it('terminates, whatever the instance does, and does not mind being told again', async () => {
      const { id } = await fleet.launch({ slot: 1, generation: 1, token: 'x' });
      await running(1);
      await fleet.terminate(id);
      await fleet.terminate(id);
      await subject.another().terminate(id);
      await inState(id, 'terminated');
      await running(0);
      await fleet.terminate(id);
      await fleet.stop(id);
    });

    it('does not mind terminating or stopping what it does not know', async () => {
      await fleet.terminate('i-00000000000000000');
      await fleet.stop('i-00000000000000000');
    });

    it('does not launch again for the token of an instance that has ended', async () => {
      const request = { slot: 1, generation: 1, token: 'ended' };
      const { id } = await fleet.launch(request);
      await inState(id, 'running');
      await subject.crash(id);
      await inState(id, 'terminated');
      const again = await fleet.launch(request);
      assert.equal(again.id, id);
      assert.equal(again.state, 'terminated');
      await running(0);
    });

    it('stops an instance and starts it again', async () => {
      const { id } = await fleet.launch({ slot: 4, generation: 2, token: 'pause' });
      await inState(id, 'running');
      await fleet.stop(id);
      await inState(id, 'stopped');
      await running(0);
      await subject.another().start(id);
      const back = await inState(id, 'running');
      assert.equal(back.slot, 4);
      assert.equal(back.generation, 2);
      await running(1);
      await fleet.start(id);
      await running(1);
    });

    it('terminates a stopped instance', async () => {
      const { id } = await fleet.launch({ slot: 1, generation: 1, token: 'stopped' });
      await inState(id, 'running');
      await fleet.stop(id);
      await inState(id, 'stopped');
      await fleet.terminate(id);
      await inState(id, 'terminated');
      await assert.rejects(fleet.start(id), (error: { code?: string }) =>
        ['conflict', 'not-found'].includes(error.code ?? ''),
      );
    });

    it('cannot start what it does not know', async () => {
      await assert.rejects(fleet.start('i-00000000000000000'), { code: 'not-found' });
    });

    it('leaves the instances of another fleet alone', async () => {
      const neighbour = subject.neighbour();
      const theirs = await neighbour.launch({ slot: 1, generation: 1, token: 'shared' });
      const ours = await fleet.launch({ slot: 1, generation: 1, token: 'shared' });
      assert.notEqual(ours.id, theirs.id);
      assert.deepEqual(
        (await fleet.list()).map(({ id }) => id),
        [ours.id],
      );
      await fleet.terminate(theirs.id);
      await fleet.terminate(ours.id);
      await running(1);
      assert.equal((await neighbour.list())[0]?.state, 'running');
    });
  });
}
