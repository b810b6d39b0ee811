import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { ModelError } from './errors.ts';

/** A temporary file this old was left by a writer that died. */
const LEFTOVER_MS = 10 * 60 * 1000;

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

/** Removes what writers of this file that were killed have left beside it. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.tmp'),
  );
  for (const name of names) {
    const leftover = join(folder, name);
    const { mtimeMs } = await stat(leftover).catch((error: unknown) => {
      // Another writer has finished meanwhile.
      if (isMissing(error)) return { mtimeMs: Number.POSITIVE_INFINITY };
      throw error;
    });
    if (Date.now() - mtimeMs > LEFTOVER_MS) await rm(leftover, { force: true });
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
