import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename } from 'node:path';

import type { PictureSource, WorkloadPicture } from './pictures.ts';

/** Photographs of three to five people each, which the package with the models ships. */
export const SAMPLE_COUNT = 6;

/** Path of a sample photograph, 1 to `SAMPLE_COUNT`. */
export function samplePicturePath(number: number): string {
  return createRequire(import.meta.url).resolve(`@vladmandic/face-api/demo/sample${number}.jpg`);
}

/** The sample photographs as pictures to send, read once. */
export function samplePictures(): PictureSource {
  const pictures = new Map<number, Promise<WorkloadPicture>>();
  const load = async (index: number): Promise<WorkloadPicture> => {
    const path = samplePicturePath(index + 1);
    return { fileName: basename(path), contentType: 'image/jpeg', body: await readFile(path) };
  };
  return {
    count: SAMPLE_COUNT,
    load: (index) => {
      const picture = pictures.get(index) ?? load(index);
      pictures.set(index, picture);
      return picture;
    },
  };
}
