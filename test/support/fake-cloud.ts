import type {
  BucketState,
  Caller,
  CloudAccount,
  CloudInstance,
  LaunchBuilder,
  MachineImage,
  Market,
  PlanRequest,
  QueueFacts,
  Stack,
  StackEvent,
  StackPlan,
} from '../../src/cloud/account.ts';
import { parametersOfTemplate } from '../../src/cloud/stack-parameters.ts';
import { FacefleetError, NotFoundError } from '../../src/errors.ts';
import { bucketNames, queueNames } from '../../src/jobs/keys.ts';

interface FakeStack {
  id: string;
  name: string;
  status: string;
  statusReason: string | undefined;
  parameters: Record<string, string>;
  template: string;
  /** Looks until what was begun is over. */
  busyFor: number;
  next: (() => void) | undefined;
  readonly events: StackEvent[];
}

/**
 * An account in memory, with as much of CloudFormation as the verbs lean on: plans that must be carried out or discarded,
 * changes that take several looks, creations that fail and leave a stack that can only be deleted, buckets that stay.
 */
export class FakeCloud implements CloudAccount {
  readonly #stacks = new Map<string, FakeStack>();
  readonly #gone = new Map<string, FakeStack>();
  readonly #plans = new Map<string, PlanRequest>();
  readonly buckets = new Map<string, Map<string, Uint8Array>>();
  /** Names that somebody else has. */
  readonly foreignBuckets = new Set<string>();
  readonly queueFacts = new Map<string, QueueFacts>();
  readonly parameters = new Map<string, string>();
  readonly fleet: { instance: CloudInstance; fleet: string }[] = [];
  readonly bakedImages: MachineImage[] = [];
  /** What changed something, in order. */
  readonly calls: string[] = [];
  /** The next change of the stack fails with this. */
  failNext: { resource: string; reason: string } | undefined;
  hasDefaultNetwork = true;
  /** What a builder will have reported by the time it stops. */
  builderReport: string | undefined = 'ok\n';
  #count = 0;

  get openPlans(): number {
    return this.#plans.size;
  }

  /** Who calls; an error instead is what STS says. */
  caller: Caller | FacefleetError = {
    accountId: '123456789012',
    arn: 'arn:aws:iam::123456789012:user/ada',
    region: 'us-east-1',
    clockSkewSeconds: 0,
  };
  honoursConditions = true;
  /** What a dry run of a launch says. */
  launchRefusal: FacefleetError | undefined;

