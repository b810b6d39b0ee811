import { Ec2Error } from './ec2-error.ts';
import type { Offering, Subnet } from './region.ts';

export type StateName = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

export const STATE_CODES: Readonly<Record<StateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export interface StateReason {
  readonly code: string;
  readonly message: string;
}

const REASONS: Readonly<Record<string, string>> = {
  'Client.UserInitiatedShutdown': 'User initiated shutdown',
  'Client.InstanceInitiatedShutdown': 'Instance initiated shutdown',
  'Server.SpotInstanceTermination': 'Spot instance termination',
  'Server.InternalError': 'Internal error on launch',
};

export function stateReason(code: string): StateReason {
  return { code, message: `${code}: ${REASONS[code] ?? 'for a reason of its own'}` };
}

/** All that a launch asks for, of the call and its launch template together. */
export interface LaunchSpecification {
  readonly imageId: string;
  readonly offering: Offering;
  readonly subnet: Subnet;
  readonly userData: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly clientToken: string;
  readonly onShutdown: 'stop' | 'terminate';
  readonly areTokensRequired: boolean;
  readonly areTagsInMetadata: boolean;
  readonly securityGroupIds: readonly string[];
  readonly profile: string | undefined;
}

interface Moment {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly state: StateName;
  readonly reason: StateReason | undefined;
}

/** One instance's record: what it is, and what it has been since when. */
export class FakeInstance {
  readonly id: string;
  readonly reservationId: string;
  readonly specification: LaunchSpecification;
  readonly launchTime: Date;
  readonly privateIp: string;
  readonly tags: Map<string, string>;
  readonly #history: Moment[];

  constructor(
    ids: { id: string; reservationId: string; privateIp: string },
    specification: LaunchSpecification,
    { at, launchTime }: { at: number; launchTime: Date },
  ) {
    this.id = ids.id;
    this.reservationId = ids.reservationId;
    this.privateIp = ids.privateIp;
    this.specification = specification;
    this.launchTime = launchTime;
    this.tags = new Map(specification.tags);
    this.#history = [{ at, state: 'pending', reason: undefined }];
  }

  get state(): StateName {
    return this.#history.at(-1)!.state;
  }

  get isSpot(): boolean {
    return this.specification.offering.market === 'spot';
  }

  /** What somebody sees who looks through a mirror that shows the past; undefined before the launch shows. */
  momentAt(at: number): Moment | undefined {
    return this.#history.findLast((moment) => moment.at <= at);
  }

  enter(state: StateName, at: number, reason?: StateReason): void {
    this.#history.push({ at, state, reason });
  }

  /** @throws Ec2Error */
  checkStoppable(): void {
    if (this.isSpot) {
      throw new Ec2Error(
        'UnsupportedOperation',
        `You can't stop the Spot Instance '${this.id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.`,
      );
    }
    if (['running', 'stopping', 'stopped'].includes(this.state)) return;
    throw new Ec2Error(
      'IncorrectInstanceState',
      `This instance '${this.id}' is not in a state from which it can be stopped.`,
    );
  }

  /** @throws Ec2Error */
  checkStartable(): void {
    if (['stopped', 'running', 'pending'].includes(this.state)) return;
    throw new Ec2Error(
      'IncorrectInstanceState',
      `The instance '${this.id}' is not in a state from which it can be started.`,
    );
  }
}
