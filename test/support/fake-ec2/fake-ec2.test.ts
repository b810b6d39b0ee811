import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  CreateFleetCommand,
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  type EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { eventually } from '../eventually.ts';
import { FakeClock } from '../fake-clock.ts';
import { createTemplate, ec2Client, IMAGE_ID, instantFleet } from './ec2-client.ts';
import { unauthorized } from './ec2-error.ts';
import { FakeEc2 } from './fake-ec2.ts';

let ec2: FakeEc2;
let client: EC2Client;

beforeEach(async () => {
  ec2 = await FakeEc2.start();
  client = ec2Client(ec2);
});
afterEach(async () => {
  client.destroy();
  await ec2[Symbol.asyncDispose]();
});

const ONE: RunInstancesCommandInput = {
  ImageId: IMAGE_ID,
  InstanceType: 'c7i.large',
  MinCount: 1,
  MaxCount: 1,
};

async function run(more: Partial<RunInstancesCommandInput> = {}): Promise<string[]> {
  const { Instances = [] } = await client.send(new RunInstancesCommand({ ...ONE, ...more }));
  return Instances.map(({ InstanceId }) => InstanceId!);
}

async function states(...ids: string[]): Promise<(string | undefined)[]> {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ InstanceIds: ids }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
}

const until = (id: string, state: string) =>
  eventually(`${id} to be ${state}`, async () => (await states(id))[0] === state);

const named = (name: string) => ({ name });

describe('RunInstances on the fake EC2', () => {
  it('launches as many as there is room for, from the least to the most asked for', async () => {
    assert.equal((await run({ MinCount: 3, MaxCount: 3 })).length, 3);
    ec2.region.limit({ type: 'c7i.large' }, 2);
    assert.equal((await run({ MinCount: 1, MaxCount: 5 })).length, 2);
    await assert.rejects(run(), named('InsufficientInstanceCapacity'));
  });

  it('launches none when there is too little room for the least', async () => {
    ec2.region.limit({}, 2);
    await assert.rejects(run({ MinCount: 3, MaxCount: 3 }), named('InsufficientInstanceCapacity'));
    assert.equal((await run({ MinCount: 2, MaxCount: 2 })).length, 2);
  });

  it('does nothing again for a client token, whatever became of the instance', async () => {
    const [id] = await run({ ClientToken: 'same' });
    assert.deepEqual(await run({ ClientToken: 'same' }), [id]);
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id!] }));
    await until(id!, 'terminated');
    assert.deepEqual(await run({ ClientToken: 'same' }), [id]);
    assert.equal(ec2.hypervisor.instances.size, 1);
  });

  it('refuses a client token with other parameters', async () => {
    await run({ ClientToken: 'same' });
    await assert.rejects(
      run({ ClientToken: 'same', InstanceType: 't3.medium' }),
      named('IdempotentParameterMismatch'),
    );
    await assert.rejects(run({ ClientToken: 'x'.repeat(65) }), named('InvalidParameterValue'));
  });

  it('keeps no client token of a call that failed', async () => {
    ec2.region.limit({}, 0);
    await assert.rejects(run({ ClientToken: 'same' }), named('InsufficientInstanceCapacity'));
    ec2.region.unlimit();
    assert.equal((await run({ ClientToken: 'same' })).length, 1);
  });

  it('refuses what EC2 refuses', async () => {
    await assert.rejects(run({ ImageId: 'ami-00000000' }), named('InvalidAMIID.NotFound'));
    await assert.rejects(run({ ImageId: 'none' }), named('InvalidAMIID.Malformed'));
    await assert.rejects(run({ InstanceType: 'x1.mini' as 'c7i.large' }), named('InvalidParameterValue'));
    await assert.rejects(run({ SubnetId: 'subnet-1' }), named('InvalidSubnetID.NotFound'));
    await assert.rejects(
      run({ InstanceType: 'c7i.xlarge', Placement: { AvailabilityZone: 'us-east-1c' } }),
      named('Unsupported'),
    );
    await assert.rejects(run({ UserData: 'no base64!' }), named('InvalidParameterValue'));
    await assert.rejects(run({ DisableApiStop: true }), named('UnknownParameter'));
    const tags = (key: string) => [{ ResourceType: 'instance' as const, Tags: [{ Key: key, Value: 'x' }] }];
    await assert.rejects(run({ TagSpecifications: tags('aws:own') }), named('InvalidParameterValue'));
    const inMetadata = { MetadataOptions: { InstanceMetadataTags: 'enabled' as const } };
    await assert.rejects(
      run({ TagSpecifications: tags('a/b'), ...inMetadata }),
      named('InvalidParameterValue'),
    );
    await assert.rejects(run({ DryRun: true }), named('DryRunOperation'));
    assert.equal(ec2.hypervisor.instances.size, 0);
  });
});

