/**
 * `npm run build:page`: bundles `src/ui` into `dist/ui/<hash of its sources>/`, each file beside its compressed forms.
 *
 * The web tier of a clone runs it by itself when that folder is missing. Several at once don't meet: each builds into a
 * folder of its own and the first to finish gives it its name.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

import { pageFolder, pageSources } from '../src/web/page/page-folder.ts';

const root = join(import.meta.dirname, '..');
const COMPRESSIBLE = /\.(html|js|css|svg)$/;
/** Below this the headers weigh more than what is saved. */
const LEAST_COMPRESSED_BYTES = 512;

const target = pageFolder(root);
if (target === undefined) throw new Error(`there is no page to build in ${root}, expected src/ui`);
const startedAt = performance.now();
const parent = join(target, '..');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, '.building-'));
try {
  await bundle(folder);
  compress(folder);
  // A temporary folder is its owner's alone; what is published is for all.
  chmodSync(folder, 0o755);
  publish(folder, target);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const sources = pageSources(root).length;
console.log(`built the page from ${sources} files in ${Math.round(performance.now() - startedAt)} ms`);

async function bundle(outDir: string): Promise<void> {
  await build({
    root: join(root, 'src', 'ui'),
    base: '/ui/',
    configFile: false,
    logLevel: 'warn',
    build: {
      outDir,
      emptyOutDir: true,
      target: ['chrome123', 'firefox128', 'safari17.5'],
      // The content security policy allows no data: addresses.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
}

function compress(outDir: string): void {
  const files = readdirSync(outDir, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile() && COMPRESSIBLE.test(one.name))) {
    const path = join(file.parentPath, file.name);
    const bytes = readFileSync(path);
    if (bytes.length < LEAST_COMPRESSED_BYTES) continue;
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

/** Earlier builds go: whoever serves one holds it in memory. */
function publish(built: string, to: string): void {
  try {
    renameSync(built, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Somebody else built the same sources meanwhile.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  for (const name of readdirSync(parent)) {
    const isOurs = join(parent, name) === to || name.startsWith('.');
    if (!isOurs) rmSync(join(parent, name), { recursive: true, force: true });
  }
}
