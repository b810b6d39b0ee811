import sharp from 'sharp';
import { samplePath } from '../../test/support/sample-pictures.ts';

export interface BenchPicture {
  readonly name: string;
  readonly bytes: Buffer;
}

/** JPEGs of one face, small, and of three faces, large. */
export async function benchPictures(): Promise<BenchPicture[]> {
  const sample = samplePath(1);
  const portrait = await sharp(sample)
    .extract({ left: 700, top: 300, width: 450, height: 450 })
    .png()
    .toBuffer();
  const rendered = async (name: string, picture: Buffer | string, width: number, height: number) => ({
    name,
    bytes: await sharp(picture).resize(width, height, { fit: 'cover' }).jpeg({ quality: 88 }).toBuffer(),
  });
  return [
    await rendered('64x64', portrait, 64, 64),
    await rendered('250x250', portrait, 250, 250),
    await rendered('2 MP', sample, 1632, 1224),
    await rendered('12 MP', sample, 4000, 3000),
  ];
}
