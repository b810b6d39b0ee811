import type { Command } from 'commander';
import { connect, createFleet, createMachine, loggerFor } from '../../compose.ts';
import { childEnvironment, fleetKind } from '../../config.ts';
import type { Deployment } from '../../deployment.ts';
import { type ControllerOptions, startController } from '../../scaling/controller.ts';
import { type ControllerPlace, controllerPlace } from '../../scaling/controller-place.ts';
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
      'sloSeconds',
      'scalingPreset',
      'billingMinimumSeconds',
      'controllerHost',
      'controllerPort',
      'controllerAddress',
      'launchTemplate',
      'instanceTypes',
      'subnets',
      'market',
      'warmPool',
      'bootSeconds',
      'maxInstanceSecondsPerHour',
      'maxInstanceSecondsPerDay',
      'visibilityTimeoutSeconds',
      'retentionDays',
      'metricsPort',
      'metricsHost',
      'metricsToken',
      'webhookAllowedHosts',
      'logLevel',
      'logFormat',
    ]).action((_options, self: Command) => {
      const loaded = configOf(self);
      return runTier(loggerFor(loaded, 'controller'), async (link) => {
        await using deployment = await connect(loaded, { component: 'controller', waitSeconds: 10 });
        const fleet = await createFleet(deployment, childEnvironment(typedFlags(self)));
        const place = await placeOf(deployment);
        await runUntilStopped({ deployment, fleet, place }, link);
        const isEnding = (link.stop.reason as StopReason | undefined) === 'parent-stops';
        // Machines of their own outlive a controller, as they should.
        if (!isEnding || fleetKind(loaded.config) === 'ec2') return;
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

/** Where workers will find it. */
async function placeOf({ loaded, logger }: Deployment): Promise<ControllerPlace> {
  const { config, sources } = loaded;
  const areWorkersElsewhere = fleetKind(config) === 'ec2';
  const machine = await createMachine(loaded, logger);
  return controllerPlace({
    settings: config,
    isHostDefault: sources.controllerHost === 'default',
    areWorkersElsewhere,
    machineAddress: areWorkersElsewhere ? await machine.privateAddress() : undefined,
  });
}

async function runUntilStopped(options: ControllerOptions, link: ChildLink): Promise<void> {
  await using _metrics = await serveMetrics(options.deployment, 'controller');
  await using _controller = await startController(options);
  link.ready({ pid: process.pid });
  await aborted(link.stop, options.deployment.lost);
}
