import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { FakeCloud } from '../../test/support/fake-cloud.ts';
import type { Clock } from '../ports/clock.ts';
import { bake } from './bake.ts';
import { type BringUpRequest, bringUp } from './bring-up.ts';
import { takeDown } from './take-down.ts';

const template = readFileSync(
  join(import.meta.dirname, '../../deploy/cloudformation/facefleet.yaml'),
  'utf8',
);
const program = {
  key: 'releases/facefleet-1-aa.tgz',
  bytes: Buffer.from('program'),
  fileCount: 1,
  hasPage: true,
};
const newer = { ...program, key: 'releases/facefleet-1-bb.tgz' };
const fleet = 'facefleet';

/** Time passes as fast as it is slept. */
function fastClock(): Clock {
  let slept = 0;
  return {
    now: () => Date.now(),
    monotonic: () => slept,
    sleep: async (milliseconds) => {
      slept += milliseconds;
    },
  };
}

class Conversation {
  readonly lines: string[] = [];
  answer = true;
  say(line: string): void {
    this.lines.push(line);
  }
  async confirm(): Promise<boolean> {
    return this.answer;
  }
  get text(): string {
    return this.lines.join('\n');
  }
}

function requestOf(account: FakeCloud, changes: Partial<BringUpRequest> = {}) {
  const talk = new Conversation();
  const signal = new AbortController().signal;
  const given = {
    account,
    fleet,
    template,
    parameters: {},
    apiKeys: [],
    program,
    isDryRun: false,
    mayCreate: true,
  };
  return { ...given, clock: fastClock(), talk, signal, ...changes, conversation: talk };
}

async function up(account: FakeCloud, changes: Partial<BringUpRequest> = {}) {
  const request = requestOf(account, changes);
  return { result: await bringUp(request), said: request.conversation.text };
}

test('an empty account: the stack, a key, the program, then the instance that needs both', async () => {
  const cloud = new FakeCloud();
  const { result } = await up(cloud);
  assert.deepEqual(cloud.calls, [
    'write /facefleet/facefleet/api-keys',
    'create stack',
    `put ${program.key}`,
    'update stack',
  ]);
  assert.deepEqual(result, {
    url: 'http://203.0.113.5:3001',
    keysParameter: '/facefleet/facefleet/api-keys',
    wasUpToDate: false,
  });
  const { parameters } = (await cloud.stacks.describe(fleet))!;
  assert.equal(parameters.VpcId, 'vpc-1');
  assert.equal(parameters.Subnets, 'subnet-1,subnet-2');
  assert.equal(parameters.ApiKeysParameter, '/facefleet/facefleet/api-keys');
});

test('again it changes nothing, and asks nothing', async () => {
  const cloud = new FakeCloud();
  await up(cloud);
  cloud.calls.length = 0;
  const { result } = await up(cloud);
  assert.equal(result?.wasUpToDate, true);
  assert.deepEqual(cloud.calls, []);
  assert.equal(cloud.openPlans, 0);
});

test('what was set before stays until it is set anew, and a new program is uploaded before the stack is changed', async () => {
  const cloud = new FakeCloud();
  await up(cloud, { parameters: { MaxWorkers: '7' } });
  cloud.calls.length = 0;
  await up(cloud, { parameters: { Market: 'spot' }, program: newer, mayCreate: false });
  assert.deepEqual(cloud.calls, [`put ${newer.key}`, 'update stack']);
  const { parameters } = (await cloud.stacks.describe(fleet))!;
  assert.deepEqual(
    [parameters.MaxWorkers, parameters.Market, parameters.SourceObject],
    ['7', 'spot', newer.key],
  );
});

test('a dry run, and a no, change nothing and leave nothing behind', async () => {
  const cloud = new FakeCloud();
  const { said } = await up(cloud, { isDryRun: true });
  assert.match(said, /InBucket/);
  const talk = new Conversation();
  talk.answer = false;
  assert.equal(await bringUp({ ...requestOf(cloud), talk }), undefined);
  assert.deepEqual(cloud.calls, []);
  assert.equal(await cloud.stacks.describe(fleet), undefined);
  assert.equal(cloud.openPlans, 0);
});

test('anonymous use needs no key; keys that are given are stored', async () => {
  const open = new FakeCloud();
  await up(open, { parameters: { AllowAnonymous: 'true' } });
  assert.equal(open.parameters.size, 0);
  const keyed = new FakeCloud();
  await up(keyed, { apiKeys: ['one', 'two'] });
  assert.equal(keyed.parameters.get('/facefleet/facefleet/api-keys'), 'one,two');
  await up(keyed, { apiKeys: ['three'] });
  assert.equal(keyed.parameters.get('/facefleet/facefleet/api-keys'), 'three');
});

