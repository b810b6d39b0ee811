import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Ec2World } from '../../../../test/support/ec2-world.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { Ec2Error, requestLimitExceeded } from '../../../../test/support/fake-ec2/ec2-error.ts';
import type { FacefleetError } from '../../../errors.ts';
import type { LaunchRequest } from '../../../ports/fleet.ts';
import type { Ec2Fleet } from './ec2-fleet.ts';
import { decodeTerms } from './launch-terms.ts';

let world: Ec2World;
beforeEach(async () => {
  world = await Ec2World.start();
});
afterEach(() => world[Symbol.asyncDispose]());

const calls = (action: string) => world.ec2.calls.filter((call) => call.action === action).length;
const launchOf = (fleet: Ec2Fleet, slot = 1, generation = 1): LaunchRequest => ({
  slot,
  generation,
  token: `${slot}/${generation}`,
  terms: fleet.terms(),
});
const instanceOf = (id: string) => world.ec2.hypervisor.find(id);
const untilRunning = (id: string) => eventually(`${id} to run`, () => instanceOf(id).state === 'running');

const TYPES = ['c7i.large', 'c7i.xlarge'];
const capacity = { code: 'capacity-unavailable' };

describe('what an EC2 launch asks for', () => {
  it('is tagged from the start', async () => {
    const fleet = world.fleet();
    const { id } = await fleet.launch(launchOf(fleet, 3, 7));
    const { tags } = instanceOf(id);
    assert.equal(tags.get('Name'), 'app-tier-instance-3');
    assert.equal(tags.get('facefleet:fleet'), 'test');
    assert.equal(tags.get('facefleet:slot'), '3');
    assert.equal(tags.get('facefleet:generation'), '7');
    assert.equal(calls('CreateTags'), 0);
  });

  it('is the same when it is repeated, by whoever, whatever has run out meanwhile', async () => {
    const fleet = world.fleet({ types: TYPES, subnets: ['subnet-00000000000000001'] });
    const first = launchOf(fleet);
    const { id } = await fleet.launch(first);
    world.ec2.region.limit({ type: 'c7i.large' }, 0);
    await fleet.launch(launchOf(fleet, 2));
    assert.notEqual(fleet.terms(), first.terms);
    assert.equal((await fleet.launch(first)).id, id);
    assert.equal((await world.fleet().launch(first)).id, id);
    assert.equal(world.ec2.hypervisor.instances.size, 2);
  });

  it('without terms is found again by its tag', async () => {
    const request = { slot: 1, generation: 1, token: 'old' };
    const { id } = await world.fleet().launch(request);
    assert.equal((await world.fleet({ types: TYPES }).launch(request)).id, id);
  });

  it('is launched once when its answer is lost', async () => {
    const fleet = world.fleet();
    world.ec2.faults.failNext('CreateFleet', { moment: 'after' });
    await fleet.launch(launchOf(fleet));
    assert.equal(calls('CreateFleet'), 2);
    assert.equal(world.ec2.hypervisor.instances.size, 1);
  });
});