describe('an instance of the fake EC2', () => {
  /** Whose time stands still until the test says so. */
  async function slow() {
    const clock = new FakeClock(Date.now());
    await ec2[Symbol.asyncDispose]();
    client.destroy();
    ec2 = await FakeEc2.start({ clock, pendingMs: 1000, endingMs: 1000 });
    client = ec2Client(ec2);
    return clock;
  }

  it('takes its time from state to state', async () => {
    const clock = await slow();
    const [id] = await run();
    const InstanceIds = [id!];
    assert.deepEqual(await states(id!), ['pending']);
    await clock.advance(1000);
    await until(id!, 'running');
    await client.send(new StopInstancesCommand({ InstanceIds }));
    assert.deepEqual(await states(id!), ['stopping']);
    await clock.advance(1000);
    await until(id!, 'stopped');
    await client.send(new StartInstancesCommand({ InstanceIds }));
    assert.deepEqual(await states(id!), ['pending']);
    await clock.advance(1000);
    await until(id!, 'running');
    await client.send(new TerminateInstancesCommand({ InstanceIds }));
    assert.deepEqual(await states(id!), ['shutting-down']);
    await clock.advance(1000);
    await until(id!, 'terminated');
  });

  it('cannot be stopped while pending, nor started while stopping or terminated', async () => {
    const clock = await slow();
    const [id] = await run();
    const ids = { InstanceIds: [id!] };
    await assert.rejects(client.send(new StopInstancesCommand(ids)), named('IncorrectInstanceState'));
    await clock.advance(1000);
    await until(id!, 'running');
    await client.send(new StartInstancesCommand(ids));
    await client.send(new StopInstancesCommand(ids));
    await assert.rejects(client.send(new StartInstancesCommand(ids)), named('IncorrectInstanceState'));
    await client.send(new TerminateInstancesCommand(ids));
    await assert.rejects(client.send(new StartInstancesCommand(ids)), named('IncorrectInstanceState'));
    await clock.advance(1000);
    await until(id!, 'terminated');
    await assert.rejects(client.send(new StartInstancesCommand(ids)), named('IncorrectInstanceState'));
    await client.send(new TerminateInstancesCommand(ids));
  });

  it('is changed with all others of the call, or with none', async () => {
    const [id] = await run();
    const InstanceIds = [id!, 'i-00000000000000000'];
    await assert.rejects(
      client.send(new TerminateInstancesCommand({ InstanceIds })),
      named('InvalidInstanceID.NotFound'),
    );
    await assert.rejects(
      client.send(new TerminateInstancesCommand({ InstanceIds: ['my-instance'] })),
      named('InvalidInstanceID.Malformed'),
    );
    await until(id!, 'running');
  });

  it('of the spot market cannot be stopped', async () => {
    const [id] = await run({ InstanceMarketOptions: { MarketType: 'spot' } });
    await until(id!, 'running');
    await assert.rejects(
      client.send(new StopInstancesCommand({ InstanceIds: [id!] })),
      named('UnsupportedOperation'),
    );
  });
});

