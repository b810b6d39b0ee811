import { FaceChips } from './chips.ts';
import { chipsOfCrop, makeCrop } from './crop.ts';
import { FaceDetector } from './detector.ts';
import { Embedder } from './embedder.ts';
import { RecogniserLostError } from './errors.ts';
import { FaceFinder } from './finder.ts';
import { decodePicture, type Picture } from './image.ts';
import { plainJpegSize } from './jpeg-header.ts';
import { type ConfirmedFace, FaceConfirmer } from './landmarks.ts';
import { Limiter } from './limiter.ts';
import type { Runnable } from './model.ts';
import { NetworkTurns, type PictureTurns } from './network-turns.ts';
import { ARCFACE_TEMPLATE, type ModelPack, type ModelReference } from './packs.ts';
import { assessQuality } from './quality.ts';
import { discard, type Raster } from './raster.ts';
import type { Box, Face, Landmarks, RecognisedPicture, RecogniseOptions, Recogniser } from './types.ts';

const DEFAULT_MAX_FACES = 100;
/** So many small pictures are decoded and go through the networks side by side, which that is good for (`network-turns.ts`). */
export const SMALL_PICTURES_IN_FLIGHT = 8;
/** One large picture is computed while the next is decoded; more would only take memory. So does whatever may be large. */
const LARGE_WEIGHT = SMALL_PICTURES_IN_FLIGHT / 2;
/** Decoded it takes 3 MB, and a progressive JPEG 6 more while it is decoded. */
const SMALL_UP_TO_PIXELS = 1e6;

export interface PipelineSettings {
  readonly pack: ModelPack;
  /** Opens a model of the pack. */
  readonly openModel: (reference: ModelReference) => Promise<Runnable>;
  readonly maxPixels: number;
  readonly smallFaces: boolean;
}

/** Decode, find, align, embed: the recogniser itself, on the thread it is called on. */
export class RecognitionPipeline implements Recogniser {
  readonly packId: string;
  readonly dimensions: number;
  readonly #settings: PipelineSettings;
  readonly #models: readonly Runnable[];
  readonly #finder: FaceFinder;
  readonly #embedder: Embedder;
  readonly #inFlight = new Limiter(SMALL_PICTURES_IN_FLIGHT);
  readonly #turns = new NetworkTurns();
  readonly #normIsKnown: boolean;
  #isClosed = false;

  private constructor(
    settings: PipelineSettings,
    parts: { models: readonly Runnable[]; finder: FaceFinder; embedder: Embedder },
  ) {
    this.packId = settings.pack.id;
    this.dimensions = parts.embedder.dimensions;
    this.#settings = settings;
    this.#models = parts.models;
    this.#normIsKnown = settings.pack.embedders[0]?.model === 'mobilefacenet';
    this.#finder = parts.finder;
    this.#embedder = parts.embedder;
  }

  static async open(settings: PipelineSettings): Promise<RecognitionPipeline> {
    const { pack, openModel } = settings;
    const [fullRange, shortRange, confirmer] = await Promise.all([
      openModel(pack.finder.fullRange),
      openModel(pack.finder.shortRange),
      openModel(pack.finder.confirmer),
    ]);
    const networks = await Promise.all(
      pack.embedders.map(async (spec) => ({ spec, model: await openModel(spec.model) })),
    );
    return new RecognitionPipeline(settings, {
      models: [fullRange, shortRange, confirmer, ...networks.map(({ model }) => model)],
      finder: new FaceFinder(new FaceDetector({ fullRange, shortRange }), new FaceConfirmer(confirmer)),
      embedder: new Embedder(networks),
    });
  }

  recognise(bytes: Uint8Array, options: RecogniseOptions = {}): Promise<RecognisedPicture> {
    return this.#admit(weightOf(bytes), async () => {
      const startedAt = performance.now();
      const picture = await decodePicture(bytes, this.#settings);
      const decodeMs = performance.now() - startedAt;
      try {
        return await this.#recognise(picture, options, decodeMs);
      } finally {
        discard(picture.raster);
      }
    });
  }

  embedCrop(crop: Uint8Array): Promise<Float32Array> {
    return this.#admit(1, async () => {
      const chips = await chipsOfCrop(crop);
      const { vector } = await this.#embedder.embed(chips, this.#turns.forPicture());
      return vector;
    });
  }

  /** Finishes the calls it was given; later ones are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#inFlight.idle();
    for (const model of this.#models) await model.release();
  }

  #admit<T>(weight: number, call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new RecogniserLostError('The recogniser is closed.'));
    return this.#inFlight.run(call, weight);
  }

  async #recognise(
    picture: Picture,
    options: RecogniseOptions,
    decodeMs: number,
  ): Promise<RecognisedPicture> {
    const { maxFaces = DEFAULT_MAX_FACES, smallFaces = this.#settings.smallFaces } = options;
    const { raster, shrink } = picture;
    const turns = this.#turns.forPicture();
    const found = await this.#finder.find(raster, { smallFaces, turns });
    const detectMs = turns.spentMs;
    const faces: Face[] = [];
    for (const face of found.slice(0, maxFaces)) {
      faces.push(await this.#describe(face, { raster, shrink, turns }, options));
    }
    return {
      width: picture.width,
      height: picture.height,
      format: picture.format,
      faces,
      facesCut: found.length - faces.length,
      timings: { decodeMs, detectMs, embedMs: turns.spentMs - detectMs },
      packId: this.packId,
    };
  }

  async #describe(
    face: ConfirmedFace,
    { raster, shrink, turns }: { raster: Raster; shrink: number; turns: PictureTurns },
    { until = 'embed', crops = false }: RecogniseOptions,
  ): Promise<Face> {
    const chips = new FaceChips(raster, face);
    const embedding = until === 'embed' ? await this.#embedder.embed(chips, turns) : undefined;
    return {
      box: scaled(face.box, shrink),
      landmarks: scaledLandmarks(face.landmarks, shrink),
      detectionScore: face.score,
      quality: assessQuality({
        sizePx: face.box.width * shrink,
        embeddingNorm: this.#normIsKnown ? embedding?.rawNorm : undefined,
        landmarks: face.landmarks,
        chip: chips.aligned(ARCFACE_TEMPLATE, 112),
      }),
      embedding: embedding?.vector ?? new Float32Array(0),
      ...(crops && { crop: await makeCrop(chips) }),
    };
  }
}

function weightOf(bytes: Uint8Array): number {
  const size = plainJpegSize(bytes);
  return size !== undefined && size.width * size.height <= SMALL_UP_TO_PIXELS ? 1 : LARGE_WEIGHT;
}

function scaled({ x, y, width, height }: Box, factor: number): Box {
  return { x: x * factor, y: y * factor, width: width * factor, height: height * factor };
}

function scaledLandmarks(landmarks: Landmarks, factor: number): Landmarks {
  const [a, b, c, d, e] = landmarks.map(({ x, y }) => ({ x: x * factor, y: y * factor }));
  return [a!, b!, c!, d!, e!];
}
