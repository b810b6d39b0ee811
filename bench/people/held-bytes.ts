/**
 * Prints how many bytes a web tier holds of the default gallery whose state bucket is the folder that is named: a process of its
 * own, since the one that made the gallery still has parts of it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FolderObjectStore } from '../../src/adapters/local/folder-object-store.ts';
import { systemClock as clock } from '../../src/adapters/local/system-clock.ts';
import { WebGalleries } from '../../src/web/galleries.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const [, , folder = ''] = process.argv;
const state = new FolderObjectStore({ bucket: 'state', folder, withLock: (_lock, work) => work() });
const galleries = new WebGalleries({ state, clock });
const before = held();
await galleries.preload();
const after = held();
// Still used: what is not would be collected.
const { people } = await galleries.find();
process.stdout.write(JSON.stringify({ people: people.size, bytes: after - before }));

function held(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
