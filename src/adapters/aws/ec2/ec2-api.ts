import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  DescribeInstancesCommand,
  EC2Client,
  type Filter,
  type Instance,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CapacityUnavailableError,
  type ErrorContext,
  FacefleetError,
  NotFoundError,
  UnavailableError,
} from '../../../errors.ts';
import { callAws } from '../calling.ts';
import { type AwsSettings, clientOptions, endpointOf } from '../client-options.ts';
import type { AwsCall } from '../errors.ts';
import { requestHandler } from '../request-handler.ts';
import type { SdkFacts } from '../sdk-facts.ts';

/** EC2 may think about a launch for some seconds. */
const SILENCE_MS = 20_000;
const MAX_SOCKETS = 20;
const MOST_PER_PAGE = 1000;

export interface Ec2ApiOptions {
  readonly settings: AwsSettings;
  /** Instances in one answer; a test may say otherwise. */
  readonly pageSize?: number;
}

/** The calls that the fleet makes of EC2: repeated while that may help, their errors in our words. */
export class Ec2Api implements AsyncDisposable {
  readonly #client: EC2Client;
  readonly #settings: AwsSettings;
  readonly #pageSize: number;

  constructor({ settings, pageSize = MOST_PER_PAGE }: Ec2ApiOptions) {
    this.#settings = settings;
    this.#pageSize = pageSize;
    this.#client = new EC2Client({
      ...clientOptions(settings, 'ec2'),
      // `callAws` repeats, with full jitter.
      maxAttempts: 1,
      requestHandler: requestHandler({ maxSockets: MAX_SOCKETS, silenceMs: SILENCE_MS }),
    });
  }

  createFleet(input: CreateFleetCommandInput, context: ErrorContext): Promise<CreateFleetCommandOutput> {
    return this.#call('CreateFleet', context, () => this.#client.send(new CreateFleetCommand(input)));
  }

  /** All pages. */
  async describe(filters: readonly Filter[], context: ErrorContext): Promise<Instance[]> {
    const instances: Instance[] = [];
    let next: string | undefined;
    do {
      const ask = new DescribeInstancesCommand({
        Filters: [...filters],
        MaxResults: this.#pageSize,
        NextToken: next,
      });
      const { Reservations = [], NextToken } = await this.#call('DescribeInstances', context, () =>
        this.#client.send(ask),
      );
      for (const { Instances = [] } of Reservations) instances.push(...Instances);
      next = NextToken;
    } while (next !== undefined && next !== '');
    return instances;
  }

  async start(id: string): Promise<void> {
    await this.#call('StartInstances', { instance: id }, () =>
      this.#client.send(new StartInstancesCommand({ InstanceIds: [id] })),
    );
  }

  async stop(id: string): Promise<void> {
    await this.#call('StopInstances', { instance: id }, () =>
      this.#client.send(new StopInstancesCommand({ InstanceIds: [id] })),
    );
  }

  async terminate(id: string): Promise<void> {
    await this.#call('TerminateInstances', { instance: id }, () =>
      this.#client.send(new TerminateInstancesCommand({ InstanceIds: [id] })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }

  #call<T>(action: string, context: ErrorContext, attempt: () => Promise<T>): Promise<T> {
    const call: AwsCall = {
      action: `ec2:${action}`,
      context,
      endpoint: endpointOf(this.#settings, 'ec2'),
      region: this.#settings.region,
      special: specialErrors(context),
    };
    return callAws(call, attempt);
  }
}

/** What EC2's own codes mean to a fleet. Some say 500, which must not be taken for a failure that a repeat would cure. */
function specialErrors(context: ErrorContext): NonNullable<AwsCall['special']> {
  const say =
    (make: (message: string, options: { context: ErrorContext; cause: unknown }) => FacefleetError) =>
    ({ message, error }: SdkFacts) =>
      make(message, { context, cause: error });
  const noCapacity = say((message, options) => new CapacityUnavailableError(message, options));
  const conflict = say((message, options) => new FacefleetError('conflict', message, options));
  const notFound = say((message, options) => new NotFoundError(message, options));
  const noTemplate = say(
    (message, options) =>
      new FacefleetError('config-invalid', `${message} \`facefleet aws up\` makes it.`, options),
  );
  return {
    InsufficientInstanceCapacity: noCapacity,
    InsufficientHostCapacity: noCapacity,
    InsufficientCapacity: noCapacity,
    InstanceLimitExceeded: noCapacity,
    VcpuLimitExceeded: noCapacity,
    MaxSpotInstanceCountExceeded: noCapacity,
    SpotMaxPriceTooLow: noCapacity,
    UnfulfillableCapacity: noCapacity,
    IdempotentParameterMismatch: conflict,
    UnsupportedOperation: conflict,
    IncorrectInstanceState: conflict,
    'InvalidInstanceID.NotFound': notFound,
    'InvalidInstanceID.Malformed': notFound,
    'InvalidLaunchTemplateName.NotFoundException': noTemplate,
    'InvalidLaunchTemplateId.NotFound': noTemplate,
    // Another call has the same resource in hand.
    ConcurrentTagAccess: say((message, options) => new UnavailableError(message, options)),
  };
}
