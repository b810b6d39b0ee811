export interface ConnectOptions {
  /** For log lines: which tier this is. */
  readonly component: string;
  /** How long to wait for what must answer first (locally: the broker), seconds. */
  readonly waitSeconds?: number;
}
