import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { FacefleetError } from '../errors.ts';
import { contentTypeOf, PICTURE_EXTENSIONS } from '../picture-files.ts';

/** Small pictures are read once and kept, all together up to the budget; larger ones are read each time. */
const CACHE_BUDGET_BYTES = 64 * 1024 * 1024;
const LARGEST_CACHED_BYTES = 1024 * 1024;

export interface WorkloadPicture {
  /** Without folders. */
  readonly fileName: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Pictures to send, by number from 0; a generator that needs more begins again. */
export interface PictureSource {
  readonly count: number;
  load(index: number): Promise<WorkloadPicture>;
}

/**
 * The pictures of a folder (not of folders in it), in the order of their names.
 *
 * @throws FacefleetError `not-found` when there is no such folder or no picture in it.
 */
export async function openPictureFolder(folder: string): Promise<PictureSource> {
  const names = (await readNames(folder)).filter((name) => contentTypeOf(name) !== undefined).sort();
  if (names.length === 0) {
    const expected = PICTURE_EXTENSIONS.join(', ');
    throw new FacefleetError('not-found', `no picture in ${folder}, expected files that end in ${expected}`);
  }
  const cache = new Map<number, WorkloadPicture>();
  let budgetBytes = CACHE_BUDGET_BYTES;
  return {
    count: names.length,
    async load(index) {
      const cached = cache.get(index);
      if (cached !== undefined) return cached;
      const name = names[index] ?? '';
      const body = await readFile(join(folder, name));
      const picture = { fileName: basename(name), contentType: contentTypeOf(name) ?? '', body };
      if (body.length <= Math.min(LARGEST_CACHED_BYTES, budgetBytes) && !cache.has(index)) {
        budgetBytes -= body.length;
        cache.set(index, picture);
      }
      return picture;
    },
  };
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new FacefleetError('not-found', `cannot read the picture folder ${folder}`, { cause });
  }
}
