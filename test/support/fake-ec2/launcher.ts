import { Ec2Error, unauthorized } from './ec2-error.ts';
import { type Hypervisor, newId } from './hypervisor.ts';
import type { FakeInstance, LaunchSpecification } from './instance.ts';
import { checkMetadataTags, type LaunchData, readLaunchData, readTags } from './launch-data.ts';
import type { FoundTemplate, LaunchTemplates } from './launch-templates.ts';
import type { Query } from './query.ts';
import type { Market, Region, Subnet } from './region.ts';
import type { XmlStructure } from './xml.ts';

export interface LauncherParts {
  readonly region: Region;
  readonly hypervisor: Hypervisor;
  readonly templates: LaunchTemplates;
  readonly isDenied: (action: string) => boolean;
}

/** One place an instant fleet may launch in. */
interface Pool {
  readonly template: FoundTemplate;
  readonly data: LaunchData;
  readonly type: string;
  readonly subnet: Subnet;
  readonly priority: number;
  readonly overrides: XmlStructure;
}

const MOST_TOKEN_CHARACTERS = 64;

/** RunInstances and CreateFleet: what they ask for, and what comes of it. */
export class Launcher {
  readonly #parts: LauncherParts;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** Launches at least MinCount and up to MaxCount, or none at all. */
  run(query: Query): { reservationId: string; instances: FakeInstance[] } {
    const least = query.integer('MinCount') ?? missing('MinCount');
    const most = query.integer('MaxCount') ?? missing('MaxCount');
    if (least < 1 || most < least) {
      throw new Ec2Error('InvalidParameterValue', `MinCount ${least} and MaxCount ${most} are invalid.`);
    }
    const clientToken = readClientToken(query);
    const template = query.has('LaunchTemplate')
      ? this.#parts.templates.resolve(query.group('LaunchTemplate'))
      : undefined;
    const data = merged(template?.data, readLaunchData(query));
    const subnet = this.#subnet(query.text('SubnetId'), query.group('Placement').text('AvailabilityZone'));
    query.refuseUnread();
    const specification = this.#specification(data, {
      type: data.instanceType ?? 'm1.small',
      subnet,
      market: data.isSpot === true ? 'spot' : 'on-demand',
      clientToken,
      tags: template === undefined ? new Map() : templateTags(template),
    });
    return this.#launchAll(specification, { least, most });
  }

  /** Of type `instant`: answers with what it got, and for what it could not get the reasons, with status 200. */
  createFleet(query: Query): XmlStructure {
    const type = query.text('Type') ?? 'maintain';
    if (type !== 'instant')
      throw new Ec2Error('InvalidParameterValue', `Type ${type}: this fake has only instant`);
    const clientToken = readClientToken(query);
    const target = query.group('TargetCapacitySpecification');
    const total = target.integer('TotalTargetCapacity') ?? missing('TotalTargetCapacity');
    const market = readMarket(target.text('DefaultTargetCapacityType'));
    const strategy = readStrategy(query, market);
    const pools = query.groups('LaunchTemplateConfigs').flatMap((config) => this.#pools(config));
    if (pools.length === 0) missing('LaunchTemplateConfigs');
    refuseTwoSubnetsPerZone(pools);
    const tags = readTags(query, 'instance');
    query.refuseUnread();
    const fleetId = newId('fleet');
    const ordered = strategy.includes('prioritized')
      ? pools.toSorted((one, other) => one.priority - other.priority)
      : pools;
    const { launched, failed } = this.#fillFrom(ordered, total, (pool) =>
      this.#specification(pool.data, {
        type: pool.type,
        subnet: pool.subnet,
        market,
        clientToken: `${fleetId}-${clientToken}`.slice(0, MOST_TOKEN_CHARACTERS),
        tags: new Map([...templateTags(pool.template), ['aws:ec2:fleet-id', fleetId], ...tags]),
      }),
    );
    return {
      fleetId,
      errorSet: failed.map(({ pool, error }) => ({
        launchTemplateAndOverrides: described(pool),
        lifecycle: market,
        errorCode: error.code,
        errorMessage: error.message,
      })),
      fleetInstanceSet: launched.map(({ pool, instance }) => ({
        launchTemplateAndOverrides: described(pool),
        lifecycle: market,
        instanceIds: [instance.id],
        instanceType: pool.type,
        availabilityZone: pool.subnet.zone,
        subnetId: pool.subnet.id,
      })),
    };
  }

  #fillFrom(pools: readonly Pool[], total: number, specify: (pool: Pool) => LaunchSpecification) {
    const launched: { pool: Pool; instance: FakeInstance }[] = [];
    const failed: { pool: Pool; error: Ec2Error }[] = [];
    for (const pool of pools) {
      while (launched.length < total) {
        try {
          if (this.#parts.isDenied('RunInstances')) throw unauthorized('RunInstances');
          const { instances } = this.#launchAll(specify(pool), { least: 1, most: 1 });
          launched.push({ pool, instance: instances[0]! });
        } catch (error) {
          if (!(error instanceof Ec2Error)) throw error;
          failed.push({ pool, error });
          break;
        }
      }
    }
    return { launched, failed };
  }

  #pools(config: Query): Pool[] {
    const template = this.#parts.templates.resolve(config.group('LaunchTemplateSpecification'));
    const overrides = config.groups('Overrides');
    if (overrides.length === 0) return [this.#pool(template, undefined)];
    return overrides.map((override) => this.#pool(template, override));
  }

  #pool(template: FoundTemplate, override: Query | undefined): Pool {
    const type = override?.text('InstanceType') ?? template.data.instanceType;
    if (type === undefined) {
      throw new Ec2Error(
        'MissingParameter',
        'Neither the launch template nor an override has an InstanceType',
      );
    }
    const subnetId = override?.text('SubnetId');
    const zone = override?.text('AvailabilityZone');
    return {
      template,
      data: template.data,
      type,
      subnet: this.#subnet(subnetId, zone),
      priority: override?.number('Priority') ?? 0,
      overrides: { instanceType: override && type, subnetId, availabilityZone: zone },
    };
  }

  #subnet(id: string | undefined, zone: string | undefined): Subnet {
    const { region } = this.#parts;
    if (id !== undefined) return region.subnetOf(id);
    const subnet = region.subnets.find((one) => zone === undefined || one.zone === zone);
    if (subnet !== undefined) return subnet;
    throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${zone}]`);
  }

  #specification(
    data: LaunchData,
    more: {
      type: string;
      subnet: Subnet;
      market: Market;
      clientToken: string;
      tags: ReadonlyMap<string, string>;
    },
  ): LaunchSpecification {
    const imageId = data.imageId ?? missing('ImageId');
    this.#parts.region.checkImage(imageId);
    const areTagsInMetadata = data.areTagsInMetadata ?? false;
    const tags = new Map([...data.tags, ...more.tags]);
    if (areTagsInMetadata) checkMetadataTags(tags.keys());
    return {
      imageId,
      offering: { type: more.type, zone: more.subnet.zone, market: more.market },
      subnet: more.subnet,
      userData: data.userData ?? '',
      tags,
      clientToken: more.clientToken,
      onShutdown: data.onShutdown ?? 'stop',
      areTokensRequired: data.areTokensRequired ?? false,
      areTagsInMetadata,
      securityGroupIds: data.securityGroupIds ?? ['sg-00000000000000000'],
      profile: data.profile,
    };
  }

  #launchAll(specification: LaunchSpecification, { least, most }: { least: number; most: number }) {
    const { region, hypervisor } = this.#parts;
    const { offering } = specification;
    // All checks before the first launch: with too little room for the least, none is launched.
    const taken = takeUpTo(most, () => region.take(offering));
    if (taken.count < least) {
      region.giveBack(offering, taken.count);
      throw taken.error;
    }
    const reservationId = newId('r');
    const instances = Array.from({ length: taken.count }, () =>
      hypervisor.launch(specification, reservationId),
    );
    return { reservationId, instances };
  }
}

function takeUpTo(most: number, take: () => void): { count: number; error?: unknown } {
  for (let count = 0; count < most; count++) {
    try {
      take();
    } catch (error) {
      return { count, error };
    }
  }
  return { count: most };
}

function merged(template: LaunchData | undefined, own: LaunchData): LaunchData {
  return { ...template, ...own, tags: new Map([...(template?.tags ?? []), ...own.tags]) };
}

function templateTags({ id, version }: FoundTemplate): Map<string, string> {
  return new Map([
    ['aws:ec2launchtemplate:id', id],
    ['aws:ec2launchtemplate:version', String(version)],
  ]);
}

function described({ template, overrides }: Pool): XmlStructure {
  const { id, version } = template;
  return {
    launchTemplateSpecification: { launchTemplateId: id, version: String(version) },
    overrides,
  };
}

function readMarket(value: string | undefined): Market {
  if (value === undefined || value === 'on-demand') return 'on-demand';
  if (value === 'spot') return 'spot';
  throw new Ec2Error('InvalidParameterValue', `DefaultTargetCapacityType ${value} is invalid`);
}

const STRATEGIES: Readonly<Record<Market, readonly string[]>> = {
  'on-demand': ['lowest-price', 'prioritized'],
  spot: [
    'lowest-price',
    'diversified',
    'capacity-optimized',
    'capacity-optimized-prioritized',
    'price-capacity-optimized',
  ],
};

function readStrategy(query: Query, market: Market): string {
  const strategies = {
    spot: query.group('SpotOptions').text('AllocationStrategy') ?? 'lowest-price',
    'on-demand': query.group('OnDemandOptions').text('AllocationStrategy') ?? 'lowest-price',
  };
  for (const [kind, strategy] of Object.entries(strategies)) {
    if (!STRATEGIES[kind as Market].includes(strategy)) {
      throw new Ec2Error('InvalidParameterValue', `AllocationStrategy ${strategy} is invalid for ${kind}`);
    }
  }
  return strategies[market];
}

/** "An EC2 Fleet request can't span different subnets from the same Availability Zone", says its guide. */
function refuseTwoSubnetsPerZone(pools: readonly Pool[]): void {
  const subnets = new Map<string, string>();
  for (const { subnet } of pools) {
    const other = subnets.get(subnet.zone) ?? subnet.id;
    if (other !== subnet.id) {
      throw new Ec2Error(
        'InvalidFleetConfig',
        `Different subnets of ${subnet.zone}: ${other} and ${subnet.id}`,
      );
    }
    subnets.set(subnet.zone, subnet.id);
  }
}

function readClientToken(query: Query): string {
  const token = query.text('ClientToken') ?? '';
  if (token.length > MOST_TOKEN_CHARACTERS) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `ClientToken has more than ${MOST_TOKEN_CHARACTERS} characters`,
    );
  }
  return token;
}

function missing(name: string): never {
  throw new Ec2Error('MissingParameter', `The request must contain the parameter ${name}`);
}
