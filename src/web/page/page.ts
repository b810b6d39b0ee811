import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { type PageFiles, readPageFiles } from './page-files.ts';
import { pageFolder } from './page-folder.ts';

/** Above the time that bundling takes on a slow and busy machine. */
const BUILD_TIMEOUT_MS = 120_000;

/** The page that the web tier serves at `/ui`. */
export interface Page {
  /** Resolves once it is built; undefined when there is none to serve, which was logged. */
  readonly files: Promise<PageFiles | undefined>;
}

/** The package's root, from the sources and from the build alike. */
const packageRoot = join(import.meta.dirname, '..', '..', '..');

/**
 * Reads the built page. In a clone whose page was not built since its sources changed, it is built first, in a process of
 * its own (under a second), while everything else is served already.
 */
export function openPage(logger: Logger, root: string = packageRoot): Page {
  const files = load(root, logger).catch((error: unknown) => {
    logger.warn({ error: errorMessage(error) }, 'there is no page at /ui');
    return undefined;
  });
  return { files };
}

async function load(root: string, logger: Logger): Promise<PageFiles> {
  const folder = pageFolder(root);
  if (folder === undefined) throw new Error(`the page's sources are not in ${join(root, 'src', 'ui')}`);
  if (!existsSync(folder)) {
    const startedAt = performance.now();
    await build(root);
    logger.info({ tookMs: Math.round(performance.now() - startedAt) }, 'built the page');
  }
  return readPageFiles(folder);
}

function build(root: string): Promise<void> {
  const script = join(root, 'scripts', 'build-page.ts');
  const canBuild = existsSync(script) && existsSync(join(root, 'node_modules', 'vite'));
  if (!canBuild) throw new Error('the page is not built; `npm ci && npm run build:page` builds it');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: BUILD_TIMEOUT_MS,
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`building the page ended with ${code ?? signal}: ${complaint.trim()}`));
    });
  });
}
