import type { Command } from 'commander';
import { connect, createFleet, loggerFor } from '../../compose.ts';
import { childEnvironment } from '../../config.ts';
import { startController } from '../../scaling/controller.ts';
import { configOf, examples, typedFlags, type Verb, withSettings } from '../command.ts';
import { aborted, runTier } from '../tier.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, [
      'dataDir',
      'prefix',
      'minWorkers',
      'maxWorkers',
      'concurrency',
      'idleSeconds',
      'targetSeconds',
      'bootSeconds',
      'visibilityTimeoutSeconds',
      'retentionDays',
      'logLevel',
      'logFormat',
    ]).action((_options, self: Command) => {
      const loaded = configOf(self);
      return runTier(loggerFor(loaded, 'controller'), async (link) => {
        await using deployment = await connect(loaded, { component: 'controller', waitSeconds: 10 });
        const fleet = createFleet(deployment, childEnvironment(typedFlags(self)));
        await using _controller = await startController({ deployment, fleet });
        link.ready({ pid: process.pid });
        await aborted(link.stop, deployment.lost);
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
