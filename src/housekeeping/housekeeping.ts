import { BatchRunner } from '../batches/batch-runner.ts';
import type { Deployment } from '../deployment.ts';
import { errorMessage } from '../errors.ts';
import { GalleriesHousekeeping } from '../gallery/housekeeping.ts';
import { BATCHES, WEBHOOKS } from '../jobs/chores.ts';
import { ensureJobQueues } from '../jobs/queues.ts';
import { collectStaleResponseQueues } from '../jobs/response-queue.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import { Destinations } from '../webhooks/destinations.ts';
import { WebhookDeliverer } from '../webhooks/webhook-deliverer.ts';
import { AgeSweep, ageRules } from './age-sweep.ts';
import { Bell } from './bell.ts';
import { DeadLetterCollector } from './dead-letter-collector.ts';
import { LostJobSweep } from './lost-job-sweep.ts';
import { QueueKeeper } from './queue-keeper.ts';

/** One chore: `run` does a bounded amount of it and resolves to how many things it changed. */
export interface Chore {
  readonly name: string;
  readonly everySeconds: number;
  /** After a run: seconds until it is worth the next, unless somebody calls. At least and by default `everySeconds`. */
  restSeconds?(): number;
  run(signal: AbortSignal): Promise<number>;
}

/** One that fails rests twice as long each time, up to this: calls that are refused are paid for too. */
const MOST_BACKOFF_SECONDS = 300;

/** Does every chore now and then, until the signal aborts, and at once when the bell is rung for it. */
export async function keepHouse(
  chores: readonly Chore[],
  parts: { clock: Clock; logger: Logger; bell?: Bell },
  signal: AbortSignal,
): Promise<void> {
  const { bell = new Bell(parts.clock, chores) } = parts;
  await Promise.all(chores.map((chore) => repeat(chore, { ...parts, bell }, signal)));
}

async function repeat(
  chore: Chore,
  { clock, logger, bell }: { clock: Clock; logger: Logger; bell: Bell },
  signal: AbortSignal,
): Promise<void> {
  const { name, everySeconds } = chore;
  let restSeconds = everySeconds;
  for (let failures = 0; ; ) {
    await clock.sleep(everySeconds * 1000, signal);
    if (restSeconds > everySeconds) await bell.wait(name, restSeconds - everySeconds, signal);
    if (signal.aborted) return;
    try {
      const changed = await chore.run(signal);
      if (changed > 0) logger.info({ chore: name, changed }, 'housekeeping');
      failures = 0;
      restSeconds = chore.restSeconds?.() ?? everySeconds;
    } catch (error) {
      failures++;
      restSeconds = Math.min(MOST_BACKOFF_SECONDS, everySeconds * 2 ** (failures - 1));
      const facts = { chore: name, error: errorMessage(error), againInSeconds: restSeconds };
      logger.warn(facts, 'housekeeping failed; trying again later');
    }
  }
}

/** What the leading controller does beside scaling. */
export async function choresOf(deployment: Deployment): Promise<Chore[]> {
  const { state, clock, logger, queues, loaded } = deployment;
  const { prefix, retentionDays } = loaded.config;
  const { requests, deadLetters } = await ensureJobQueues(queues, loaded.config);
  const keeper = new QueueKeeper({ queues, requests, deadLetters, settings: loaded.config, logger });
  const lostJobs = new LostJobSweep({ ...deployment, requests });
  const collector = new DeadLetterCollector({ ...deployment, prefix, deadLetters });
  const galleries = new GalleriesHousekeeping({ buckets: deployment, clock, logger });
  const batches = new BatchRunner({ ...deployment, requests, dialect: loaded.config.dialect });
  const destinations = new Destinations(loaded.config.webhookAllowedHosts);
  const webhooks = new WebhookDeliverer({ ...deployment, destinations });
  const ages = new AgeSweep(ageRules(deployment, retentionDays), clock);
  return [
    { name: 'queues', everySeconds: 30, run: () => keeper.run() },
    { name: 'dead letters', everySeconds: 10, run: (signal) => collector.run(signal) },
    {
      name: BATCHES,
      everySeconds: 1,
      restSeconds: () => batches.restSeconds,
      run: (signal) => batches.run(signal),
    },
    {
      name: WEBHOOKS,
      everySeconds: 2,
      restSeconds: () => webhooks.restSeconds,
      // It tells itself what went wrong, and metrics count the rest.
      run: async (signal) => {
        await webhooks.run(signal);
        return 0;
      },
    },
    { name: 'lost jobs', everySeconds: 60, run: (signal) => lostJobs.run(signal) },
    { name: 'old objects', everySeconds: 600, run: (signal) => ages.run(signal) },
    {
      name: 'orphaned response queues',
      everySeconds: 600,
      run: async () => (await collectStaleResponseQueues({ state, queues, clock })).length,
    },
    {
      name: 'galleries',
      everySeconds: 60,
      // It tells itself what it did.
      run: async () => {
        await galleries.run();
        return 0;
      },
    },
  ];
}
