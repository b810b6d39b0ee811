import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CloudWorld, MOST_INSTANCES } from '../support/cloud-world.ts';
import { Ec2Error, requestLimitExceeded } from '../support/fake-ec2/ec2-error.ts';
import { type Fate, mortal } from '../support/mortal.ts';

const LONGEST_SECONDS = 1500;

/** Repeatable: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function untilRest(world: CloudWorld, eachStep: () => void | Promise<void> = () => {}) {
  for (let second = 0; second < LONGEST_SECONDS; second++) {
    await world.step();
    await eachStep();
    if (second > 5 && (await world.isAtRest())) return second;
  }
  const left = world.living.map(({ id, tags }) => `${id} in slot ${tags.get('facefleet:slot')}`);
  return assert.fail(`not at rest after ${LONGEST_SECONDS} s; living: ${left.join(', ') || 'none'}`);
}

/** Every launch that was ever decided on gave at most one instance, and none of them lives on. */
function checkBooks(world: CloudWorld) {
  const instances = [...world.ec2.hypervisor.instances.values()];
  const launches = instances.map(
    ({ tags }) => `${tags.get('facefleet:slot')}/${tags.get('facefleet:generation')}`,
  );
  assert.equal(new Set(launches).size, launches.length, `launched twice: ${launches.join(' ')}`);
  assert.deepEqual(world.living, []);
}

describe('a fleet on EC2', () => {
  it('goes from none to the most and back to none', async () => {
    await using world = await CloudWorld.create();
    world.startController();
    await world.send(60);
    let peak = 0;
    await untilRest(world, () => {
      peak = Math.max(peak, world.living.length);
    });
    assert.equal(peak, MOST_INSTANCES);
    checkBooks(world);
    assert.equal(world.ec2.hypervisor.instances.size, MOST_INSTANCES);
  });

  for (const fate of ['before', 'after'] as Fate[]) {
    it(`has no orphan and no double when a controller dies ${fate} a launch, and the next one too`, async () => {
      for (let call = 4; call <= 16; call += 3) {
        await using world = await CloudWorld.create();
        world.startController(mortal(call, fate));
        await world.send(12);
        let deaths = 0;
        await untilRest(world, () => {
          if (world.isControlled) return;
          deaths++;
          world.startController(deaths === 1 ? mortal(call, fate) : mortal());
        });
        checkBooks(world);
      }
    });
  }

  for (const seed of [3, 4]) {
    it(`survives deaths, lost answers, throttling, and offerings without room (seed ${seed})`, async () => {
      const random = randomFrom(seed);
      const happens = (probability: number) => random() < probability;
      await using world = await CloudWorld.create();
      const { ec2 } = world;
      world.startController();
      await world.send(120);
      await untilRest(world, async () => {
        if (world.clock.monotonic() > 240_000) {
          ec2.region.unlimit();
          if (!world.isControlled) world.startController();
          return;
        }
        if (!world.isControlled && happens(0.5)) world.startController(lifeOf(random));
        if (happens(0.03)) world.killController();
        if (happens(0.08)) ec2.faults.failNext('CreateFleet', { moment: 'after' });
        if (happens(0.04)) {
          ec2.faults.failNext('CreateFleet', { error: new Ec2Error('InternalError', 'told to fail', 500) });
        }
        if (happens(0.04)) ec2.faults.failNext('TerminateInstances', { error: requestLimitExceeded() });
        if (happens(0.02)) ec2.faults.failNext('DescribeInstances', { error: requestLimitExceeded() });
        if (happens(0.05)) ec2.region.limit({ market: 'spot' }, Math.floor(random() * 2));
        if (happens(0.03)) ec2.region.limit({}, 0);
        if (happens(0.1)) ec2.region.unlimit();
        const [victim] = ec2.inState('running');
        if (victim !== undefined && happens(0.05)) {
          await ec2.hypervisor.destroy(victim.id, 'Server.SpotInstanceTermination');
        }
      });
      checkBooks(world);
    });
  }
});

function lifeOf(random: () => number) {
  return random() < 0.5
    ? mortal(1 + Math.floor(random() * 30), random() < 0.5 ? 'before' : 'after')
    : mortal();
}
