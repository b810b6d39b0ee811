/** A process that puts objects until it is told to stop or killed: `writer.ts <folder> race|overwrite`. */

import { FolderObjectStore } from '../../../src/adapters/local/folder-object-store.ts';
import { PreconditionFailedError } from '../../../src/errors.ts';
import { lockOfParent } from '../../support/shared-lock.ts';

const [folder = '', mode] = process.argv.slice(2);
const store = new FolderObjectStore({ bucket: 'test', folder, withLock: lockOfParent() });
const say = (message: object) => process.send?.(message);

process.on('message', (message: { race?: readonly string[] }) => {
  if (message.race !== undefined) void race(message.race);
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
