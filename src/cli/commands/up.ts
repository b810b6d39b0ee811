import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import type { Command } from 'commander';
import { launcherPath, loggerFor, needsBroker, prepare } from '../../compose.ts';
import { childEnvironment, type LoadedConfig, SETTINGS } from '../../config.ts';
import { FacefleetError } from '../../errors.ts';
import { linkToParent } from '../../supervisor/child-link.ts';
import { Supervisor } from '../../supervisor/supervisor.ts';
import { configOfService, examples, typedFlags, type Verb, withSettings } from '../command.ts';
import { aborted } from '../tier.ts';
import { describeService } from '../up-summary.ts';

/** Waiting clients get their answers, workers finish what they have in hand. */
const STOP_GRACE_MS = 30_000;
/** What an upload leaves behind dies at once, so a large young generation only costs memory (30 MB with 100 uploads of 5 MB). */
const WEB_NODE_FLAGS = ['--max-semi-space-size=4'];

const verb: Verb = {
  define(command) {
    withSettings(command, Object.keys(SETTINGS) as (keyof typeof SETTINGS)[])
      .option('--json', 'say what runs where as one JSON line')
      .action((options: { json?: boolean }, self: Command) =>
        up(configOfService(self), typedFlags(self), options),
      );
    examples(command, [
      ['facefleet up', 'everything on this machine, on http://127.0.0.1:3001'],
      ['facefleet up --port 8000 --max-workers 4', 'another port, up to four workers'],
      ['facefleet up --dialect course --prefix 1234567890', 'buckets and queues as the course names them'],
    ]);
  },
};
export default verb;

async function up(
  loaded: LoadedConfig,
  flags: Record<string, string | boolean>,
  options: { json?: boolean },
): Promise<void> {
  const logger = loggerFor(loaded, 'up');
  using link = linkToParent(logger);
  createDataFolder(loaded.config.dataDir);
  await prepare(loaded);
  const port = loaded.config.port === 0 ? await freePort(loaded.config.host) : loaded.config.port;
  const environment = childEnvironment({
    ...flags,
    port: String(port),
    prefix: loaded.config.prefix,
    dialect: loaded.config.dialect,
  });
  const child = (name: string, maxBackoffMs: number, nodeFlags: readonly string[] = []) => ({
    name,
    command: process.execPath,
    args: [...nodeFlags, launcherPath(), name],
    environment,
    maxBackoffMs,
  });
  const supervisor = new Supervisor({
    children: [
      ...(needsBroker(loaded.config) ? [child('broker', 1000)] : []),
      child('controller', 5000),
      child('web', 2000, WEB_NODE_FLAGS),
    ],
    logger,
    stopGraceMs: STOP_GRACE_MS,
  });
  try {
    const facts = await Promise.race([supervisor.start(), aborted(link.stop)]);
    if (facts !== undefined) {
      const folder = relative(process.cwd(), loaded.config.dataDir) || '.';
      process.stdout.write(describeService({ loaded, facts, folder, json: options.json === true }));
      link.ready({ pid: process.pid, url: String(facts.web?.url) });
      await Promise.race([aborted(link.stop), supervisor.failed]);
    }
  } finally {
    await supervisor.stop();
  }
}

function createDataFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new FacefleetError(
      'permission-denied',
      `cannot create the data folder ${dataDir}; choose another with --data-dir or FACEFLEET_DATA_DIR`,
      { cause: error },
    );
  }
}

/** Fixed now, so that a web tier that is restarted comes back where its clients look for it. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}
