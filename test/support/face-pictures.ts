import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { openRecogniser } from '../../src/recognition/index.ts';
import type { Face, Recogniser } from '../../src/recognition/types.ts';

/** Photographs of three to five people each that an npm package ships. */
export const samplePictures: readonly string[] = [1, 2, 3, 4, 5, 6].map((number) =>
  join(
    dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')),
    'demo',
    `sample${number}.jpg`,
  ),
);

export interface Sitter {
  readonly name: string;
  /** A square crop around the face, JPEG, some 250 px: what a person would enrol with. */
  readonly portrait: Buffer;
}

/** People whose faces are this alike could be one person: only the first is used. */
const DISTINCT_BELOW = 0.35;
/** Turned or blurred faces below this are left out: these pictures test the service, not the models. */
const LEAST_QUALITY = 0.8;
const ALIKE_FROM = 0.72;
const TYPICALLY_ALIKE_FROM = 0.83;
const CROP_OVER_BOX = 1.9;
const PORTRAIT_PX = 250;

/** The clearly visible, mutually distinct people of the sample pictures. */
export async function findSitters(modelsDir: string): Promise<Sitter[]> {
  await using recogniser = await openRecogniser({
    modelsDir,
    packId: 'fast',
    maxPixels: 40e6,
    smallFaces: false,
  });
  const chosen: { face: Face; sitter: Sitter }[] = [];
  for (const [index, path] of samplePictures.entries()) {
    const picture = await recogniser.recognise(await sharp(path).toBuffer());
    for (const face of picture.faces) {
      if (face.quality.overall < LEAST_QUALITY) continue;
      if (chosen.some((other) => cosine(other.face.embedding, face.embedding) > DISTINCT_BELOW)) continue;
      const name = `Sitter ${index + 1}-${Math.round(face.box.x)}`;
      const sitter = { name, portrait: await cropAround(path, picture, face) };
      if (await staysAlike(recogniser, sitter, face)) chosen.push({ face, sitter });
    }
  }
  return chosen.map(({ sitter }) => sitter);
}

export interface PictureOptions {
  /** Same seed, same picture. */
  readonly seed: number;
  readonly sidePx: number;
}

/** The person again, as another photograph might have it: moved, dimmed, re-encoded. */
export async function pictureOf(sitter: Sitter, { seed, sidePx }: PictureOptions): Promise<Buffer> {
  const random = randomFrom(seed);
  const margin = Math.round(PORTRAIT_PX * 0.06);
  const side = PORTRAIT_PX - 2 * margin;
  return sharp(sitter.portrait)
    .extract({
      left: Math.floor(random() * 2 * margin),
      top: Math.floor(random() * 2 * margin),
      width: side,
      height: side,
    })
    .resize(sidePx, sidePx)
    .modulate({ brightness: 0.85 + random() * 0.3 })
    .jpeg({ quality: 82 + Math.floor(random() * 15) })
    .toBuffer();
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Whether the person is recognised safely in small pictures too. A face whose pictures are alike enough in six cases and less alike
 * than others' in the middle is not: of one that was, every 80th picture was like nobody.
 */
async function staysAlike(recogniser: Recogniser, sitter: Sitter, face: Face): Promise<boolean> {
  const similarities: number[] = [];
  for (let seed = 0; seed < 6; seed++) {
    const { faces } = await recogniser.recognise(await pictureOf(sitter, { seed, sidePx: 64 }));
    if (faces[0] === undefined) return false;
    similarities.push(cosine(faces[0].embedding, face.embedding));
  }
  similarities.sort((one, other) => one - other);
  return similarities[0]! >= ALIKE_FROM && similarities[3]! >= TYPICALLY_ALIKE_FROM;
}

async function cropAround(
  path: string,
  picture: { width: number; height: number },
  { box }: Face,
): Promise<Buffer> {
  const side = Math.round(
    Math.min(Math.max(box.width, box.height) * CROP_OVER_BOX, picture.width, picture.height),
  );
  const within = (start: number, end: number) => Math.round(Math.max(0, Math.min(start, end - side)));
  return sharp(path)
    .extract({
      left: within(box.x + box.width / 2 - side / 2, picture.width),
      top: within(box.y + box.height / 2 - side / 2, picture.height),
      width: side,
      height: side,
    })
    .resize(PORTRAIT_PX, PORTRAIT_PX)
    .jpeg({ quality: 95 })
    .toBuffer();
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
