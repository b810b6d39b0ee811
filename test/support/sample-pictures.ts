import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const SAMPLE_NUMBERS = [1, 2, 3, 4, 5, 6] as const;
export type SampleNumber = (typeof SAMPLE_NUMBERS)[number];

/** Real pictures of three to five people each, 22 faces in all, that a package with weights ships. */
export function samplePath(number: SampleNumber): string {
  return require.resolve(`@vladmandic/face-api/demo/sample${number}.jpg`);
}

export function samplePicture(number: SampleNumber): Promise<Buffer> {
  return readFile(samplePath(number));
}
