import { unlink } from 'node:fs/promises';

import { unlessMissing } from './file-errors.ts';
import type { Staging } from './staging.ts';

/** Removes what dead processes left: bodies that were never given their names. */
export async function sweepAbandoned(staging: Staging): Promise<void> {
  for (const path of await staging.abandoned()) await unlessMissing(unlink(path));
}
