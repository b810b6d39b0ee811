/**
 * `npm run test:package`: packs the package as it would be published, installs the archive into empty folders, once with
 * `--ignore-scripts`, and uses it there: `npx facefleet up`, its page, a picture, and what it exports, on the Node that runs
 * npm here, however old. Needs npm's registry or cache.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { conclude } from './checks.ts';

const root = join(import.meta.dirname, '..');
const place = mkdtempSync(join(tmpdir(), 'facefleet-package-'));
const PICTURE = join('node_modules', '@vladmandic', 'face-api', 'demo', 'sample6.jpg');
/** What a browser could not load: `facefleet/client` imports nothing but itself. */
const EXPORTS = `
  import { FacefleetClient } from 'facefleet/client';
  import { openAsBlob } from 'node:fs';
  const client = new FacefleetClient({ url: process.argv[1] });
  const { faces } = await client.recognise(await openAsBlob(process.argv[2]));
  console.log(faces.length);
`;
let [passed, failed] = [0, 0];
try {
  npm(root, 'run', 'build');
  npm(root, 'pack', '--ignore-scripts', '--pack-destination', place);
  const archive = join(place, readdirSync(place).find((name) => name.endsWith('.tgz'))!);
  for (const flags of [[], ['--ignore-scripts']]) await check(archive, flags);
} finally {
  rmSync(place, { recursive: true, force: true, maxRetries: 5 });
}
conclude({ passed, failed });

async function check(archive: string, flags: readonly string[]): Promise<void> {
  const name = `npm install ${['facefleet', ...flags].join(' ')}`;
  const folder = join(place, `in${flags.join('')}`);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module' }),
  );
  try {
    npm(folder, 'install', '--no-audit', '--no-fund', '--prefer-offline', ...flags, archive);
    await use(folder);
    console.log(`✔ ${name}`);
    passed++;
  } catch (error) {
    console.log(`✖ ${name}: ${error instanceof Error ? error.message : error}`);
    failed++;
  }
}

async function use(folder: string): Promise<void> {
  const data = join(folder, 'data');
  const words = ['facefleet', 'up', '--json', '--port', '0', '--data-dir', data];
  const service = spawn('npx', ['--no-install', ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  service.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000);
  });
  const gone = new Promise<void>((resolve) => service.once('exit', () => resolve()));
  try {
    const { url } = JSON.parse(await firstLine(service.stdout, gone)) as { url: string };
    await expectPage(url);
    const faces = execFileSync('node', ['--input-type=module', '-e', EXPORTS, url, PICTURE], { cwd: folder });
    if (!(Number(faces) >= 3)) throw new Error(`the client found ${faces} faces, expected 3 or more`);
    const recognition =
      "import('facefleet/recognition').then((all) => console.log(typeof all.openRecogniser))";
    const kind = execFileSync('node', ['-e', recognition], { cwd: folder }).toString().trim();
    if (kind !== 'function') throw new Error(`facefleet/recognition gives ${kind}, expected openRecogniser`);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${log}`, { cause: error });
  } finally {
    service.kill('SIGTERM');
    await gone;
  }
}

async function expectPage(url: string): Promise<void> {
  const response = await fetch(`${url.replace(/\/$/, '')}/ui/`);
  const text = await response.text();
  const asset = /(?:src|href)="([^"]+\.js)"/.exec(text)?.[1];
  if (!response.ok || asset === undefined) throw new Error(`/ui/ is answered with ${response.status}`);
  const script = await fetch(new URL(asset, url));
  if (!script.ok) throw new Error(`${asset} of the page is answered with ${script.status}`);
}

async function firstLine(stdout: NodeJS.ReadableStream, gone: Promise<void>): Promise<string> {
  const lines = createInterface({ input: stdout });
  const line = new Promise<string>((resolve) => lines.once('line', resolve));
  const end = gone.then(() => Promise.reject(new Error('facefleet up ended at once')));
  return Promise.race([line, end]);
}

function npm(cwd: string, ...words: string[]): void {
  // onnxruntime-node's script fetches parts for graphics cards, from elsewhere than npm's registry; nobody here uses them.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  execFileSync('npm', words, { cwd, stdio: ['ignore', 'ignore', 'inherit'], env });
}
