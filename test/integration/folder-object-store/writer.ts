/** A process that puts objects until it is told to stop or killed: `writer.ts <folder> listen|overwrite`. */

import { FolderObjectStore } from '../../../src/adapters/local/folder-object-store.ts';
import { PreconditionFailedError } from '../../../src/errors.ts';
import { lockOfParent } from '../../support/shared-lock.ts';

const [folder = '', mode] = process.argv.slice(2);
const store = new FolderObjectStore({ bucket: 'test', folder, withLock: lockOfParent() });
const say = (message: object) => process.send?.(message);

process.on('message', (message: { race?: readonly string[]; count?: number }) => {
  if (message.race !== undefined) void race(message.race);
  if (message.count !== undefined) void count(message.count);
});
process.on('disconnect', () => process.exit());
say({ ready: true });
if (mode === 'overwrite') await overwrite();

/** Tries to create each key; says which ones it won. */
async function race(keys: readonly string[]): Promise<void> {
  const won: string[] = [];
  for (const [index, key] of keys.entries()) {
    try {
      const options = index % 2 === 0 ? {} : { metadata: { writer: String(process.pid) } };
      await store.put(key, Buffer.from(String(process.pid)), { ...options, ifNoneMatch: '*' });
      won.push(key);
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
    }
  }
  say({ won });
}

/** Adds one to the number in `counter` so many times, each time by swapping exactly the version it read. */
async function count(steps: number): Promise<void> {
  let refused = 0;
  for (let done = 0; done < steps; ) {
    const found = await store.get('counter');
    const next = Number((await found?.bytes())?.toString()) + 1;
    try {
      await store.put('counter', Buffer.from(String(next)), { ifMatch: found?.info.etag ?? '' });
      done++;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
      refused++;
    }
  }
  say({ counted: refused });
}

/** Puts ever new versions, whose size, bytes and metadata tell each other, and deletes now and then. */
async function overwrite(): Promise<never> {
  for (let version = 1; ; version++) {
    const key = `over/${version % 3}`;
    const body = Buffer.alloc(1 + (version % 7) * 9_000, version % 251);
    await store.put(key, body, { metadata: { version: String(version), size: String(body.length) } });
    await store.put(`new/${process.pid}-${version}`, body, { metadata: { version: String(version) } });
    if (version % 5 === 0) await store.delete(`new/${process.pid}-${version}`);
    say({ version });
  }
}