  async whoAmI(): Promise<Caller> {
    if (this.caller instanceof FacefleetError) throw this.caller;
    return this.caller;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  readonly stacks = {
    describe: async (name: string): Promise<Stack | undefined> => {
      const stack =
        this.#stacks.get(name) ??
        [...this.#stacks.values(), ...this.#gone.values()].find(({ id }) => id === name);
      if (stack === undefined) return undefined;
      if (stack.next !== undefined && --stack.busyFor < 0) {
        stack.next();
        stack.next = undefined;
      }
      const outputs = {
        WorkerSecurityGroupId: 'sg-1',
        WorkerProfileArn: 'arn:profile',
        ...(stack.parameters.SourceObject ? { Url: 'http://203.0.113.5:3001' } : {}),
      };
      const resolved = { BaseImage: 'ami-base' };
      return { ...stack, parameters: { ...stack.parameters }, resolved, outputs };
    },
    plan: async (request: PlanRequest): Promise<StackPlan> => {
      const id = `plan-${++this.#count}`;
      this.#plans.set(id, request);
      const stack = this.#stacks.get(request.stack);
      if (stack === undefined) {
        this.#stacks.set(request.stack, this.#newStack(request.stack));
        return {
          id,
          stack: request.stack,
          isNew: true,
          changes: [change('Add', 'InBucket', 'AWS::S3::Bucket')],
        };
      }
      const differs = Object.entries(request.parameters).some(
        ([name, value]) => stack.parameters[name] !== value,
      );
      const isNew = stack.status === 'REVIEW_IN_PROGRESS';
      const changes =
        isNew || differs || stack.template !== request.template
          ? [change('Modify', 'WebInstance', 'AWS::EC2::Instance')]
          : [];
      return { id, stack: request.stack, isNew, changes };
    },
    discard: async (plan: StackPlan): Promise<void> => {
      this.#plans.delete(plan.id);
      if (this.#stacks.get(plan.stack)?.status === 'REVIEW_IN_PROGRESS') this.#stacks.delete(plan.stack);
    },
    carryOut: async (plan: StackPlan): Promise<void> => {
      const request = this.#plans.get(plan.id);
      const stack = this.#stacks.get(plan.stack);
      if (request === undefined || stack === undefined)
        throw new NotFoundError(`there is no plan ${plan.id}`);
      this.#plans.delete(plan.id);
      this.calls.push(plan.isNew ? 'create stack' : 'update stack');
      const kind = plan.isNew ? 'CREATE' : 'UPDATE';
      stack.status = `${kind}_IN_PROGRESS`;
      stack.busyFor = 2;
      stack.next = () => this.#finish(stack, request, kind);
    },
    events: async (id: string): Promise<StackEvent[]> =>
      [...this.#stacks.values(), ...this.#gone.values()].find((stack) => stack.id === id || stack.name === id)
        ?.events ?? [],
    remove: async (name: string): Promise<void> => {
      const stack = this.#stacks.get(name);
      if (stack === undefined) return;
      this.calls.push('delete stack');
      stack.status = 'DELETE_IN_PROGRESS';
      stack.busyFor = 1;
      stack.next = () => {
        stack.status = 'DELETE_COMPLETE';
        this.#stacks.delete(name);
        this.#gone.set(stack.id, stack);
        for (const queue of Object.values(queueNames(name))) this.queueFacts.delete(queue);
      };
    },
  };

  readonly machines = {
    defaultNetwork: async () =>
      this.hasDefaultNetwork
        ? {
            vpcId: 'vpc-1',
            subnets: [
              { id: 'subnet-1', zone: 'a' },
              { id: 'subnet-2', zone: 'b' },
            ],
          }
        : undefined,
    instances: async (fleet: string) =>
      this.fleet
        .filter((one) => one.fleet === fleet && one.instance.state !== 'terminated')
        .map(({ instance }) => instance),
    offered: async (types: readonly string[]) => types.filter((type) => !type.startsWith('x')),
    launchTemplate: async (name: string) =>
      [...this.#stacks.keys()].some((fleet) => name.startsWith(fleet))
        ? { id: 'lt-1', latestVersion: 1, image: 'ami-base', instanceType: 'c7i.large' }
        : undefined,
    terminate: async (fleet: string, ids: readonly string[]) => {
      this.calls.push(`terminate ${ids.join(' ')}`);
      for (const one of this.fleet)
        if (one.fleet === fleet && ids.includes(one.instance.id)) this.#set(one.instance.id, 'terminated');
    },
    launchBuilder: async (builder: LaunchBuilder) => {
      const id = this.addInstance(builder.fleet, `${builder.fleet}-builder`, 'stopped');
      this.calls.push(`launch builder on ${builder.image}`);
      const { state } = bucketNames(builder.fleet);
      if (this.builderReport !== undefined)
        this.buckets.get(state)?.set(`releases/bake-${id}`, Buffer.from(this.builderReport));
      return id;
    },
    createImage: async ({ name }: { name: string }) => {
      const id = `ami-${++this.#count}`;
      this.calls.push(`create image ${name}`);
      this.bakedImages.push({
        id,
        name,
        state: 'available',
        createdAt: new Date(this.#count),
        snapshots: [`snap-${this.#count}`],
      });
      return id;
    },
    images: async (_fleet: string) => [...this.bakedImages],
    removeImage: async ({ id }: MachineImage) => {
      this.calls.push(`remove image ${id}`);
      this.bakedImages.splice(
        this.bakedImages.findIndex((image) => image.id === id),
        1,
      );
    },
    vcpus: async (type: string) => (type.startsWith('x') ? undefined : 2),
    tryLaunch: async (_template: string) => {
      if (this.launchRefusal !== undefined) throw this.launchRefusal;
    },
  };

  /** What may run at once, vCPUs; undefined: nobody knows. */
  vcpuQuota: Record<Market, number | undefined> = { 'on-demand': 64, spot: 64 };
  quotaRefusal: Error | undefined;

  readonly quotas = {
    vcpus: async (market: Market) => {
      if (this.quotaRefusal !== undefined) throw this.quotaRefusal;
      const value = this.vcpuQuota[market];
      return value === undefined ? undefined : { code: `L-${market}`, value };
    },
  };

  readonly storage = {
    state: async (bucket: string): Promise<BucketState> =>
      this.foreignBuckets.has(bucket) ? 'foreign' : this.buckets.has(bucket) ? 'ours' : 'missing',
    has: async (bucket: string, key: string) => this.buckets.get(bucket)?.has(key) ?? false,
    put: async (bucket: string, key: string, bytes: Uint8Array) => {
      const objects = this.buckets.get(bucket);
      if (objects === undefined) throw new NotFoundError(`there is no bucket ${bucket}`);
      this.calls.push(`put ${key}`);
      objects.set(key, bytes);
    },
    read: async (bucket: string, key: string) => {
      const bytes = this.buckets.get(bucket)?.get(key);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString();
    },
    remove: async (bucket: string, key: string) => {
      this.buckets.get(bucket)?.delete(key);
    },
    honoursConditions: async (_bucket: string) => this.honoursConditions,
    removeBucket: async (bucket: string) => {
      this.calls.push(`remove bucket ${bucket}`);
      this.buckets.delete(bucket);
    },
  };

  readonly secrets = {
    has: async (name: string) => this.parameters.has(name),
    read: async (name: string) => this.parameters.get(name),
    write: async (name: string, value: string) => {
      this.calls.push(`write ${name}`);
      this.parameters.set(name, value);
    },
    remove: async (name: string) => {
      this.calls.push(`remove ${name}`);
      this.parameters.delete(name);
    },
  };

  readonly queues = {
    look: async (queue: string) => this.queueFacts.get(queue),
    names: async (prefix: string) => [...this.queueFacts.keys()].filter((name) => name.startsWith(prefix)),
    remove: async (queue: string) => {
      this.calls.push(`remove queue ${queue}`);
      this.queueFacts.delete(queue);
    },
  };

  addInstance(fleet: string, name: string, state = 'running'): string {
    const id = `i-${++this.#count}`;
    const instance = {
      id,
      name,
      state,
      type: 't3.small',
      isSpot: false,
      launchedAt: new Date(0),
      image: 'ami-base',
      publicAddress: undefined,
    };
    this.fleet.push({ fleet, instance });
    return id;
  }

  #set(id: string, state: string): void {
    const index = this.fleet.findIndex(({ instance }) => instance.id === id);
    const one = this.fleet[index]!;
    this.fleet[index] = { ...one, instance: { ...one.instance, state } };
  }

  #newStack(name: string): FakeStack {
    const id = `arn:stack/${name}/${++this.#count}`;
    return {
      id,
      name,
      status: 'REVIEW_IN_PROGRESS',
      statusReason: undefined,
      parameters: {},
      template: '',
      busyFor: 0,
      next: undefined,
      events: [],
    };
  }

  #finish(stack: FakeStack, { template, parameters }: PlanRequest, kind: 'CREATE' | 'UPDATE'): void {
    const event = (resource: string, status: string, reason?: string) =>
      stack.events.push({
        id: `event-${++this.#count}`,
        at: new Date(),
        resource,
        type: 'AWS::Some::Thing',
        status,
        reason,
      });
    const taken = Object.values(bucketNames(stack.name)).find((bucket) => this.foreignBuckets.has(bucket));
    const failure =
      this.failNext ??
      (taken === undefined ? undefined : { resource: 'InBucket', reason: `${taken} already exists` });
    if (failure !== undefined) {
      this.failNext = undefined;
      event(failure.resource, `${kind}_FAILED`, failure.reason);
      event('Another', `${kind}_FAILED`, 'Resource creation cancelled');
      stack.status = kind === 'CREATE' ? 'ROLLBACK_COMPLETE' : 'UPDATE_ROLLBACK_COMPLETE';
      return;
    }
    const defaults = [...parametersOfTemplate(template)].flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    stack.parameters = { ...Object.fromEntries(defaults), ...stack.parameters, ...parameters };
    stack.template = template;
    for (const bucket of Object.values(bucketNames(stack.name)))
      if (!this.buckets.has(bucket)) this.buckets.set(bucket, new Map());
    for (const queue of Object.values(queueNames(stack.name))) {
      if (!this.queueFacts.has(queue))
        this.queueFacts.set(queue, {
          visible: 0,
          inFlight: 0,
          maxMessageBytes: 1024,
          deadLetterQueue: undefined,
        });
    }
    if (
      stack.parameters.SourceObject &&
      !this.fleet.some(({ instance }) => instance.name === 'web-instance' && instance.state === 'running')
    ) {
      this.addInstance(stack.name, 'web-instance');
    }
    event('InBucket', `${kind}_COMPLETE`);
    stack.status = `${kind}_COMPLETE`;
  }
}

function change(action: 'Add' | 'Modify', resource: string, type: string) {
  return { action, resource, type, isReplaced: false };
}
