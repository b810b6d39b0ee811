import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeCloud } from '../../test/support/fake-cloud.ts';
import { loadConfig } from '../config.ts';
import { FacefleetError, UnavailableError } from '../errors.ts';
import { checkCloud } from './cloud-checks.ts';
import type { Finding, Level } from './finding.ts';

const template = 'Parameters:\n  Prefix:\n    Type: String\nResources:\n';

/** An account in which everything is as it should be. */
async function healthyCloud(): Promise<FakeCloud> {
  const cloud = new FakeCloud();
  await cloud.stacks.carryOut(await cloud.stacks.plan({ stack: 'ada', template, parameters: {} }));
  for (let look = 0; look < 4; look++) await cloud.stacks.describe('ada');
  const facts = { visible: 0, inFlight: 0, maxMessageBytes: 1024 };
  cloud.queueFacts.set('ada-req-queue', { ...facts, deadLetterQueue: 'ada-dead-queue' });
  return cloud;
}

async function findings(cloud: FakeCloud, flags: Record<string, string> = {}): Promise<readonly Finding[]> {
  const given = { on: 'aws', prefix: 'ada', 'instance-types': 'c7i.large', 'max-workers': '5', ...flags };
  const { config } = loadConfig({ flags: given, environment: {}, dotenvFolder: false });
  return checkCloud({ account: cloud, config, hasEc2Fleet: true });
}

test('a healthy account gives nothing but ok', async () => {
  const found = await findings(await healthyCloud());
  assert.deepEqual(
    found.filter(({ level }) => level !== 'ok'),
    [],
  );
  assert.ok(found.length >= 10);
});

interface Breakage {
  readonly name: string;
  readonly breakIt: (cloud: FakeCloud) => void;
  readonly flags?: Record<string, string>;
  /** Which finding tells of it. */
  readonly check: string;
  readonly level: Level;
}

const facts = { visible: 0, inFlight: 0, maxMessageBytes: 1024, deadLetterQueue: 'ada-dead-queue' };
const skewed = (clockSkewSeconds: number) => (cloud: FakeCloud) => {
  cloud.caller = { accountId: '1', arn: 'arn:x', region: 'us-east-1', clockSkewSeconds };
};
const BREAKAGES: readonly Breakage[] = [
  { name: 'a clock that is off a little', breakIt: skewed(-60), check: 'clock', level: 'warn' },
  { name: 'a clock that is off too far', breakIt: skewed(400), check: 'clock', level: 'fail' },
  {
    name: 'a bucket that is missing',
    breakIt: (cloud) => cloud.buckets.delete('ada-in-bucket'),
    check: 'bucket ada-in-bucket',
    level: 'fail',
  },
  {
    name: 'a bucket that is somebody else’s',
    breakIt: (cloud) => cloud.foreignBuckets.add('ada-out-bucket'),
    check: 'bucket ada-out-bucket',
    level: 'fail',
  },
  {
    name: 'a store that ignores conditions',
    breakIt: (cloud) => {
      cloud.honoursConditions = false;
    },
    check: 'conditional writes',
    level: 'fail',
  },
  {
    name: 'a queue that was deleted',
    breakIt: (cloud) => cloud.queueFacts.delete('ada-req-queue'),
    check: 'queue ada-req-queue',
    level: 'fail',
  },
  {
    name: 'a queue without dead letters behind it',
    breakIt: (cloud) => cloud.queueFacts.set('ada-req-queue', { ...facts, deadLetterQueue: undefined }),
    check: 'queue ada-req-queue',
    level: 'fail',
  },
  {
    name: 'a cap that is another than the setting',
    breakIt: () => {},
    flags: { 'max-message-bytes': '4096' },
    check: 'queue ada-req-queue',
    level: 'warn',
  },
  {
    name: 'dead letters',
    breakIt: (cloud) => cloud.queueFacts.set('ada-dead-queue', { ...facts, visible: 3 }),
    check: 'queue ada-dead-queue',
    level: 'warn',
  },
  {
    name: 'no launch template of that name',
    breakIt: () => {},
    flags: { 'launch-template': 'another' },
    check: 'launch template another',
    level: 'fail',
  },
  {
    name: 'a permission that is missing',
    breakIt: (cloud) => {
      cloud.launchRefusal = new FacefleetError(
        'permission-denied',
        'arn:ada may not ec2:RunInstances; allow it',
      );
    },
    check: 'launching',
    level: 'fail',
  },
  {
    name: 'an instance type that the region has not',
    breakIt: () => {},
    flags: { 'instance-types': 'c7i.large,x9.large' },
    check: 'instance types',
    level: 'warn',
  },
  {
    name: 'no instance type that the region has',
    breakIt: () => {},
    flags: { 'instance-types': 'x9.large' },
    check: 'instance types',
    level: 'fail',
  },
  {
    name: 'more workers than the account may have',
    breakIt: () => {},
    flags: { 'max-workers': '33' },
    check: 'limits',
    level: 'warn',
  },
  {
    name: 'an account that may not have one worker',
    breakIt: (cloud) => {
      cloud.vcpuQuota['on-demand'] = 1;
    },
    check: 'limits',
    level: 'fail',
  },
  {
    name: 'spot instances beyond their own limit',
    breakIt: (cloud) => {
      cloud.vcpuQuota.spot = 4;
    },
    flags: { market: 'spot' },
    check: 'limits',
    level: 'warn',
  },
  {
    name: 'a limit that may not be read',
    breakIt: (cloud) => {
      cloud.quotaRefusal = new FacefleetError(
        'permission-denied',
        'arn:ada may not servicequotas:GetServiceQuota; allow it',
      );
    },
    check: 'limits',
    level: 'warn',
  },
  {
    name: 'a limit that nobody knows',
    breakIt: (cloud) => {
      cloud.vcpuQuota['on-demand'] = undefined;
    },
    check: 'limits',
    level: 'warn',
  },
  {
    name: 'a type whose limit is another',
    breakIt: () => {},
    flags: { 'instance-types': 'g5.xlarge' },
    check: 'limits',
    level: 'warn',
  },
];

for (const { name, breakIt, flags, check, level } of BREAKAGES) {
  test(`${name}: ${check} says ${level}, and what to do`, async () => {
    const cloud = await healthyCloud();
    breakIt(cloud);
    const found = (await findings(cloud, flags)).filter((one) => one.check === check && one.level === level);
    assert.equal(found.length, 1);
    assert.ok(found[0]?.next !== undefined && found[0].next.length > 5);
  });
}

test('where no instance types are set those of the launch template are looked at, and their limit', async () => {
  const cloud = await healthyCloud();
  const given = { on: 'aws', prefix: 'ada', 'max-workers': '5' };
  const { config } = loadConfig({ flags: given, environment: {}, dotenvFolder: false });
  const found = await checkCloud({ account: cloud, config, hasEc2Fleet: true });
  const levels = new Map(found.map(({ check, level }) => [check, level]));
  assert.deepEqual([levels.get('instance types'), levels.get('limits')], ['ok', 'ok']);
});

test('without credentials nothing else is asked', async () => {
  const cloud = await healthyCloud();
  cloud.caller = new FacefleetError(
    'permission-denied',
    'the temporary credentials have expired; sign in again',
  );
  assert.deepEqual(await findings(cloud), [
    {
      check: 'credentials',
      level: 'fail',
      what: 'the temporary credentials have expired',
      next: 'sign in again',
    },
  ]);
  cloud.caller = new UnavailableError('nothing answers at http://127.0.0.1:1; check AWS_ENDPOINT_URL');
  assert.equal((await findings(cloud))[0]?.level, 'fail');
});
