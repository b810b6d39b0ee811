import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ec2Api } from '../../src/adapters/aws/ec2/ec2-api.ts';
import { Ec2Fleet } from '../../src/adapters/aws/ec2/ec2-fleet.ts';
import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { settingsFor } from '../support/aws-settings.ts';
import { Ec2World } from '../support/ec2-world.ts';
import { eventually } from '../support/eventually.ts';
import { judge, startMoto } from './python.ts';

interface Seen {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly slot: string;
  readonly lifecycle: string;
  readonly tokens: string;
}

const bySlot = (one: Seen, other: Seen) => Number(one.slot) - Number(other.slot);

test('boto3 sees the app tier on the fake EC2 go from none to many to none, named as the contract says', async () => {
  await using world = await Ec2World.start();
  const look = async (...states: string[]) =>
    ((await judge('ec2_judge.py', world.ec2.endpoint, 'look', ...states)) as Seen[]).sort(bySlot);
  assert.deepEqual(await look(), []);
  const fleet = world.fleet({ markets: ['spot'] });
  const slots = Array.from({ length: 12 }, (_, index) => index + 1);
  const launch = (slot: number) => fleet.launch({ slot, generation: 1, token: `${slot}` });
  const ids = (await Promise.all(slots.map(launch))).map(({ id }) => id);
  await eventually('all to run', () => world.ec2.inState('running').length === slots.length);
  assert.deepEqual(
    (await look('running')).map(({ name, lifecycle, tokens }) => [name, lifecycle, tokens]),
    slots.map((slot) => [`app-tier-instance-${slot}`, 'spot', 'required']),
  );
  await Promise.all(ids.map((id) => fleet.terminate(id)));
  await eventually('all to end', () => world.ec2.inState('terminated').length === slots.length);
  assert.deepEqual(await look('pending', 'running', 'stopping', 'stopped', 'shutting-down'), []);
});

test('boto3 finds the rules of EC2 kept on the fake', async () => {
  await using world = await Ec2World.start();
  assert.deepEqual(await judge('ec2_judge.py', world.ec2.endpoint, 'rules'), {
    launched: 3,
    isSame: true,
    otherParameters: 'IdempotentParameterMismatch',
    startTerminated: 'IncorrectInstanceState',
    unknown: 'InvalidInstanceID.NotFound',
  });
});

test('the fleet sees what boto3 does behind its back', async () => {
  await using world = await Ec2World.start();
  const fleet = world.fleet();
  const { id } = await fleet.launch({ slot: 1, generation: 1, token: 'one' });
  await judge('ec2_judge.py', world.ec2.endpoint, 'terminate', id);
  await eventually('it to show', async () => (await fleet.list())[0]?.state === 'terminated');
  assert.equal((await fleet.list())[0]?.endedBy, 'others');
});

/** Client tokens, times between states and lags it has not: those are the fake's part. */
test('the fleet launches, lists, stops, starts and terminates on moto', async () => {
  await using moto = await startMoto();
  const subnets = (await judge('ec2_judge.py', moto.endpoint, 'template', 'moto-app-tier')) as string[];
  const api = new Ec2Api({ settings: settingsFor({ ec2: moto.endpoint }), pageSize: 5 });
  await using _api = api;
  const fleet = new Ec2Fleet({
    name: 'moto',
    api,
    choice: {
      template: 'moto-app-tier',
      types: ['c5.large', 'm5.large'],
      subnets: subnets.slice(0, 2),
      markets: ['on-demand'],
    },
    clock: systemClock,
    logger: silentLogger,
    lookEveryMs: 0,
  });
  const slots = [1, 2, 3, 4, 5, 6, 7];
  for (const slot of slots) {
    await fleet.launch({ slot, generation: 2, token: `${slot}`, terms: fleet.terms() });
  }
  const listed = await fleet.list();
  assert.deepEqual(
    listed.map(({ slot, generation }) => [slot, generation]).sort(),
    slots.map((slot) => [slot, 2]),
  );
  const seen = (await judge('ec2_judge.py', moto.endpoint, 'look', 'running')) as Seen[];
  assert.deepEqual(
    seen.sort(bySlot).map(({ name }) => name),
    slots.map((slot) => `app-tier-instance-${slot}`),
  );
  const { id } = listed[0]!;
  const stateOf = async () => (await fleet.list()).find((one) => one.id === id)?.state;
  await fleet.stop(id);
  assert.equal(await stateOf(), 'stopped');
  await fleet.start(id);
  assert.equal(await stateOf(), 'running');
  for (const one of listed) await fleet.terminate(one.id);
  assert.ok((await fleet.list()).every(({ state }) => state === 'terminated'));
  await fleet.terminate('i-00000000000000000');
});
