/** As EC2's: a stopped instance costs nothing and may be started again; a terminated one is gone. */
export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'terminated';

export interface Instance {
  readonly id: string;
  /** The numbered place in the fleet it was launched for, from 1. */
  readonly slot: number;
  readonly generation: number;
  readonly state: InstanceState;
  readonly launchedAt: Date;
  /** Why it is in this state, for people, where the fleet knows it: `exit code 1`. */
  readonly stateReason?: string;
  /** How a terminated one came to its end: by itself, or at the hands of others (a kill, a machine reclaimed). Absent where the fleet does not know. */
  readonly endedBy?: 'itself' | 'others';
  /** False: it cannot be stopped, only terminated, as EC2's spot instances. */
  readonly canStop?: boolean;
  /** What was bought, for people, where the fleet has a choice: `c7g.large us-east-1b spot`. */
  readonly offering?: string;
}

export interface LaunchRequest {
  readonly slot: number;
  readonly generation: number;
  /**
   * The same token and request give the same instance, however often and by however many callers it is called, also
   * when that instance has ended since; the token with another request rejects (`conflict`). It may be forgotten some
   * minutes after the instance has ended.
   */
  readonly token: string;
  /** What `Fleet.terms` said when the launch was decided on. Other terms are another request. */
  readonly terms?: string;
}

/**
 * The machines (or processes) of the app tier. Touches only instances it launched for this fleet.
 *
 * `list` may miss an instance launched in the last minute and may show terminated ones for a while; an instance that
 * ended by itself shows as terminated. `terminate` and `stop` return when the order is given, not when it is carried
 * out, and may be repeated; on an instance that is gone they resolve. `terminate` ends the instance within its grace
 * time whatever it does: callers drain first. Failures are CapacityUnavailableError, ThrottledError,
 * UnavailableError, FacefleetError `conflict`.
 */
export interface Fleet {
  readonly name: string;
  /**
   * What a launch decided on now would ask for, where that changes from one launch to the next (which offerings have
   * room, what they cost). The caller writes it down with the launch, so that every repeat asks for the same to the letter.
   */
  terms?(): string;
  list(): Promise<Instance[]>;
  launch(request: LaunchRequest): Promise<Instance>;
  /** Starts a stopped instance; on a running one it resolves. Rejects with NotFoundError or `conflict` on one that is gone. */
  start(id: string): Promise<void>;
  /** Stops a running instance so that `start` can bring it back. Rejects with `conflict` on one that cannot be stopped. */
  stop(id: string): Promise<void>;
  terminate(id: string): Promise<void>;
}
