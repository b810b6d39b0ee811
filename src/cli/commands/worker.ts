import type { Command } from 'commander';
import { connect, createMachine, loggerFor } from '../../compose.ts';
import { notifyEnvironment } from '../../config.ts';
import { onShutdownSignals } from '../../shutdown.ts';
import { Notifier } from '../../systemd/notifier.ts';
import { EXIT_CODES } from '../../worker/ending.ts';
import { runWorkerProcess } from '../../worker/worker-process.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';

const EXIT_CODE_HELP = `
Exit codes:
  0   drained: it was told to end
  1   it could not start
  2   called wrongly
  69  the broker is gone
  70  a picture hung or broke its recogniser; start another worker
  75  it outgrew its memory, or has the wrong model pack; start another worker
  76  its machine is needed by nobody: it had neither work nor a controller for ten minutes, or EC2 takes it away`;

const verb: Verb = {
  define(command) {
    withSettings(command, [
      ...DEPLOYMENT_SETTINGS,
      'dialect',
      'pack',
      'smallFaces',
      'maxPixels',
      'maxUploadBytes',
      'falsePositiveRate',
      'concurrency',
      'visibilityTimeoutSeconds',
      'workerMemoryBytes',
      'metricsPort',
      'metricsHost',
      'metricsToken',
      'logLevel',
      'logFormat',
    ]).action(async (_options, self: Command) => {
      const loaded = configOf(self);
      const logger = loggerFor(loaded, 'worker');
      using signals = onShutdownSignals(logger);
      using notifier = new Notifier({ environment: notifyEnvironment(), logger });
      signals.drain.addEventListener('abort', () => notifier.stopping());
      const reason = await runWorkerProcess({
        loaded,
        connect: () => connect(loaded, { component: 'worker', waitSeconds: 10 }),
        machine: await createMachine(loaded, logger),
        drain: signals.drain,
        onReady: () => notifier.ready('taking jobs'),
      });
      // Some endings leave work behind that must not go on.
      process.exit(EXIT_CODES[reason]);
    });
    examples(command, [
      ['facefleet worker', 'one more worker on the data folder; a broker must serve it'],
      ['facefleet worker --concurrency 4', 'one that works on four pictures at once'],
    ]);
    command.addHelpText('after', EXIT_CODE_HELP);
  },
};
export default verb;
