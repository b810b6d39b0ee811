import type { Instance as Ec2Instance, InstanceStateName, StateReason } from '@aws-sdk/client-ec2';
import type { Instance, InstanceState } from '../../../ports/fleet.ts';
import { FLEET_TAG, GENERATION_TAG, SLOT_TAG, TOKEN_TAG } from './fleet-tags.ts';

/** An instance of the fleet with what only EC2's side needs to know. */
export interface SeenInstance {
  readonly instance: Instance;
  /** Of the launch, as EC2 was given it. */
  readonly clientToken: string | undefined;
}

const STATES: Readonly<Record<InstanceStateName, InstanceState>> = {
  pending: 'pending',
  running: 'running',
  stopping: 'stopping',
  // On its way out either way; which, the reason tells.
  'shutting-down': 'stopping',
  stopped: 'stopped',
  terminated: 'terminated',
};

/** Undefined for an instance that is not of this fleet, or whose tags somebody has spoiled: it is left alone. */
export function seenInstance(fleet: string, seen: Ec2Instance): SeenInstance | undefined {
  const tags = new Map(seen.Tags?.map(({ Key, Value }) => [Key, Value]));
  const slot = placeOf(tags.get(SLOT_TAG));
  const generation = placeOf(tags.get(GENERATION_TAG));
  const { InstanceId: id, State: state, LaunchTime: launchedAt } = seen;
  if (tags.get(FLEET_TAG) !== fleet || slot === undefined || generation === undefined) return undefined;
  if (id === undefined || state?.Name === undefined || launchedAt === undefined) return undefined;
  const market = seen.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand';
  const instance: Instance = {
    id,
    slot,
    generation,
    state: STATES[state.Name],
    launchedAt,
    canStop: market !== 'spot',
    offering: `${seen.InstanceType} ${seen.Placement?.AvailabilityZone} ${market}`,
    ...endOf(seen.StateReason),
  };
  return { instance, clientToken: tags.get(TOKEN_TAG) };
}

/** Who ended it: the machine itself, or EC2 and whoever called it. */
function endOf(reason: StateReason | undefined): Pick<Instance, 'stateReason' | 'endedBy'> {
  const code = reason?.Code;
  if (code === undefined || code === '') return {};
  const isOwnDoing = code.startsWith('Client.') && code !== 'Client.UserInitiatedShutdown';
  return { stateReason: reason?.Message ?? code, endedBy: isOwnDoing ? 'itself' : 'others' };
}

function placeOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
