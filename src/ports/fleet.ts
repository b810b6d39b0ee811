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
  list(): Promise<Instance[]>;
  launch(request: LaunchRequest): Promise<Instance>;
  /** Starts a stopped instance; on a running one it resolves. Rejects with NotFoundError or `conflict` on one that is gone. */
  start(id: string): Promise<void>;
  /** Stops a running instance so that `start` can bring it back. */
  stop(id: string): Promise<void>;
  terminate(id: string): Promise<void>;
}
