import { errorMessage } from '../errors.ts';
import { bucketNames, queueNames } from '../jobs/keys.ts';
import type { FleetReport } from '../scaling/fleet-report.ts';
import type { BucketState, Caller, CloudAccount, CloudInstance, QueueFacts, Stack } from './account.ts';

/** The whole system at one moment. */
export interface Overview {
  readonly caller: Caller;
  readonly stack: Stack | undefined;
  readonly instances: readonly CloudInstance[];
  readonly queues: Readonly<Record<'requests' | 'responses' | 'deadLetters', QueueFacts | undefined>>;
  readonly buckets: Readonly<Record<string, BucketState>>;
  readonly image: string | undefined;
  /** What the controller says; or why it cannot be known. */
  readonly fleet: FleetReport | { readonly unknown: string } | undefined;
}

export interface OverviewRequest {
  readonly account: CloudAccount;
  readonly fleet: string;
  /** Reads the controller's state. */
  readonly readFleet: () => Promise<FleetReport>;
}

/** Looks at all parts at once; a part that is missing is undefined, one that cannot be read says so. */
export async function lookAtSystem({ account, fleet, readFleet }: OverviewRequest): Promise<Overview> {
  const caller = await account.whoAmI();
  const names = queueNames(fleet);
  const buckets = Object.values(bucketNames(fleet));
  const [stack, instances, requests, responses, deadLetters, images, ...states] = await Promise.all([
    account.stacks.describe(fleet),
    account.machines.instances(fleet),
    account.queues.look(names.requests),
    account.queues.look(names.responses),
    account.queues.look(names.deadLetters),
    account.machines.images(fleet),
    ...buckets.map((bucket) => account.storage.state(bucket)),
  ]);
  const current = images.find(({ id }) => id === stack?.parameters.WorkerImage);
  return {
    caller,
    stack,
    instances,
    queues: { requests, responses, deadLetters },
    buckets: Object.fromEntries(buckets.map((bucket, index) => [bucket, states[index] ?? 'missing'])),
    image: current?.name,
    fleet:
      stack === undefined
        ? undefined
        : await readFleet().catch((error: unknown) => ({ unknown: errorMessage(error) })),
  };
}