describe('DescribeInstances on the fake EC2', () => {
  it('shows the past', async () => {
    ec2.describeLagMs = 60_000;
    const [id] = await run();
    await assert.rejects(states(id!), named('InvalidInstanceID.NotFound'));
    const { Reservations } = await client.send(new DescribeInstancesCommand({}));
    assert.deepEqual(Reservations, []);
    ec2.describeLagMs = 0;
    assert.equal((await states(id!)).length, 1);
  });

  it('filters by tags, states and patterns', async () => {
    const TagSpecifications = (name: string) => [
      { ResourceType: 'instance' as const, Tags: [{ Key: 'Name', Value: name }] },
    ];
    const [one] = await run({ TagSpecifications: TagSpecifications('app-tier-instance-1') });
    const [other] = await run({ TagSpecifications: TagSpecifications('web-instance') });
    await client.send(new CreateTagsCommand({ Resources: [other!], Tags: [{ Key: 'later', Value: '' }] }));
    const find = async (name: string, ...values: string[]) => {
      const Filters = [{ Name: name, Values: values }];
      const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ Filters }));
      return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId));
    };
    assert.deepEqual(await find('tag:Name', 'app-tier-instance-*'), [one]);
    assert.deepEqual(await find('tag:Name', 'web-instanc?', 'no-*'), [other]);
    assert.deepEqual(await find('tag-key', 'later'), [other]);
    assert.deepEqual(await find('instance-state-name', 'stopped'), []);
    await assert.rejects(find('tag-name', 'x'), named('InvalidParameterValue'));
  });

  it('gives page after page', async () => {
    const ids = await run({ MinCount: 12, MaxCount: 12 });
    const seen: (string | undefined)[] = [];
    let NextToken: string | undefined;
    let pages = 0;
    do {
      const page = await client.send(new DescribeInstancesCommand({ MaxResults: 5, NextToken }));
      for (const { Instances = [] } of page.Reservations ?? [])
        seen.push(...Instances.map((one) => one.InstanceId));
      NextToken = page.NextToken;
      pages++;
    } while (NextToken !== undefined);
    assert.equal(pages, 3);
    assert.deepEqual(seen, ids);
    const both = new DescribeInstancesCommand({ InstanceIds: ids, MaxResults: 5 });
    await assert.rejects(client.send(both), named('InvalidParameterCombination'));
    const few = new DescribeInstancesCommand({ MaxResults: 4 });
    await assert.rejects(client.send(few), named('InvalidParameterValue'));
  });
});

describe('CreateFleet on the fake EC2', () => {
  const TYPES = ['c7i.large', 'c7i.xlarge', 't3.medium'] as const;
  const overrides = TYPES.map((InstanceType) => ({ InstanceType, AvailabilityZone: 'us-east-1a' }));
  const among = (more: object = {}) =>
    instantFleet('workers', {
      LaunchTemplateConfigs: [
        { LaunchTemplateSpecification: { LaunchTemplateName: 'workers' }, Overrides: overrides },
      ],
      ...more,
    });

  beforeEach(() => createTemplate(ec2, { name: 'workers' }));

  it('tries one offering after the other and tells which had no room', async () => {
    ec2.region.limit({ type: 'c7i.large' }, 0);
    const { Instances, Errors } = await client.send(new CreateFleetCommand(among()));
    assert.deepEqual(
      Errors?.map(({ ErrorCode, LaunchTemplateAndOverrides }) => [
        ErrorCode,
        LaunchTemplateAndOverrides?.Overrides?.InstanceType,
      ]),
      [['InsufficientInstanceCapacity', 'c7i.large']],
    );
    assert.equal(Instances?.[0]?.InstanceType, 'c7i.xlarge');
    assert.equal(Instances?.[0]?.InstanceIds?.length, 1);
  });

  it('succeeds with nothing but errors, and says the same again to the same client token', async () => {
    ec2.region.limit({}, 0);
    const ask = new CreateFleetCommand(among({ ClientToken: 'same' }));
    const first = await client.send(ask);
    assert.equal(first.Instances?.length, 0);
    assert.equal(first.Errors?.length, TYPES.length);
    ec2.region.unlimit();
    const again = await client.send(ask);
    assert.equal(again.FleetId, first.FleetId);
    assert.equal(again.Instances?.length, 0);
    await assert.rejects(
      client.send(new CreateFleetCommand(instantFleet('workers', { ClientToken: 'same' }))),
      named('IdempotentParameterMismatch'),
    );
  });

  it('launches spot instances, tagged, with what the template says', async () => {
    const { Instances } = await client.send(
      new CreateFleetCommand(
        among({
          TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
          SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'one' }] }],
        }),
      ),
    );
    const id = Instances?.[0]?.InstanceIds?.[0];
    const { Reservations } = await client.send(new DescribeInstancesCommand({ InstanceIds: [id!] }));
    const instance = Reservations?.[0]?.Instances?.[0];
    assert.equal(instance?.InstanceLifecycle, 'spot');
    assert.equal(instance?.MetadataOptions?.HttpTokens, 'required');
    const tags = new Map(instance?.Tags?.map(({ Key, Value }) => [Key, Value]));
    assert.equal(tags.get('Name'), 'one');
    assert.match(tags.get('aws:ec2:fleet-id') ?? '', /^fleet-/);
  });

  it('refuses what EC2 refuses', async () => {
    const fleet = (more: object) => client.send(new CreateFleetCommand(among(more)));
    await assert.rejects(
      client.send(new CreateFleetCommand(instantFleet('others'))),
      named('InvalidLaunchTemplateName.NotFoundException'),
    );
    await assert.rejects(
      fleet({ OnDemandOptions: { AllocationStrategy: 'price-capacity-optimized' } }),
      named('InvalidParameterValue'),
    );
    const [one, , , inSameZone] = ec2.region.subnets;
    const Overrides = [{ SubnetId: one?.id }, { SubnetId: inSameZone?.id }];
    const LaunchTemplateSpecification = { LaunchTemplateName: 'workers' };
    await assert.rejects(
      fleet({ LaunchTemplateConfigs: [{ LaunchTemplateSpecification, Overrides }] }),
      named('InvalidFleetConfig'),
    );
    ec2.denied.add('RunInstances');
    const { Errors, Instances } = await fleet({});
    assert.equal(Instances?.length, 0);
    assert.equal(Errors?.[0]?.ErrorCode, 'UnauthorizedOperation');
  });
});

