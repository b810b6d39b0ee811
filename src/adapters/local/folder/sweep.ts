import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { unlessMissing } from './file-errors.ts';
import { encodeKey, joinPath } from './key-encoding.ts';
import { listFolder } from './listing.ts';
import type { Staging } from './staging.ts';
import { statFile } from './stored-file.ts';

export interface SweepOptions {
  readonly root: string;
  readonly sidecarRoot: string;
  readonly staging: Staging;
  /** Removes the key's sidecar unless the object has come meanwhile. */
  readonly removeOrphan: (key: string) => Promise<void>;
}

/**
 * Removes what dead processes left: temporary files, and metadata of objects that never came to be. The latter are looked
 * for only after a death, since a put that died between the two still has its temporary file; which therefore goes last.
 */
export async function sweepAbandoned({
  root,
  sidecarRoot,
  staging,
  removeOrphan,
}: SweepOptions): Promise<void> {
  const abandoned = await staging.abandoned();
  if (abandoned.length === 0) return;
  for await (const { key } of listFolder(sidecarRoot, { prefix: '', startAfter: undefined })) {
    const body = statFile(join(root, joinPath(encodeKey(key))));
    if (body === undefined) await removeOrphan(key);
  }
  for (const path of abandoned) await unlessMissing(unlink(path));
}
