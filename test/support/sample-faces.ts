import { createRequire } from 'node:module';
import sharp, { type Sharp } from 'sharp';

/** Pixels as they come out of a decoder: [height, width, RGB], 0 to 255. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** One of the six group photographs that an npm package ships, 1 to 6. */
export function samplePicture(number: 1 | 2 | 3 | 4 | 5 | 6): string {
  return createRequire(import.meta.url).resolve(`@vladmandic/face-api/demo/sample${number}.jpg`);
}

/** Squares around the three faces of sample 1, read off the picture. */
const SAMPLE_FACES = [
  { left: 353, top: 360, side: 258 },
  { left: 1457, top: 227, side: 214 },
  { left: 797, top: 433, side: 253 },
] as const;

/** The three faces of sample 1, cut out and resized to this side; not aligned. */
export function sampleFaces(side: number): Promise<Pixels[]> {
  return Promise.all(
    SAMPLE_FACES.map((face) =>
      pixelsOf(
        sharp(samplePicture(1))
          .extract({ left: face.left, top: face.top, width: face.side, height: face.side })
          .resize(side, side),
      ),
    ),
  );
}

/** Sample 1 as a whole, squeezed to this size. */
export function sampleScene(width: number, height: number): Promise<Pixels> {
  return pixelsOf(sharp(samplePicture(1)).resize(width, height, { fit: 'fill' }));
}

async function pixelsOf(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
