import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';

import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { ModelStore, modelName, modelsOf, PackRegistry } from '../recognition/index.ts';
import { checkBinding } from '../web/guards.ts';
import { expiresSoon, readKeyPair } from '../web/tls.ts';
import { examine, type Finding, fail, ok, warn } from './finding.ts';

const MEBI = 1024 * 1024;
const GIBI = 1024 * MEBI;
/** A full disk refuses uploads; below this much it is near. */
const LOW_SPACE_BYTES = 2 * GIBI;
const LEAST_SPACE_BYTES = 200 * MEBI;
/** What everything but the workers may take. */
const OTHER_MEMORY_BYTES = 600 * MEBI;

/** Of this machine: what the settings ask for must be there. */
export async function checkMachine(
  config: Config,
  options: { modelsDir: string; packId: string; now: number; hasAdminKey: () => Promise<boolean> },
): Promise<readonly Finding[]> {
  const found = await Promise.all([
    examine('libraries', checkLibraries),
    examine('data folder', async () => checkDataFolder(config.dataDir)),
    examine('models', () => checkModels(options.modelsDir, options.packId)),
    examine('memory', async () => checkMemory(config)),
    examine('web tier', () => checkEdge(config, options)),
  ]);
  return found.flat();
}

/** The two packages with native code: they are there, for this platform, and load. */
async function checkLibraries(): Promise<Finding> {
  const broken: string[] = [];
  for (const name of ['onnxruntime-node', 'sharp', 'usearch']) {
    try {
      await import(name);
    } catch (error) {
      broken.push(`${name} (${errorMessage(error).split('\n')[0]})`);
    }
  }
  const where = `${process.platform}-${process.arch}, Node ${process.versions.node}`;
  if (broken.length === 0) return ok('libraries', `all load on ${where}`);
  return fail(
    'libraries',
    `${broken.join(', ')} cannot be loaded on ${where}`,
    'run `npm ci` on this machine, without --omit=optional',
  );
}

function checkDataFolder(dataDir: string): Finding[] {
  const check = 'data folder';
  const at = existingFolder(dataDir);
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
  } catch {
    return [
      fail(
        check,
        `${at} may not be written by user ${process.geteuid?.() ?? '?'}`,
        'choose another with FACEFLEET_DATA_DIR, or change its owner',
      ),
    ];
  }
  if (!statSync(at).isDirectory())
    return [fail(check, `${at} is a file`, 'choose another with FACEFLEET_DATA_DIR')];
  const { bavail, bsize } = statfsSync(at);
  return [spaceFinding(dataDir, bavail * bsize), ...privacyFinding(dataDir)];
}

function spaceFinding(dataDir: string, freeBytes: number): Finding {
  const free = `${dataDir} has ${(freeBytes / GIBI).toFixed(1)} GB free`;
  const next = 'free some, lower FACEFLEET_RETENTION_DAYS, or move the folder to a larger disk';
  if (freeBytes < LEAST_SPACE_BYTES) return fail('disk space', free, next);
  return freeBytes < LOW_SPACE_BYTES ? warn('disk space', free, next) : ok('disk space', free);
}

/** Faces of people lie in it. */
function privacyFinding(dataDir: string): Finding[] {
  if (!existsSync(dataDir)) return [ok('data folder', `${dataDir} will be made`)];
  const mode = statSync(dataDir).mode & 0o777;
  if ((mode & 0o077) === 0) return [ok('data folder', `${dataDir} is this user's alone`)];
  return [
    warn('data folder', `${dataDir} is open to others (mode ${mode.toString(8)})`, `chmod 700 ${dataDir}`),
  ];
}

function existingFolder(path: string): string {
  let at = path;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}

async function checkModels(folder: string, packId: string): Promise<Finding[]> {
  const pack = await new PackRegistry({ folder }).find(packId);
  const store = new ModelStore({ folder });
  return Promise.all(
    modelsOf(pack).map(async (model): Promise<Finding> => {
      const { state } = await store.check(model);
      const name = `${modelName(model)} of the pack ${packId}`;
      if (state === 'verified') return ok('models', `${name} is verified`);
      if (state === 'unconverted') return ok('models', `${name} is made at the first start`);
      if (state === 'altered' && typeof model === 'string') {
        return warn(
          'models',
          `${name} is not what it should be`,
          'run `facefleet models verify`, which makes it again',
        );
      }
      return fail('models', `${name} is ${state}`, `add the pack again: facefleet models add <manifest>`);
    }),
  );
}

function checkMemory(config: Config): Finding {
  const workers = config.on === 'aws' ? 0 : config.maxWorkers;
  const needed = OTHER_MEMORY_BYTES + workers * config.workerMemoryBytes + config.uploadBudgetBytes;
  const has = totalmem();
  const what = `${workers} workers and the rest may take ${(needed / GIBI).toFixed(1)} GB of ${(has / GIBI).toFixed(1)}`;
  if (needed <= has) return ok('memory', what);
  return warn('memory', what, 'lower FACEFLEET_MAX_WORKERS');
}

async function checkEdge(
  config: Config,
  { now, hasAdminKey }: { now: number; hasAdminKey: () => Promise<boolean> },
): Promise<Finding[]> {
  await checkBinding(config, hasAdminKey);
  const { host, port, tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined)
    return [ok('web tier', `would listen on ${host}:${port}, HTTP`)];
  const pair = readKeyPair({ certFile: tlsCert, keyFile: tlsKey }, now);
  const until = new Date(pair.expiresAt).toISOString().slice(0, 10);
  if (expiresSoon(pair, now))
    return [
      warn(
        'web tier',
        `the certificate ${tlsCert} expires on ${until}`,
        'renew it; the new file is taken without a restart',
      ),
    ];
  return [ok('web tier', `would listen on ${host}:${port}, HTTPS until ${until}`)];
}
