import { Ec2Error, insufficientCapacity } from './ec2-error.ts';

export type Market = 'spot' | 'on-demand';

export interface InstanceTypeFacts {
  readonly vCpus: number;
  readonly memoryMiB: number;
  readonly architecture: 'x86_64' | 'arm64';
  /** The zones that offer it; all when absent. */
  readonly zones?: readonly string[];
}

/** A place to launch in, and how. */
export interface Offering {
  readonly type: string;
  readonly zone: string;
  readonly market: Market;
}

interface Limit {
  readonly where: Partial<Offering>;
  count: number;
  readonly error: Ec2Error | undefined;
}

export interface Subnet {
  readonly id: string;
  readonly zone: string;
}

const VPC_ID = 'vpc-0123456789abcdef0';

/** What a small region has on offer: zones with a subnet each, a few instance types, and how many of each are left. */
export class Region {
  readonly name = 'us-east-1';
  readonly vpcId = VPC_ID;
  /** The last one is a second one in the first zone. */
  readonly subnets: readonly Subnet[] = ['a', 'b', 'c', 'a'].map((letter, index) => ({
    id: `subnet-0000000000000000${index}`,
    zone: `us-east-1${letter}`,
  }));
  readonly images = new Set(['ami-0123456789abcdef0']);
  readonly types = new Map<string, InstanceTypeFacts>([
    ['t3.medium', { vCpus: 2, memoryMiB: 4096, architecture: 'x86_64' }],
    ['c7i.large', { vCpus: 2, memoryMiB: 4096, architecture: 'x86_64' }],
    [
      'c7i.xlarge',
      { vCpus: 4, memoryMiB: 8192, architecture: 'x86_64', zones: ['us-east-1a', 'us-east-1b'] },
    ],
    ['c7g.large', { vCpus: 2, memoryMiB: 4096, architecture: 'arm64' }],
  ]);
  readonly #limits: Limit[] = [];

  /** From now on so many more instances fit in what matches (a type, a zone, a market, or all of it); `error` for the others. */
  limit(where: Partial<Offering>, count: number, error?: Ec2Error): void {
    this.#limits.unshift({ where, count, error });
  }

  /** Everything has room again. */
  unlimit(): void {
    this.#limits.length = 0;
  }

  subnetOf(id: string): Subnet {
    const subnet = this.subnets.find((one) => one.id === id);
    if (subnet !== undefined) return subnet;
    throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  }

  checkImage(id: string): void {
    if (!/^ami-[0-9a-f]{8,17}$/.test(id)) {
      throw new Ec2Error('InvalidAMIID.Malformed', `Invalid id: "${id}" (expecting "ami-...")`);
    }
    if (!this.images.has(id)) {
      throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
    }
  }

  /** Takes one place. @throws Ec2Error for a type that is unknown, not offered in the zone, or has run out. */
  take({ type, zone, market }: Offering): void {
    const facts = this.types.get(type);
    if (facts === undefined) {
      throw new Ec2Error('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`);
    }
    if (facts.zones?.includes(zone) === false) {
      throw new Ec2Error(
        'Unsupported',
        `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`,
      );
    }
    const limit = this.#limitOf({ type, zone, market });
    if (limit === undefined) return;
    if (limit.count < 1) {
      throw limit.error ?? insufficientCapacity(`${type} in the Availability Zone you requested (${zone})`);
    }
    limit.count--;
  }

  giveBack(offering: Offering, count: number): void {
    const limit = this.#limitOf(offering);
    if (limit !== undefined) limit.count += count;
  }

  /** The latest that was set for it counts. */
  #limitOf(offering: Offering): Limit | undefined {
    return this.#limits.find(({ where }) =>
      (Object.keys(where) as (keyof Offering)[]).every((name) => where[name] === offering[name]),
    );
  }
}
