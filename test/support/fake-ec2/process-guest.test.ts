import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ec2World } from '../ec2-world.ts';
import { eventually } from '../eventually.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { environmentOf, ProcessGuest, processBoot } from './process-guest.ts';

/** Says who it is, asks the metadata service for its slot, and ends with the code that it is asked for by a signal. */
const SERVICE = `
  const { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint, GREETING, CODE } = process.env;
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  fetch(endpoint + '/latest/api/token', { method: 'PUT', headers })
    .then((answer) => answer.text())
    .then((token) => fetch(endpoint + '/latest/meta-data/tags/instance/facefleet:slot', { headers: { 'x-aws-ec2-metadata-token': token } }))
    .then((answer) => answer.text())
    .then((slot) => console.log(GREETING + ' from slot ' + slot));
  process.on('SIGUSR2', () => process.exit(Number(CODE)));
  setInterval(() => {}, 1e6);
`;

async function launched(code: number, folder: string) {
  const boot = processBoot({ command: process.execPath, args: ['-e', SERVICE], logDir: folder });
  const userData = `#!/bin/sh\nexport GREETING='hello there'\nCODE=${code}\n`;
  const world = await Ec2World.start({ boot, userData });
  try {
    const { id } = await world.fleet().launch({ slot: 4, generation: 1, token: 'one' });
    const file = join(folder, `${id}.log`);
    const log = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    await eventually('it to speak', () => log().includes('slot'));
    const guest = world.ec2.hypervisor.guestOf(id);
    assert.ok(guest instanceof ProcessGuest);
    return { world, id, guest, log };
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}

describe('a process on a fake instance', () => {
  it('has the environment of the user-data and its own metadata', async () => {
    await using folder = temporaryFolder();
    const { world, id, guest, log } = await launched(76, folder.path);
    await using _world = world;
    assert.match(log(), /^hello there from slot 4$/m);
    process.kill(guest.pid!, 'SIGUSR2');
    await eventually('the machine to power itself off', () =>
      world.ec2.inState('terminated').some((one) => one.id === id),
    );
    const reason = world.ec2.hypervisor.find(id).momentAt(Number.POSITIVE_INFINITY)?.reason;
    assert.equal(reason?.code, 'Client.InstanceInitiatedShutdown');
  });

  it('is started again when it fails, on a machine that goes on', async () => {
    await using folder = temporaryFolder();
    const { world, guest } = await launched(70, folder.path);
    await using _world = world;
    const first = guest.pid;
    process.kill(first!, 'SIGUSR2');
    await eventually('another process', () => guest.pid !== undefined && guest.pid !== first);
    assert.equal(world.ec2.inState('running').length, 1);
  });

  it('ends with its machine', async () => {
    await using folder = temporaryFolder();
    const { world, id, guest } = await launched(0, folder.path);
    await using _world = world;
    await world.fleet().terminate(id);
    await eventually('it to end', () => guest.pid === undefined);
  });
});

it('the environment of a user-data script is its assignments', () => {
  assert.deepEqual(environmentOf('#!/bin/sh\nexport A_B="c d"\n  E=1\n# F=2\nrun G=3\nH=\n'), {
    A_B: 'c d',
    E: '1',
    H: '',
  });
});
