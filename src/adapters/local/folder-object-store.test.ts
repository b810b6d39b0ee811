import { join } from 'node:path';

import { objectStoreContract } from '../../../test/contract/object-store.contract.ts';
import { createInProcessLock } from '../../../test/support/in-process-lock.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { FolderObjectStore } from './folder-object-store.ts';

objectStoreContract('folder object store', async () => {
  const temporary = temporaryFolder();
  const withLock = createInProcessLock();
  const another = () =>
    new FolderObjectStore({ bucket: 'test', folder: join(temporary.path, 'buckets', 'test'), withLock });
  return {
    store: another(),
    another,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
});
