import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { ModelError } from './errors.ts';

/**
 * Writes a file so that others see the old one or the whole new one; several writers may do it at once. Folders are made.
 *
 * @throws ModelError when the disk refuses.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new ModelError(`the file ${path} cannot be written: ${String(cause)}`, { cause });
  }
}

/**
 * The file's bytes; undefined when there is none.
 *
 * @throws ModelError when it is there and cannot be read.
 */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new ModelError(`the file ${path} cannot be read: ${String(cause)}`, { cause });
  }
}

/** Whether it is the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
