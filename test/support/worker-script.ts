/**
 * A worker in a process of its own that reads fake pictures (see FakeRecogniser), `crash` among them:
 * `node worker-script.ts <data folder> [stuck]`. It says `ready` when it is about to work and
 * `draining` when it was told to end; a stuck one never gets done.
 */
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { onShutdownSignals } from '../../src/shutdown.ts';
import { EXIT_CODES } from '../../src/worker/ending.ts';
import { createIsolatedRecogniser } from '../../src/worker/isolated-recogniser.ts';
import { runWorker } from '../../src/worker/worker.ts';
import { FakeGallery } from './fake-gallery.ts';
import { FakeRecogniser } from './fake-recogniser.ts';

const [dataDir = '', mood] = process.argv.slice(2);
const environment = { FACEFLEET_VISIBILITY_TIMEOUT: '2', FACEFLEET_LOG_LEVEL: 'silent' };
const loaded = loadConfig({ flags: { 'data-dir': dataDir }, environment, dotenvFolder: false });
const deployment = await connect(loaded, { component: 'worker', waitSeconds: 10 });
using signals = onShutdownSignals(deployment.logger);
const memoryBytes = 2 ** 30;
const recogniser = new FakeRecogniser();
if (mood === 'stuck') recogniser.before = () => new Promise(() => {});

signals.drain.addEventListener('abort', () => process.send?.('draining'));
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
const reason = await runWorker({
  deployment,
  recogniser,
  gallery: new FakeGallery(['paul']).openReplica(),
  galleryChanges: () => ({
    enrol: () => Promise.reject(new Error('enrolling was not expected')),
    addTemplate: () => Promise.reject(new Error('a template was not expected')),
  }),
  openRecogniser: async (packId) => new FakeRecogniser({ packId }),
  isolatedReader: () =>
    createIsolatedRecogniser({
      entry: fileURLToPath(new URL('./isolated-fake-main.ts', import.meta.url)),
      args: [JSON.stringify({ memoryBytes })],
      timeLimitSeconds: 30,
      heapBytes: memoryBytes,
    }),
  instance: { id: `process-${process.pid}`, slot: 0, generation: 0 },
  drain: signals.drain,
});
process.exit(EXIT_CODES[reason]);