describe('offerings without room', () => {
  it('are passed over for others, and left out for three minutes', async () => {
    const clock = new FakeClock();
    const fleet = world.fleet({ types: TYPES, clock });
    world.ec2.region.limit({ type: 'c7i.large' }, 0);
    const launched = await fleet.launch(launchOf(fleet));
    assert.match(launched.offering ?? '', /^c7i\.xlarge us-east-1\w on-demand$/);
    assert.deepEqual(decodeTerms(fleet.terms()).without, ['c7i.large any']);
    await fleet.launch(launchOf(fleet, 2));
    const [, second] = world.ec2.calls.filter(({ action }) => action === 'CreateFleet');
    const asked = Object.entries(second?.parameters ?? {}).filter(([name]) => name.endsWith('InstanceType'));
    assert.deepEqual(
      asked.map(([, type]) => type),
      ['c7i.xlarge'],
    );
    await clock.advance(3 * 60_000);
    assert.deepEqual(decodeTerms(fleet.terms()).without, []);
  });

  it('of the spot market are replaced by on-demand ones, which are another launch', async () => {
    const clock = new FakeClock();
    const fleet = world.fleet({ types: TYPES, markets: ['spot', 'on-demand'], clock });
    world.ec2.region.limit({ market: 'spot' }, 0);
    await assert.rejects(fleet.launch(launchOf(fleet)), capacity);
    const { id, canStop } = await fleet.launch(launchOf(fleet, 1, 2));
    assert.equal(instanceOf(id).isSpot, false);
    assert.equal(canStop, true);
    world.ec2.region.unlimit();
    await clock.advance(3 * 60_000);
    const spot = await fleet.launch(launchOf(fleet, 2));
    assert.equal(instanceOf(spot.id).isSpot, true);
    assert.equal(spot.canStop, false);
  });

  it('are not asked again and again, though EC2 says 500', async () => {
    const fleet = world.fleet({ types: TYPES });
    world.ec2.region.limit({}, 0);
    await assert.rejects(fleet.launch(launchOf(fleet)), capacity);
    assert.equal(calls('CreateFleet'), 1);
    await assert.rejects(fleet.launch(launchOf(fleet, 1, 2)), capacity);
    assert.equal(calls('CreateFleet'), 1, 'nothing is asked while everything is put aside');
  });

  it('count the same when the market alone has nowhere else to go', async () => {
    const fleet = world.fleet({ markets: ['spot'] });
    world.ec2.region.limit({ market: 'spot' }, 0);
    await assert.rejects(fleet.launch(launchOf(fleet)), capacity);
    assert.equal(decodeTerms(fleet.terms()).market, 'spot');
    await assert.rejects(fleet.launch(launchOf(fleet, 1, 2)), capacity);
  });
});

describe('the list of an EC2 fleet', () => {
  it('is asked of EC2 at most every two seconds, however many want to know', async () => {
    const clock = new FakeClock();
    const fleet = world.fleet({ clock, lookEveryMs: 2000 });
    await Promise.all(Array.from({ length: 20 }, () => fleet.list()));
    for (let time = 0; time < 10; time++) await fleet.list();
    assert.equal(calls('DescribeInstances'), 1);
    await clock.advance(2000);
    await fleet.list();
    assert.equal(calls('DescribeInstances'), 2);
  });

  it('has what was launched within the last minute, though EC2 does not show it yet', async () => {
    const clock = new FakeClock();
    const fleet = world.fleet({ clock, lookEveryMs: 0 });
    world.ec2.describeLagMs = 3_600_000;
    const launched = await fleet.launch(launchOf(fleet));
    assert.deepEqual(await fleet.list(), [launched]);
    await clock.advance(59_000);
    assert.deepEqual(await fleet.list(), [launched]);
    await clock.advance(1000);
    assert.deepEqual(await fleet.list(), []);
  });

  it('is read page by page', async () => {
    const fleet = world.fleet({ pageSize: 5 });
    const slots = Array.from({ length: 12 }, (_, index) => index + 1);
    await Promise.all(slots.map((slot) => fleet.launch(launchOf(fleet, slot))));
    const listed = await world.fleet({ pageSize: 5 }).list();
    assert.deepEqual(
      listed.map(({ slot }) => slot).sort((one, other) => one - other),
      slots,
    );
    assert.equal(calls('DescribeInstances'), 3);
  });

  it('tells who ended an instance', async () => {
    const fleet = world.fleet({ lookEveryMs: 0, markets: ['spot'] });
    const ids: string[] = [];
    for (const slot of [1, 2, 3]) ids.push((await fleet.launch(launchOf(fleet, slot))).id);
    for (const id of ids) await untilRunning(id);
    const { hypervisor } = world.ec2;
    hypervisor.terminate(instanceOf(ids[0]!), 'Client.InstanceInitiatedShutdown');
    hypervisor.terminate(instanceOf(ids[1]!), 'Server.SpotInstanceTermination');
    await fleet.terminate(ids[2]!);
    await eventually('all to end', async () =>
      (await fleet.list()).every(({ state }) => state === 'terminated'),
    );
    const ended = (await fleet.list()).sort((one, other) => one.slot - other.slot);
    assert.deepEqual(
      ended.map(({ endedBy }) => endedBy),
      ['itself', 'others', 'others'],
    );
    assert.match(ended[1]?.stateReason ?? '', /Spot/);
  });
});

