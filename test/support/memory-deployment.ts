import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { loadConfig } from '../../src/config.ts';
import type { Deployment } from '../../src/deployment.ts';
import { bucketNames } from '../../src/jobs/keys.ts';
import { type Logger, silentLogger } from '../../src/logger.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type SpanSink, Telemetry } from '../../src/telemetry/telemetry.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { MemoryQueueService } from './memory-queue.ts';

export interface MemoryDeploymentOptions {
  /** By flag name, as typed; the port is 0 unless given. */
  readonly flags?: Readonly<Record<string, string | boolean>>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly spans?: SpanSink;
  /** Kept from another deployment. */
  readonly state?: MemoryObjectStore;
}

/** A deployment in the memory of one test, its parts open to the test. */
export class MemoryDeployment implements Deployment {
  readonly loaded;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly input: MemoryObjectStore;
  readonly output: MemoryObjectStore;
  readonly state: MemoryObjectStore;
  readonly queues: MemoryQueueService;
  readonly losing = new AbortController();

  constructor({
    flags = {},
    clock = systemClock,
    logger = silentLogger,
    spans,
    state,
  }: MemoryDeploymentOptions = {}) {
    this.loaded = loadConfig({ flags: { port: '0', ...flags }, environment: {}, dotenvFolder: false });
    const names = bucketNames(this.loaded.config.prefix);
    const now = () => clock.now();
    this.clock = clock;
    this.telemetry = new Telemetry({ tier: 'test', spans });
    this.logger = logger;
    this.input = new MemoryObjectStore({ bucket: names.input, now });
    this.output = new MemoryObjectStore({ bucket: names.output, now });
    this.state = state ?? new MemoryObjectStore({ bucket: names.state, now });
    this.queues = new MemoryQueueService({ clock });
  }

  get lost(): AbortSignal {
    return this.losing.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queues[Symbol.asyncDispose]();
  }
}
