import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { settingsFor } from '../../../../test/support/aws-settings.ts';
import { FakeCloudFormation } from '../../../../test/support/fake-cloudformation.ts';
import { untilSettled } from '../../../cloud/stack-runner.ts';
import type { Clock } from '../../../ports/clock.ts';
import { CloudFormationStacks } from './cloudformation-stacks.ts';

const template = readFileSync(
  join(import.meta.dirname, '../../../../deploy/cloudformation/facefleet.yaml'),
  'utf8',
);
const parameters = { Prefix: 'ada', VpcId: 'vpc-1', Subnets: 'subnet-1' };
const fastClock: Clock = { now: () => Date.now(), monotonic: () => performance.now(), sleep: async () => {} };

async function start() {
  const fake = await FakeCloudFormation.start();
  const stacks = new CloudFormationStacks(settingsFor({ cloudformation: fake.url }), { lookMs: 1 });
  const settled = async (id: string) => {
    const told: string[] = [];
    const onEvent = ({ resource, status }: { resource: string; status: string }) =>
      told.push(`${resource} ${status}`);
    const stack = await untilSettled(id, {
      stacks,
      clock: fastClock,
      onEvent,
      signal: new AbortController().signal,
    });
    return { stack, told };
  };
  return {
    fake,
    stacks,
    settled,
    [Symbol.asyncDispose]: async () => {
      stacks.destroy();
      await fake[Symbol.asyncDispose]();
    },
  };
}

test('a stack is planned, created while its events are told, changed, and removed', async () => {
  await using world = await start();
  const { stacks, settled, fake } = world;
  assert.equal(await stacks.describe('ada'), undefined);
  const first = await stacks.plan({ stack: 'ada', template, parameters });
  assert.equal(first.isNew, true);
  assert.ok(first.changes.some(({ resource, action }) => resource === 'StateBucket' && action === 'Add'));
  await stacks.carryOut(first);
  const { id } = (await stacks.describe('ada'))!;
  const { stack, told } = await settled(id);
  assert.equal(stack?.status, 'CREATE_COMPLETE');
  assert.deepEqual(stack?.parameters, parameters);
  assert.ok(told.length > 20, 'events of all pages');
  assert.equal(new Set(told).size, told.length, 'each once');

  const second = await stacks.plan({
    stack: 'ada',
    template,
    parameters: { SourceObject: 'releases/a.tgz' },
  });
  assert.deepEqual(second.changes, [
    { action: 'Modify', resource: 'WebInstance', type: 'AWS::EC2::Instance', isReplaced: true },
  ]);
  await stacks.carryOut(second);
  const changed = await settled(id);
  assert.deepEqual(changed.stack?.parameters, { ...parameters, SourceObject: 'releases/a.tgz' });

  await stacks.remove('ada');
  assert.equal((await settled(id)).stack, undefined);
  assert.equal(await stacks.describe('ada'), undefined);
  const creation = fake.calls.find((call) => call.get('ChangeSetType') === 'CREATE');
  assert.equal(creation?.get('ImportExistingResources'), 'true');
});

test('a plan of nothing is empty, and a plan that is discarded leaves nothing', async () => {
  await using world = await start();
  const { stacks, settled } = world;
  const first = await stacks.plan({ stack: 'ada', template, parameters });
  await stacks.discard(first);
  assert.equal(
    (await settled((await stacks.describe('ada'))?.id ?? 'ada').catch(() => ({ stack: undefined }))).stack,
    undefined,
  );
  await stacks.carryOut(await stacks.plan({ stack: 'ada', template, parameters }));
  await settled((await stacks.describe('ada'))!.id);
  const nothing = await stacks.plan({ stack: 'ada', template, parameters: {} });
  assert.deepEqual(nothing.changes, []);
  await stacks.discard(nothing);
  assert.equal((await stacks.describe('ada'))?.status, 'CREATE_COMPLETE');
});

test('a failure names the resource and the reason, also of a creation that was rolled back', async () => {
  await using world = await start();
  const { stacks, settled, fake } = world;
  fake.failNext = 'ada-in-bucket already exists';
  await stacks.carryOut(await stacks.plan({ stack: 'ada', template, parameters }));
  await assert.rejects(settled((await stacks.describe('ada'))!.id), {
    code: 'conflict',
    message: /InBucket.*ada-in-bucket/,
  });
});

test('throttling is waited out; a missing permission is named', async () => {
  await using world = await start();
  const { stacks, fake } = world;
  fake.faults.push({ code: 'Throttling', message: 'Rate exceeded', status: 400 });
  assert.equal(await stacks.describe('ada'), undefined);
  const message = 'User: arn:aws:iam::1:user/ada is not authorized to perform: cloudformation:DescribeStacks';
  fake.faults.push({ code: 'AccessDenied', message, status: 403 });
  await assert.rejects(stacks.describe('ada'), {
    code: 'permission-denied',
    message: /cloudformation:DescribeStacks/,
  });
});

test('a template that is too large is refused before it is sent', async () => {
  await using world = await start();
  const large = template + '#'.repeat(60_000);
  await assert.rejects(world.stacks.plan({ stack: 'ada', template: large, parameters }), {
    code: 'limit-exceeded',
  });
  assert.equal(world.fake.calls.length, 0);
});