describe('instances that are none of the fleet', () => {
  it('are neither listed nor touched', async () => {
    const fleet = world.fleet();
    const mine = await fleet.launch(launchOf(fleet));
    const { specification } = instanceOf(mine.id);
    const tags = new Map([...specification.tags].filter(([key]) => !key.startsWith('facefleet:')));
    const other = world.ec2.hypervisor.launch({ ...specification, tags }, 'r-1');
    const spoiled = new Map([...specification.tags, ['facefleet:slot', 'one']]);
    const odd = world.ec2.hypervisor.launch({ ...specification, tags: spoiled }, 'r-2');
    for (const { id } of [other, odd]) {
      await untilRunning(id);
      await fleet.terminate(id);
      await fleet.stop(id);
      await assert.rejects(fleet.start(id), { code: 'not-found' });
    }
    assert.deepEqual(
      (await fleet.list()).map(({ id }) => id),
      [mine.id],
    );
    assert.equal(calls('TerminateInstances') + calls('StopInstances') + calls('StartInstances'), 0);
  });
});

describe('stopping', () => {
  it('is refused for a spot instance', async () => {
    const fleet = world.fleet({ markets: ['spot'] });
    const { id } = await fleet.launch(launchOf(fleet));
    await untilRunning(id);
    await assert.rejects(fleet.stop(id), { code: 'conflict' });
  });

  it('a pending instance can be tried again', async () => {
    await world[Symbol.asyncDispose]();
    const clock = new FakeClock();
    world = await Ec2World.start({ clock, pendingMs: 1000 });
    const fleet = world.fleet();
    const { id } = await fleet.launch(launchOf(fleet));
    await assert.rejects(fleet.stop(id), { code: 'unavailable' });
  });
});

describe('when EC2 refuses', () => {
  it('a storm of throttling is waited out, and nothing is launched twice', async () => {
    world.ec2.faults.throttle('CreateFleet', { burst: 3, perSecond: 8 });
    const fleet = world.fleet();
    const launches = Array.from({ length: 8 }, (_, index) => launchOf(fleet, index + 1));
    const pending = new Map(launches.map((launch) => [launch.slot, launch]));
    await eventually('all to be launched', async () => {
      const tries = [...pending.values()].map(async (launch) => {
        await fleet.launch(launch);
        pending.delete(launch.slot);
      });
      for (const one of await Promise.allSettled(tries)) {
        if (one.status === 'rejected') assert.equal(one.reason.code, 'throttled');
      }
      return pending.size === 0;
    });
    assert.equal(world.ec2.hypervisor.instances.size, launches.length);
  });

  it('a throttled description is repeated', async () => {
    world.ec2.faults.failNext('DescribeInstances', { error: requestLimitExceeded(), times: 2 });
    assert.deepEqual(await world.fleet().list(), []);
  });

  it('the missing permission is named', async () => {
    const fleet = world.fleet();
    const lacks = (action: string) => (error: FacefleetError) => {
      assert.equal(error.code, 'permission-denied');
      assert.equal(error.context.action, action);
      return true;
    };
    world.ec2.denied.add('CreateFleet');
    await assert.rejects(fleet.launch(launchOf(fleet)), lacks('ec2:CreateFleet'));
    world.ec2.denied.clear();
    world.ec2.denied.add('RunInstances');
    await assert.rejects(fleet.launch(launchOf(fleet)), lacks('ec2:RunInstances'));
    world.ec2.denied.clear();
    const noRole = new Ec2Error('AuthFailure.ServiceLinkedRoleCreationNotPermitted', 'told to fail', 403);
    world.ec2.region.limit({}, 0, noRole);
    await assert.rejects(fleet.launch(launchOf(fleet, 2)), lacks('iam:CreateServiceLinkedRole'));
    world.ec2.denied.add('DescribeInstances');
    await assert.rejects(fleet.list(), lacks('ec2:DescribeInstances'));
  });

  it('a launch template that is not there is a matter of configuration', async () => {
    const fleet = world.fleet({ template: 'others' });
    await assert.rejects(fleet.launch(launchOf(fleet)), { code: 'config-invalid' });
  });

  it('a type that does not exist is no lack of room', async () => {
    const fleet = world.fleet({ types: ['x9.none'] });
    await assert.rejects(fleet.launch(launchOf(fleet)), { code: 'config-invalid' });
  });
});
