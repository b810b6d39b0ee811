import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Ec2World } from '../../../../test/support/ec2-world.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { silentLogger } from '../../../logger.ts';
import type { ReclaimNotice } from '../../../ports/machine.ts';
import { systemClock } from '../../local/system-clock.ts';
import { Ec2Machine } from './ec2-machine.ts';
import { MetadataClient } from './metadata-client.ts';

const ELSEWHERE = { id: 'by-hand-1', slot: 0, generation: 0 };

let world: Ec2World;
beforeEach(async () => {
  world = await Ec2World.start();
});
afterEach(() => world[Symbol.asyncDispose]());

async function launched(slot: number, generation: number) {
  const { id } = await world.fleet({ markets: ['spot'] }).launch({ slot, generation, token: 'one' });
  const { hypervisor } = world.ec2;
  const service = await eventually('its metadata', () => hypervisor.metadataOf(id));
  return { id, service, metadata: new MetadataClient(service.endpoint) };
}

const machineOf = (metadata: MetadataClient, clock = new FakeClock()) =>
  new Ec2Machine({ metadata, clock, logger: silentLogger, elsewhere: ELSEWHERE });

describe('the instance metadata', () => {
  it('is told to whoever opens a session, and again when that has ended', async () => {
    const { id, service, metadata } = await launched(1, 1);
    assert.equal((await fetch(`${service.endpoint}/latest/meta-data/instance-id`)).status, 401);
    assert.equal(await metadata.get('instance-id'), id);
    service.endSessions();
    assert.equal(await metadata.get('instance-id'), id);
    assert.equal(await metadata.get('spot/instance-action'), undefined);
  });

  it('that does not answer is unavailable', async () => {
    await assert.rejects(new MetadataClient('http://127.0.0.1:1').get('instance-id'), {
      code: 'unavailable',
    });
  });
});

describe('an EC2 instance', () => {
  it('knows its place in the fleet by its tags', async () => {
    const { id, metadata } = await launched(3, 7);
    assert.deepEqual(await machineOf(metadata).identity(), { id, slot: 3, generation: 7 });
    const { privateIp } = world.ec2.hypervisor.find(id);
    assert.equal(await machineOf(metadata).privateAddress(), privateIp);
  });

  it('has no place in a fleet that did not launch it', async () => {
    const { id, metadata } = await launched(3, 7);
    world.ec2.hypervisor.find(id).tags.delete('facefleet:slot');
    assert.deepEqual(await machineOf(metadata).identity(), { id, slot: 0, generation: 0 });
  });

  it('refuses tags that are no numbers', async () => {
    const { id, metadata } = await launched(3, 7);
    world.ec2.hypervisor.find(id).tags.set('facefleet:slot', 'one');
    await assert.rejects(machineOf(metadata).identity(), { code: 'config-invalid' });
  });

  it('is none where no metadata service answers, and gives no notice then', async () => {
    const metadata = new MetadataClient('http://127.0.0.1:1');
    const machine = new Ec2Machine({
      metadata,
      clock: systemClock,
      logger: silentLogger,
      elsewhere: ELSEWHERE,
    });
    assert.deepEqual(await machine.identity(), ELSEWHERE);
    for await (const notice of machine.notices(new AbortController().signal)) assert.fail(notice.kind);
  });

  it('gives notice of a rebalance and of an interruption, each once', async () => {
    const { service, metadata } = await launched(1, 1);
    const clock = new FakeClock();
    const machine = machineOf(metadata, clock);
    await machine.identity();
    const notices: ReclaimNotice[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const notice of machine.notices(stop.signal)) notices.push(notice);
    })();
    const look = async () => {
      await clock.untilSleeping();
      await clock.advance(5000);
      await clock.untilSleeping();
    };
    await look();
    assert.deepEqual(notices, []);
    service.recommendRebalance(new Date());
    await look();
    await look();
    assert.deepEqual(notices, [{ kind: 'rebalance' }]);
    const at = new Date(Date.UTC(2026, 0, 1, 0, 2));
    service.announceInterruption(at);
    await look();
    await look();
    assert.deepEqual(notices, [{ kind: 'rebalance' }, { kind: 'interruption', at }]);
    stop.abort();
    await watching;
  });
});
