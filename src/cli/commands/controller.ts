import type { Command } from 'commander';
import { connect, createFleet, loggerFor } from '../../compose.ts';
import { childEnvironment } from '../../config.ts';
import type { Deployment } from '../../deployment.ts';
import type { Fleet } from '../../ports/fleet.ts';
import { startController } from '../../scaling/controller.ts';
import { endFleet } from '../../scaling/end-fleet.ts';
import type { ChildLink, StopReason } from '../../supervisor/child-link.ts';
import { serveMetrics } from '../../telemetry/serve-metrics.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, typedFlags, type Verb, withSettings } from '../command.ts';
import { aborted, runTier } from '../tier.ts';

/** Longer than an instance's grace time, shorter than the supervisor's patience with the controller. */
const END_FLEET_MS = 15_000;

const verb: Verb = {
  define(command) {
    withSettings(command, [
      ...DEPLOYMENT_SETTINGS,
      'fleet',
      'minWorkers',
      'maxWorkers',
      'concurrency',
      'idleSeconds',
      'targetSeconds',
      'bootSeconds',
      'warmPool',
      'maxInstanceSecondsPerHour',
      'maxInstanceSecondsPerDay',
      'visibilityTimeoutSeconds',
      'retentionDays',
      'metricsPort',
      'metricsHost',
      'metricsToken',
      'logLevel',
      'logFormat',
    ]).action((_options, self: Command) => {
      const loaded = configOf(self);
      return runTier(loggerFor(loaded, 'controller'), async (link) => {
        await using deployment = await connect(loaded, { component: 'controller', waitSeconds: 10 });
        const fleet = await createFleet(deployment, childEnvironment(typedFlags(self)));
        await runUntilStopped(deployment, fleet, link);
        if ((link.stop.reason as StopReason | undefined) !== 'parent-stops') return;
        // The broker goes next: whoever still works must be done with it.
        const areGone = await endFleet(fleet, deployment.clock, { timeoutMs: END_FLEET_MS });
        if (!areGone) deployment.logger.warn('some workers are still busy; they end without the broker');
      });
    });
    examples(command, [
      [
        'facefleet controller',
        'start and end workers as the queue asks for; a broker must serve the data folder',
      ],
    ]);
  },
};
export default verb;

async function runUntilStopped(deployment: Deployment, fleet: Fleet, link: ChildLink): Promise<void> {
  await using _metrics = await serveMetrics(deployment, 'controller');
  await using _controller = await startController({ deployment, fleet });
  link.ready({ pid: process.pid });
  await aborted(link.stop, deployment.lost);
}
