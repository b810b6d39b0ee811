import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { hostBroker, loggerFor } from '../../compose.ts';
import type { StopReason } from '../../supervisor/child-link.ts';
import { watchQueues } from '../../telemetry/queue-metrics.ts';
import { serveMetrics } from '../../telemetry/serve-metrics.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { configOfService, examples, type Verb, withSettings } from '../command.ts';
import { aborted, runTier } from '../tier.ts';

/** The broker of a supervisor that was killed goes within this. */
const WAIT_FOR_OLD_BROKER_SECONDS = 5;
/** When the supervisor died, web tier and controller end first, so that they can still put things in order. */
const LAST_TO_GO_MS = 2000;

const verb: Verb = {
  define(command) {
    withSettings(command, [
      'dataDir',
      'metricsPort',
      'metricsHost',
      'metricsToken',
      'logLevel',
      'logFormat',
    ]).action((_options, self: Command) => {
      const loaded = configOfService(self);
      return runTier(loggerFor(loaded, 'broker'), async (link) => {
        await using broker = await hostBroker(loaded, { waitSeconds: WAIT_FOR_OLD_BROKER_SECONDS });
        const logger = loggerFor(loaded, 'broker');
        const telemetry = new Telemetry({ tier: 'broker' });
        watchQueues(telemetry.metrics, () => broker.depths());
        await using _metrics = await serveMetrics({ loaded, logger, telemetry }, 'broker');
        link.ready({ pid: process.pid });
        await aborted(link.stop);
        if ((link.stop.reason as StopReason) === 'parent-died') await sleep(LAST_TO_GO_MS);
      });
    });
    examples(command, [['facefleet broker', 'serve the queues of ./.facefleet to the other tiers']]);
  },
};
export default verb;
