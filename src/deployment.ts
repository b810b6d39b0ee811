import type { LoadedConfig } from './config.ts';
import type { Logger } from './logger.ts';
import type { Clock } from './ports/clock.ts';
import type { ObjectStore } from './ports/object-store.ts';
import type { QueueService } from './ports/queue.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/** What every tier is handed: the ports of one deployment, whichever adapters stand behind them. `compose.ts` makes it. */
export interface Deployment extends AsyncDisposable {
  readonly loaded: LoadedConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What this process measures of itself. */
  readonly telemetry: Telemetry;
  /** Pictures. */
  readonly input: ObjectStore;
  /** Results. */
  readonly output: ObjectStore;
  /** Gallery, records, controller state. */
  readonly state: ObjectStore;
  readonly queues: QueueService;
  /** Aborts when what it stands on is gone for good (locally: the broker, for five seconds of running time); the process should end. */
  readonly lost: AbortSignal;
}

/** A deployment before anybody measures it. */
export type Ports = Omit<Deployment, 'telemetry'>;
