import type { Command } from 'commander';
import { connect, loggerFor } from '../../compose.ts';
import { instanceIdentity } from '../../config.ts';
import { onShutdownSignals } from '../../shutdown.ts';
import { EXIT_CODES } from '../../worker/ending.ts';
import { runWorkerProcess } from '../../worker/worker-process.ts';
import { configOf, examples, type Verb, withSettings } from '../command.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, [
      'dataDir',
      'prefix',
      'pack',
      'smallFaces',
      'maxPixels',
      'falsePositiveRate',
      'concurrency',
      'visibilityTimeoutSeconds',
      'workerMemoryBytes',
      'logLevel',
      'logFormat',
    ]).action(async (_options, self: Command) => {
      const loaded = configOf(self);
      using signals = onShutdownSignals(loggerFor(loaded, 'worker'));
      const reason = await runWorkerProcess({
        loaded,
        connect: () => connect(loaded, { component: 'worker', waitSeconds: 10 }),
        instance: instanceIdentity(),
        drain: signals.drain,
      });
      // Some endings leave work behind that must not go on.
      process.exit(EXIT_CODES[reason]);
    });
    examples(command, [['facefleet worker', 'one more worker on the data folder; a broker must serve it']]);
  },
};
export default verb;
