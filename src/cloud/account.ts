/**
 * What the `aws` verbs and the doctor need of a cloud account, as small parts. All reject with FacefleetErrors that say
 * what to do; names of missing things resolve to undefined. `compose/aws.ts` makes the real one.
 */
export interface CloudAccount extends AsyncDisposable {
  readonly stacks: Stacks;
  readonly machines: Machines;
  readonly storage: Storage;
  readonly secrets: Secrets;
  readonly queues: QueueInspection;
  readonly quotas: Quotas;
  whoAmI(): Promise<Caller>;
}

export interface Caller {
  readonly accountId: string;
  readonly arn: string;
  readonly region: string;
  /** How far this machine's clock is ahead of AWS's, seconds. */
  readonly clockSkewSeconds: number;
}

/** Name and value as in the template. Undefined value: as it was, or the default. */
export type StackParameters = Readonly<Record<string, string>>;

export interface Stack {
  readonly id: string;
  readonly name: string;
  /** CloudFormation's word, such as `UPDATE_COMPLETE`. */
  readonly status: string;
  readonly statusReason: string | undefined;
  readonly parameters: StackParameters;
  /** Of parameters that name an entry of Parameter Store: what it was resolved to. */
  readonly resolved: StackParameters;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ResourceChange {
  readonly action: 'Add' | 'Modify' | 'Remove' | 'Import' | 'Dynamic';
  readonly resource: string;
  readonly type: string;
  /** A new one takes its place. */
  readonly isReplaced: boolean;
}

/** A change that was worked out but not carried out. */
export interface StackPlan {
  readonly id: string;
  readonly stack: string;
  /** Whether the stack is yet to be created. */
  readonly isNew: boolean;
  readonly changes: readonly ResourceChange[];
}

export interface StackEvent {
  readonly id: string;
  readonly at: Date;
  readonly resource: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string | undefined;
}

export interface PlanRequest {
  readonly stack: string;
  readonly template: string;
  /** Those left out keep their value, or take the template's default. */
  readonly parameters: StackParameters;
}

export interface Stacks {
  describe(name: string): Promise<Stack | undefined>;
  /** Works out what would change; changes nothing. Buckets that an earlier stack left are taken up. */
  plan(request: PlanRequest): Promise<StackPlan>;
  /** Forgets a plan, and the empty stack that it was made for. */
  discard(plan: StackPlan): Promise<void>;
  /** Begins to carry a plan out; `describe` and `events` tell how it goes. */
  carryOut(plan: StackPlan): Promise<void>;
  /** All events of the stack, which may be gone already, oldest first. */
  events(stackId: string): Promise<StackEvent[]>;
  /** Begins to delete it. */
  remove(name: string): Promise<void>;
}

export interface Network {
  readonly vpcId: string;
  /** One a zone. */
  readonly subnets: readonly { readonly id: string; readonly zone: string }[];
}

export interface CloudInstance {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly type: string;
  readonly isSpot: boolean;
  readonly launchedAt: Date;
  readonly image: string;
  readonly publicAddress: string | undefined;
}

export interface MachineImage {
  readonly id: string;
  readonly name: string;
  readonly state: 'pending' | 'available' | 'failed';
  readonly createdAt: Date;
  readonly snapshots: readonly string[];
}

export interface LaunchBuilder {
  readonly fleet: string;
  readonly image: string;
  readonly type: string;
  readonly subnet: string;
  readonly securityGroup: string;
  readonly profileArn: string;
  readonly userData: string;
}

export interface WorkerTemplate {
  readonly id: string;
  readonly latestVersion: number;
  readonly image: string;
  /** Undefined: it leaves the type to who launches. */
  readonly instanceType: string | undefined;
}

export interface Machines {
  /** The default network; undefined when the account has none in the region. */
  defaultNetwork(): Promise<Network | undefined>;
  /** All that carry the fleet's tag and are not terminated, those of the web tier too. */
  instances(fleet: string): Promise<CloudInstance[]>;
  /** Those of the types that the region offers. */
  offered(types: readonly string[]): Promise<string[]>;
  launchTemplate(name: string): Promise<WorkerTemplate | undefined>;
  /** Only instances with the fleet's tag are ended. */
  terminate(fleet: string, ids: readonly string[]): Promise<void>;
  /** A machine that stops when it powers itself off, to make an image of. */
  launchBuilder(builder: LaunchBuilder): Promise<string>;
  createImage(request: { fleet: string; instance: string; name: string }): Promise<string>;
  images(fleet: string): Promise<MachineImage[]>;
  /** The image and its snapshots. */
  removeImage(image: MachineImage): Promise<void>;
  /** Of one instance of the type; undefined for a type that nobody knows. */
  vcpus(type: string): Promise<number | undefined>;
  /** Whether this identity could launch (a dry run of EC2's). Rejects with `permission-denied` when it may not. */
  tryLaunch(template: string): Promise<void>;
}

export type BucketState = 'ours' | 'missing' | 'foreign';

export interface Storage {
  /** `foreign`: it belongs to another account, or may not be looked at. */
  state(bucket: string): Promise<BucketState>;
  has(bucket: string, key: string): Promise<boolean>;
  put(bucket: string, key: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when there is no such object. */
  read(bucket: string, key: string): Promise<string | undefined>;
  remove(bucket: string, key: string): Promise<void>;
  /** Whether a conditional write is refused when its condition does not hold; some compatible services ignore it. */
  honoursConditions(bucket: string): Promise<boolean>;
  /** Every version of every object, then the bucket. `onProgress`: how many are gone. */
  removeBucket(bucket: string, onProgress?: (objects: number) => void): Promise<void>;
}

export interface Secrets {
  has(name: string): Promise<boolean>;
  read(name: string): Promise<string | undefined>;
  write(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface QueueFacts {
  readonly visible: number;
  readonly inFlight: number;
  readonly maxMessageBytes: number;
  /** Name of the queue behind it. */
  readonly deadLetterQueue: string | undefined;
}

export interface QueueInspection {
  look(queue: string): Promise<QueueFacts | undefined>;
  names(prefix: string): Promise<string[]>;
  remove(queue: string): Promise<void>;
}

export type Market = 'on-demand' | 'spot';

export interface VcpuQuota {
  /** As Service Quotas calls it. */
  readonly code: string;
  /** vCPUs that may run at once. */
  readonly value: number;
}

export interface Quotas {
  /** For instances of standard types; undefined when nobody knows. */
  vcpus(market: Market): Promise<VcpuQuota | undefined>;
}