describe('what goes wrong on the fake EC2', () => {
  it('goes wrong as often as told, before or after the deed', async () => {
    ec2.faults.failNext('RunInstances', { error: unauthorized('RunInstances') });
    await assert.rejects(run({ ClientToken: 'one' }), named('UnauthorizedOperation'));
    ec2.faults.failNext('RunInstances', { moment: 'after' });
    await assert.rejects(run({ ClientToken: 'one' }));
    assert.equal(ec2.hypervisor.instances.size, 1);
    const [id] = await run({ ClientToken: 'one' });
    assert.equal(ec2.hypervisor.instances.size, 1);
    await until(id!, 'running');
  });

  it('is throttled above its rate', async () => {
    ec2.faults.throttle('DescribeInstances', { burst: 2, perSecond: 0.001 });
    const ask = () => client.send(new DescribeInstancesCommand({}));
    await ask();
    await ask();
    await assert.rejects(ask(), { name: 'RequestLimitExceeded' });
    ec2.faults.unthrottle('DescribeInstances');
    await ask();
  });

  it('is refused without permission, or with a clock that is off', async () => {
    ec2.denied.add('DescribeInstances');
    await assert.rejects(client.send(new DescribeInstancesCommand({})), named('UnauthorizedOperation'));
    const response = await fetch(ec2.endpoint, {
      method: 'POST',
      body: 'Action=DescribeInstances&Version=2016-11-15',
    });
    assert.equal(response.status, 401);
    client.destroy();
    client = ec2Client(ec2);
    client.config.systemClockOffset = 3_600_000;
    await assert.rejects(client.send(new DescribeLaunchTemplatesCommand({})), named('RequestExpired'));
  });
});

describe('what the fake EC2 has on offer', () => {
  it('is told by type and zone', async () => {
    const { InstanceTypes } = await client.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: ['c7i.xlarge'] }),
    );
    assert.equal(InstanceTypes?.[0]?.VCpuInfo?.DefaultVCpus, 4);
    assert.equal(InstanceTypes?.[0]?.MemoryInfo?.SizeInMiB, 8192);
    await assert.rejects(
      client.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['x9.none' as 'c7i.xlarge'] })),
      named('InvalidInstanceType'),
    );
    const { InstanceTypeOfferings } = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        Filters: [{ Name: 'instance-type', Values: ['c7i.xlarge'] }],
      }),
    );
    assert.deepEqual(
      InstanceTypeOfferings?.map(({ Location }) => Location),
      ['us-east-1a', 'us-east-1b'],
    );
  });
});
