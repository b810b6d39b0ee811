import { FacefleetError } from '../errors.ts';
import { bucketNames, queueNames } from '../jobs/keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { CloudAccount, CloudInstance, MachineImage } from './account.ts';
import { apiKeysParameter } from './bring-up.ts';
import { isInProgress, untilSettled } from './stack-runner.ts';
import type { Talk } from './talk.ts';

const LOOK_MS = 2000;
const ENDING_MS = 10 * 60_000;

export interface TakeDownRequest {
  readonly account: CloudAccount;
  readonly clock: Clock;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  readonly fleet: string;
  readonly deleteData: boolean;
  readonly isDryRun: boolean;
}

interface Found {
  readonly stackId: string | undefined;
  readonly instances: readonly CloudInstance[];
  readonly images: readonly MachineImage[];
  readonly queues: readonly string[];
  readonly buckets: readonly string[];
  readonly secret: string | undefined;
  readonly waiting: number;
}

/**
 * Removes everything of the fleet from the account; buckets, with everybody's faces, only with `deleteData`. What is gone
 * already is no error, so it can be called again until nothing is left.
 *
 * Resolves to what is left: nothing, or the buckets, or what could not be removed.
 */
export async function takeDown(request: TakeDownRequest): Promise<readonly string[]> {
  const { talk, isDryRun, deleteData } = request;
  const found = await lookAround(request);
  const lines = whatGoes(found, deleteData);
  if (lines.length === 0) {
    talk.say('there is nothing to remove');
    return whatStays(found, deleteData);
  }
  talk.say('this would go:');
  for (const line of lines) talk.say(`  - ${line}`);
  if (isDryRun || !(await talk.confirm('Remove all of this?')))
    return [...lines, ...whatStays(found, deleteData)];
  await removeAll(request, found);
  const left = await lookAround(request);
  return [...whatGoes(left, deleteData), ...whatStays(left, deleteData)];
}

async function removeAll(request: TakeDownRequest, found: Found): Promise<void> {
  const { account, talk, fleet, clock, signal } = request;
  // The controller first: it would launch again what is ended now.
  await endInstances(request, ({ name }) => name === 'web-instance');
  await endInstances(request, () => true);
  if (found.stackId !== undefined) {
    await account.stacks.remove(fleet);
    const onEvent = ({ resource, status }: { resource: string; status: string }) => {
      if (status === 'DELETE_COMPLETE' || status.endsWith('FAILED'))
        talk.say(`  ${status.toLowerCase().replaceAll('_', ' ')}  ${resource}`);
    };
    await untilSettled(found.stackId, { stacks: account.stacks, clock, signal, onEvent });
  }
  for (const queue of await account.queues.names(queueNames(fleet).responses))
    await account.queues.remove(queue);
  for (const image of found.images) await account.machines.removeImage(image);
  if (found.secret !== undefined) await account.secrets.remove(found.secret);
  if (!request.deleteData) return;
  for (const bucket of found.buckets) {
    await account.storage.removeBucket(bucket, (objects) =>
      talk.say(`  ${bucket}: ${objects} objects deleted`),
    );
  }
}

async function endInstances(
  request: TakeDownRequest,
  which: (instance: CloudInstance) => boolean,
): Promise<void> {
  const { account, fleet, clock, talk, signal } = request;
  const deadline = clock.monotonic() + ENDING_MS;
  let told = new Set<string>();
  for (;;) {
    // Looked at anew: the controller may have launched one meanwhile.
    const alive = (await account.machines.instances(fleet)).filter(which);
    if (alive.length === 0) return;
    const fresh = alive
      .filter(({ id, state }) => !told.has(id) && state !== 'shutting-down')
      .map(({ id }) => id);
    if (fresh.length > 0) {
      talk.say(`  ending ${fresh.join(', ')}`);
      await account.machines.terminate(fleet, fresh);
      told = new Set([...told, ...fresh]);
    }
    if (clock.monotonic() > deadline) {
      throw new FacefleetError(
        'timeout',
        `${alive.map(({ id }) => id).join(', ')} did not end within ten minutes; repeat the command`,
      );
    }
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

async function lookAround({ account, fleet }: TakeDownRequest): Promise<Found> {
  const stack = await account.stacks.describe(fleet);
  if (stack !== undefined && isInProgress(stack) && stack.status !== 'REVIEW_IN_PROGRESS') {
    throw new FacefleetError('conflict', `the stack ${fleet} is ${stack.status}; wait until that is over`);
  }
  const { requests, responses } = queueNames(fleet);
  const secret = apiKeysParameter(fleet);
  const names = Object.values(bucketNames(fleet));
  const states = await Promise.all(names.map((bucket) => account.storage.state(bucket)));
  const jobs = stack === undefined ? undefined : await account.queues.look(requests);
  return {
    stackId: stack?.id,
    instances: await account.machines.instances(fleet),
    images: await account.machines.images(fleet),
    queues: stack === undefined ? await account.queues.names(responses) : [],
    buckets: names.filter((_, index) => states[index] === 'ours'),
    secret: (await account.secrets.has(secret)) ? secret : undefined,
    waiting: (jobs?.visible ?? 0) + (jobs?.inFlight ?? 0),
  };
}

function whatGoes(found: Found, deleteData: boolean): string[] {
  const waiting =
    found.waiting > 0 ? `, with ${found.waiting} jobs that wait and would never be answered` : '';
  return [
    ...found.instances.map(({ id, name, type, state }) => `instance ${id}, ${name} (${type}, ${state})`),
    ...(found.stackId === undefined
      ? []
      : [`stack with queues, roles, security groups, launch templates, logs${waiting}`]),
    ...found.queues.map((queue) => `queue ${queue}`),
    ...found.images.map(
      ({ id, name, snapshots }) => `image ${id}, ${name}, and ${snapshots.length} snapshots`,
    ),
    ...(found.secret === undefined ? [] : [`API keys at ${found.secret}`]),
    ...(deleteData
      ? found.buckets.map((bucket) => `bucket ${bucket} and every object and version in it, for good`)
      : []),
  ];
}

function whatStays({ buckets }: Found, deleteData: boolean): string[] {
  return deleteData ? [] : buckets.map((bucket) => `bucket ${bucket} stays (--delete-data removes it)`);
}
