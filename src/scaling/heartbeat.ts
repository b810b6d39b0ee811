/** What a worker tells the controller every two seconds: `POST /heartbeat`, bearer token, JSON. */
export interface Heartbeat {
  readonly instanceId: string;
  readonly slot: number;
  readonly generation: number;
  readonly pid: number;
  /** `drained`: polls nothing, holds nothing, may be terminated. */
  readonly state: 'starting' | 'running' | 'draining' | 'drained';
  /** Jobs being worked on now. */
  readonly busy: number;
  /** Jobs finished since the process started. */
  readonly done: number;
  /** Mean seconds of work per job over the last jobs; 0 before the first. */
  readonly serviceSeconds: number;
  readonly concurrency: number;
  readonly galleryVersion: number;
  readonly residentBytes: number;
  readonly uptimeSeconds: number;
}

export interface HeartbeatReply {
  /** `release`: its drain takes too long; it is to give back what it has in hand, and end. */
  readonly order: 'run' | 'drain' | 'release';
  /** The newest gallery version the controller knows of. */
  readonly galleryVersion: number;
  /** The leader's epoch. */
  readonly epoch: number;
}

/** What a controller tells of itself and of those who report to it: `POST /status`, bearer token. */
export interface ControllerStatus {
  readonly isLeading: boolean;
  /** The last heartbeats of all who live. */
  readonly workers: readonly Heartbeat[];
  readonly galleryVersion: number;
  /** What the fleet has cost since this controller leads: seconds that instances were there, added up. */
  readonly instanceSeconds: number;
}

/** `controller/leader.json` of the state bucket: where workers find the controller. */
export interface LeaderRecord {
  readonly version: number;
  /** `http://host:port`. */
  readonly address: string;
  readonly epoch: number;
  readonly token: string;
  readonly controllerId: string;
  /** Milliseconds since the epoch; the lease is gone after this. */
  readonly leaseUntil: number;
}
