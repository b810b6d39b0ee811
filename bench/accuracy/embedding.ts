import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createProgress } from '../../src/cli/progress.ts';
import {
  BadImageError,
  type Face,
  type OpenRecogniserOptions,
  openRecogniser,
  type RecognisedPicture,
  type Recogniser,
} from '../../src/recognition/index.ts';

export interface EmbeddingOptions {
  readonly folder: string;
  readonly recogniser: OpenRecogniserOptions;
  readonly threads: number;
  /** Which face of a picture with several is meant. In Labeled Faces in the Wild it is the one in the middle. */
  readonly choice: 'central' | 'largest';
  /** Long side in pixels that pictures are shrunk to first. */
  readonly shrinkTo?: number | undefined;
}

export interface ChosenFace {
  readonly embedding: Float32Array;
  readonly sizePx: number;
}

export interface EmbeddedPictures {
  /** By path; pictures without a face are missing. */
  readonly faces: ReadonlyMap<string, ChosenFace>;
  readonly withoutFace: readonly string[];
}

/** Embeds each picture once, on several threads. */
export async function embedPictures(
  paths: readonly string[],
  options: EmbeddingOptions,
): Promise<EmbeddedPictures> {
  const faces = new Map<string, ChosenFace>();
  const withoutFace: string[] = [];
  using progress = createProgress({ label: options.recogniser.packId, total: paths.length });
  const queue = paths.values();
  const lane = async (recogniser: Recogniser) => {
    for (const path of queue) {
      const face = await chosenFace(recogniser, path, options, progress.note);
      if (face === undefined) withoutFace.push(path);
      else faces.set(path, { embedding: face.embedding, sizePx: face.quality.sizePx });
      progress.advance();
    }
  };
  const threads = Array.from({ length: options.threads }, async () => {
    await using recogniser = await openRecogniser(options.recogniser);
    // Two calls in flight: one picture is decoded while another one is computed.
    await Promise.all([lane(recogniser), lane(recogniser)]);
  });
  await Promise.all(threads);
  return { faces, withoutFace: withoutFace.sort() };
}

async function chosenFace(
  recogniser: Recogniser,
  path: string,
  { folder, choice, shrinkTo }: EmbeddingOptions,
  note: (text: string) => void,
): Promise<Face | undefined> {
  const bytes = await readFile(join(folder, path));
  try {
    const picture = await recogniser.recognise(
      shrinkTo === undefined ? bytes : await shrunk(bytes, shrinkTo),
    );
    return choice === 'largest' ? picture.faces[0] : mostCentral(picture);
  } catch (error) {
    if (!(error instanceof BadImageError)) throw error;
    note(`${path}: ${error.message}`);
    return undefined;
  }
}

function mostCentral({ width, height, faces }: RecognisedPicture): Face | undefined {
  const offCentre = ({ box }: Face) =>
    Math.hypot(box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2);
  return faces.toSorted((a, b) => offCentre(a) - offCentre(b))[0];
}

async function shrunk(bytes: Buffer, side: number): Promise<Buffer> {
  return await sharp(bytes)
    .autoOrient()
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 92 })
    .toBuffer();
}
