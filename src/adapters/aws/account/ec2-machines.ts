import {
  CreateImageCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  type Image,
  type Instance,
  type _InstanceType as InstanceType,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';

import type {
  CloudInstance,
  LaunchBuilder,
  MachineImage,
  Machines,
  Network,
} from '../../../cloud/account.ts';
import { FacefleetError, NotFoundError } from '../../../errors.ts';
import type { AwsSettings } from '../client-options.ts';
import type { SdkFacts } from '../sdk-facts.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

const FLEET_TAG = 'facefleet:fleet';
const ALIVE = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];

/** What an operator's verbs need of EC2. The controller's fleet is another adapter. */
export class Ec2Machines implements Machines {
  readonly #calls: ServiceCalls;
  readonly #client: EC2Client;

  constructor(settings: AwsSettings) {
    this.#calls = new ServiceCalls('ec2', settings);
    this.#client = new EC2Client(this.#calls.clientConfig());
  }

  async defaultNetwork(): Promise<Network | undefined> {
    const isDefault = { Filters: [{ Name: 'is-default', Values: ['true'] }] };
    const { Vpcs = [] } = await this.#calls.run('DescribeVpcs', {}, () =>
      this.#client.send(new DescribeVpcsCommand(isDefault)),
    );
    const vpcId = Vpcs[0]?.VpcId;
    if (vpcId === undefined) return undefined;
    const inIt = {
      Filters: [
        { Name: 'vpc-id', Values: [vpcId] },
        { Name: 'default-for-az', Values: ['true'] },
      ],
    };
    const { Subnets = [] } = await this.#calls.run('DescribeSubnets', { vpc: vpcId }, () =>
      this.#client.send(new DescribeSubnetsCommand(inIt)),
    );
    const subnets = Subnets.map(({ SubnetId: id = '', AvailabilityZone: zone = '' }) => ({ id, zone }));
    return { vpcId, subnets: subnets.sort((one, other) => (one.zone < other.zone ? -1 : 1)) };
  }

  async instances(fleet: string): Promise<CloudInstance[]> {
    const found: Instance[] = [];
    let next: string | undefined;
    do {
      const input = {
        Filters: [
          { Name: `tag:${FLEET_TAG}`, Values: [fleet] },
          { Name: 'instance-state-name', Values: ALIVE },
        ],
        ...(next === undefined ? {} : { NextToken: next }),
      };
      const page = await this.#calls.run('DescribeInstances', { fleet }, () =>
        this.#client.send(new DescribeInstancesCommand(input)),
      );
      for (const { Instances = [] } of page.Reservations ?? []) found.push(...Instances);
      next = page.NextToken;
    } while (next !== undefined && next !== '');
    return found.map(instanceOf);
  }

  async offered(types: readonly string[]): Promise<string[]> {
    const input = {
      LocationType: 'region' as const,
      Filters: [{ Name: 'instance-type', Values: [...types] }],
    };
    const ask = () => this.#client.send(new DescribeInstanceTypeOfferingsCommand(input));
    const { InstanceTypeOfferings = [] } = await this.#calls.run('DescribeInstanceTypeOfferings', {}, ask);
    const offered = new Set(InstanceTypeOfferings.map(({ InstanceType: type }) => String(type)));
    return types.filter((type) => offered.has(type));
  }

  async launchTemplate(name: string) {
    const ask = () => this.#client.send(new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [name] }));
    const found = await this.#calls
      .run('DescribeLaunchTemplates', { launchTemplate: name }, ask, { special: NO_TEMPLATE })
      .catch(undefinedIfMissing);
    const template = found?.LaunchTemplates?.[0];
    if (template?.LaunchTemplateId === undefined) return undefined;
    const input = { LaunchTemplateId: template.LaunchTemplateId, Versions: ['$Latest'] };
    const { LaunchTemplateVersions: [latest] = [] } = await this.#calls.run(
      'DescribeLaunchTemplateVersions',
      { launchTemplate: name },
      () => this.#client.send(new DescribeLaunchTemplateVersionsCommand(input)),
    );
    return {
      id: template.LaunchTemplateId,
      latestVersion: template.LatestVersionNumber ?? 1,
      image: latest?.LaunchTemplateData?.ImageId ?? '',
      instanceType: latest?.LaunchTemplateData?.InstanceType,
    };
  }

  /** Looked at first: whatever the ids are, nothing of anybody else is ended. */
  async terminate(fleet: string, ids: readonly string[]): Promise<void> {
    const ours = (await this.instances(fleet)).filter(({ id }) => ids.includes(id)).map(({ id }) => id);
    if (ours.length === 0) return;
    const ask = () => this.#client.send(new TerminateInstancesCommand({ InstanceIds: ours }));
    await this.#calls.run('TerminateInstances', { fleet, instances: ours.join(' ') }, ask);
  }

  async launchBuilder(builder: LaunchBuilder): Promise<string> {
    const tags = [
      { Key: 'Name', Value: `${builder.fleet}-builder` },
      { Key: FLEET_TAG, Value: builder.fleet },
    ];
    const input = {
      MinCount: 1,
      MaxCount: 1,
      ImageId: builder.image,
      InstanceType: builder.type as InstanceType,
      SubnetId: builder.subnet,
      SecurityGroupIds: [builder.securityGroup],
      IamInstanceProfile: { Arn: builder.profileArn },
      InstanceInitiatedShutdownBehavior: 'stop' as const,
      MetadataOptions: { HttpTokens: 'required' as const, HttpPutResponseHopLimit: 1 },
      UserData: Buffer.from(builder.userData).toString('base64'),
      TagSpecifications: [
        { ResourceType: 'instance' as const, Tags: tags },
        { ResourceType: 'volume' as const, Tags: tags },
      ],
    };
    const ask = () => this.#client.send(new RunInstancesCommand(input));
    const { Instances = [] } = await this.#calls.run(
      'RunInstances',
      { fleet: builder.fleet, type: builder.type },
      ask,
    );
    const id = Instances[0]?.InstanceId;
    if (id === undefined) throw new FacefleetError('internal', 'EC2 launched a builder and did not name it');
    return id;
  }

  async createImage({
    fleet,
    instance,
    name,
  }: {
    fleet: string;
    instance: string;
    name: string;
  }): Promise<string> {
    const tags = [
      { Key: FLEET_TAG, Value: fleet },
      { Key: 'Name', Value: name },
    ];
    const input = {
      InstanceId: instance,
      Name: name,
      Description: 'Facefleet workers',
      NoReboot: true,
      TagSpecifications: [
        { ResourceType: 'image' as const, Tags: tags },
        { ResourceType: 'snapshot' as const, Tags: tags },
      ],
    };
    const { ImageId: id } = await this.#calls.run('CreateImage', { instance }, () =>
      this.#client.send(new CreateImageCommand(input)),
    );
    if (id === undefined) throw new FacefleetError('internal', 'EC2 makes an image and did not name it');
    return id;
  }

  async images(fleet: string): Promise<MachineImage[]> {
    const input = { Owners: ['self'], Filters: [{ Name: `tag:${FLEET_TAG}`, Values: [fleet] }] };
    const { Images = [] } = await this.#calls.run('DescribeImages', { fleet }, () =>
      this.#client.send(new DescribeImagesCommand(input)),
    );
    return Images.map(imageOf);
  }

  async removeImage({ id, snapshots }: MachineImage): Promise<void> {
    await this.#calls.run('DeregisterImage', { image: id }, () =>
      this.#client.send(new DeregisterImageCommand({ ImageId: id })),
    );
    for (const snapshot of snapshots) {
      const ask = () => this.#client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot }));
      await this.#calls
        .run('DeleteSnapshot', { snapshot }, ask, { special: NO_SNAPSHOT })
        .catch(undefinedIfMissing);
    }
  }

  async vcpus(type: string): Promise<number | undefined> {
    const input = { InstanceTypes: [type as InstanceType] };
    const ask = () => this.#client.send(new DescribeInstanceTypesCommand(input));
    const found = await this.#calls
      .run('DescribeInstanceTypes', { type }, ask, { special: { InvalidInstanceType: missing } })
      .catch(undefinedIfMissing);
    return found?.InstanceTypes?.[0]?.VCpuInfo?.DefaultVCpus;
  }

  async tryLaunch(template: string): Promise<void> {
    const input = {
      DryRun: true,
      MinCount: 1,
      MaxCount: 1,
      LaunchTemplate: { LaunchTemplateName: template, Version: '$Latest' },
    };
    const ask = async () => {
      try {
        await this.#client.send(new RunInstancesCommand(input));
      } catch (error) {
        // EC2's way of saying that it would have worked.
        if ((error as Error).name !== 'DryRunOperation') throw error;
      }
    };
    await this.#calls.run('RunInstances', { launchTemplate: template }, ask);
  }

  destroy(): void {
    this.#client.destroy();
  }
}

const missing = (facts: SdkFacts) => new NotFoundError(facts.message, { cause: facts.error });
const NO_TEMPLATE = {
  'InvalidLaunchTemplateName.NotFoundException': missing,
  'InvalidLaunchTemplateId.NotFound': missing,
};
const NO_SNAPSHOT = { 'InvalidSnapshot.NotFound': missing };

function instanceOf(instance: Instance): CloudInstance {
  return {
    id: instance.InstanceId ?? '',
    name: instance.Tags?.find(({ Key }) => Key === 'Name')?.Value ?? '',
    state: instance.State?.Name ?? 'unknown',
    type: instance.InstanceType ?? '',
    isSpot: instance.InstanceLifecycle === 'spot',
    launchedAt: instance.LaunchTime ?? new Date(0),
    image: instance.ImageId ?? '',
    publicAddress: instance.PublicIpAddress,
  };
}

function imageOf(image: Image): MachineImage {
  return {
    id: image.ImageId ?? '',
    name: image.Name ?? '',
    state: image.State === 'available' || image.State === 'pending' ? image.State : 'failed',
    createdAt: new Date(image.CreationDate ?? 0),
    snapshots: (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) =>
      Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId],
    ),
  };
}