test('a bucket name that is taken is told with its reason, and the next attempt starts over', async () => {
  const cloud = new FakeCloud();
  cloud.foreignBuckets.add('facefleet-in-bucket');
  await assert.rejects(up(cloud), {
    code: 'conflict',
    message: /facefleet-in-bucket[\s\S]*FACEFLEET_PREFIX/,
  });
  cloud.foreignBuckets.clear();
  const { result } = await up(cloud);
  assert.equal(result?.wasUpToDate, false);
  assert.ok(cloud.calls.includes('delete stack'));
});

test('of an update that fails the first failure is told, not those that it took along', async () => {
  const cloud = new FakeCloud();
  await up(cloud);
  cloud.failNext = { resource: 'WebInstance', reason: 'Failed to receive 1 resource signal(s)' };
  await assert.rejects(up(cloud, { program: newer }), (error: Error) => {
    assert.match(error.message, /WebInstance/);
    assert.doesNotMatch(error.message, /Another/);
    return true;
  });
});

test('what cannot be is refused before anything is asked of the account', async () => {
  const cloud = new FakeCloud();
  await assert.rejects(up(cloud, { parameters: { MaxWorkerz: '7' } }), { code: 'bad-request' });
  await assert.rejects(up(cloud, { mayCreate: false }), { code: 'not-found' });
  cloud.hasDefaultNetwork = false;
  await assert.rejects(up(cloud), { code: 'config-invalid' });
  assert.deepEqual(cloud.calls, []);
});

test('down ends the controller before its workers, and keeps the data unless told otherwise', async () => {
  const cloud = new FakeCloud();
  await up(cloud);
  const web = cloud.fleet[0]!.instance.id;
  const worker = cloud.addInstance(fleet, 'app-tier-instance-1');
  const stranger = cloud.addInstance('another', 'app-tier-instance-1');
  cloud.queueFacts.set('facefleet-resp-queue-ab12', {
    visible: 0,
    inFlight: 0,
    maxMessageBytes: 1024,
    deadLetterQueue: undefined,
  });
  cloud.calls.length = 0;
  const left = await takeDown({ ...requestOf(cloud), deleteData: false });
  assert.deepEqual(cloud.calls.slice(0, 3), [`terminate ${web}`, `terminate ${worker}`, 'delete stack']);
  assert.deepEqual([...cloud.queueFacts.keys()], []);
  assert.equal(cloud.parameters.size, 0);
  assert.equal(left.length, 3);
  assert.deepEqual([...cloud.buckets.keys()].length, 3);
  assert.equal(cloud.fleet.find(({ instance }) => instance.id === stranger)?.instance.state, 'running');
  assert.deepEqual(await takeDown({ ...requestOf(cloud), deleteData: true }), []);
  assert.deepEqual([...cloud.buckets.keys()], []);
  cloud.calls.length = 0;
  assert.deepEqual(await takeDown({ ...requestOf(cloud), deleteData: true }), []);
  assert.deepEqual(cloud.calls, []);
});

test('down tells of jobs that would be lost, and a no leaves everything', async () => {
  const cloud = new FakeCloud();
  await up(cloud);
  cloud.queueFacts.set('facefleet-req-queue', {
    visible: 11,
    inFlight: 1,
    maxMessageBytes: 1024,
    deadLetterQueue: undefined,
  });
  cloud.calls.length = 0;
  const request = requestOf(cloud);
  request.conversation.answer = false;
  const left = await takeDown({ ...request, deleteData: true });
  assert.match(request.conversation.text, /12 jobs/);
  assert.ok(left.length > 3);
  assert.deepEqual(cloud.calls, []);
});

test('baking makes an image of a builder that says it is done, once for each program, and keeps one to go back to', async () => {
  const cloud = new FakeCloud();
  await up(cloud);
  const request = { ...requestOf(cloud), builderType: 'c7i.large' };
  const first = await bake(request);
  assert.equal(await bake(request), first);
  await up(cloud, { program: newer });
  await bake({ ...requestOf(cloud), builderType: 'c7i.large' });
  await up(cloud, { program: { ...program, key: 'releases/facefleet-1-cc.tgz' } });
  const third = await bake({ ...requestOf(cloud), builderType: 'c7i.large' });
  assert.equal(cloud.bakedImages.length, 2);
  assert.ok(cloud.bakedImages.some(({ id }) => id === third));
  assert.ok(!cloud.bakedImages.some(({ id }) => id === first));
  const builders = cloud.fleet.filter(({ instance }) => instance.name.endsWith('builder'));
  assert.deepEqual(new Set(builders.map(({ instance }) => instance.state)), new Set(['terminated']));
});

test('a builder that fails tells why, and is ended', async () => {
  for (const report of ['failed\nnpm: no such registry\n', undefined]) {
    const cloud = new FakeCloud();
    await up(cloud);
    cloud.builderReport = report;
    await assert.rejects(bake({ ...requestOf(cloud), builderType: 'c7i.large' }), { code: 'unavailable' });
    assert.deepEqual(cloud.bakedImages, []);
    assert.equal(cloud.fleet.at(-1)?.instance.state, 'terminated');
  }
});
