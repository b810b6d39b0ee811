/**
 * The weights that come with Facefleet, as they are called in the model store. Inputs and outputs of their graphs, all
 * float32, any batch size N, pictures as RGB in NCHW:
 *
 * - `blazeface-full-range`: `image` [N, 3, H, W], H and W multiples of 32, pixels v/127.5 - 1 → `boxes` [N, H/4 · W/4, 16]
 *   and `scores` [N, H/4 · W/4, 1] (before the sigmoid), one row a stride-4 cell, row-major
 * - `blazeface-short-range`: `image` [N, 3, 128, 128], scaled alike → `boxes` [N, 896, 16], `scores` [N, 896, 1]: 16x16 cells
 *   of 2 anchors, then 8x8 of 6
 * - `onet`: `chip` [N, 3, 48, 48], upright, (v - 127.5) / 128 → `probability` [N, 2] (no face, face; they add up to 1),
 *   `box` [N, 4] and `points` [N, 10] as MTCNN defines them
 * - `mobilefacenet`: `chip` [N, 3, 112, 112] → `embedding` [N, 192], not normalised
 * - `dlib-resnet`: `chip` [N, 3, 150, 150] → `embedding` [N, 128], not normalised
 */
export type BuiltInModelName =
  | 'blazeface-full-range'
  | 'blazeface-short-range'
  | 'onet'
  | 'mobilefacenet'
  | 'dlib-resnet';

/** An ONNX file that came with a user's pack. */
export interface UserModel {
  readonly packId: string;
  /** Bare file name inside the pack's folder. */
  readonly file: string;
  /** Hex SHA-256 of the file. */
  readonly sha256: string;
}

/** What `ModelStore.load` takes. */
export type ModelReference = BuiltInModelName | UserModel;

/** x, y in pixels of the chip. */
export type TemplatePoint = readonly [x: number, y: number];

/** Where left eye, right eye, nose, left and right mouth corner (as seen in the picture) belong in the chip. */
export type AlignmentTemplate = readonly [
  TemplatePoint,
  TemplatePoint,
  TemplatePoint,
  TemplatePoint,
  TemplatePoint,
];

/**
 * How a chip is cut from the picture.
 *
 * `similarity`: the least-squares similarity (Umeyama) that takes the landmarks to the template, bilinear, black outside.
 * `box`: the face box as it is, both axes resized to the chip's size on their own (facenet-pytorch's way), widened
 * so that `marginPx` pixels of the chip lie outside the face.
 */
export type Alignment =
  | { readonly kind: 'similarity'; readonly template: AlignmentTemplate }
  | { readonly kind: 'box'; readonly marginPx: number };

/** One network of a pack that turns a chip into an embedding, and how to feed it. */
export interface EmbedderSpec {
  readonly model: ModelReference;
  /** Names of the graph's input and output. */
  readonly input: string;
  readonly output: string;
  /** Side of the square chip in pixels. */
  readonly sizePx: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'RGB' | 'BGR';
  /** A pixel v of channel c (0 to 255) goes in as (v - mean[c]) / scale; `mean` is in the order of `channels`. */
  readonly mean: readonly [number, number, number];
  readonly scale: number;
  readonly alignment: Alignment;
  /** Add the raw output for the chip's mirror image before normalising; takes twice the time. */
  readonly mirror: boolean;
  /** Floats of the output. */
  readonly dimensions: number;
  /** Share of this network in the pack's cosine; the shares of a pack add up to 1. Its part of the fused vector is √weight · unit embedding. */
  readonly weight: number;
}

/** Cosine that a stranger's face reaches this rarely, both faces at full size. */
export interface ThresholdPoint {
  readonly falseMatchRate: number;
  readonly cosine: number;
}

/**
 * The pack's cosines at false match rates, rarest last, and how they rise when BOTH faces are small:
 * t = t0 + slope · max(0, ln(referenceWidthPx / w)), w the width of the larger of the two face boxes.
 */
export interface Thresholds {
  /** Measured for this pack; else a stated, conservative default. */
  readonly isCalibrated: boolean;
  readonly points: readonly ThresholdPoint[];
  readonly smallFaces: { readonly slope: number; readonly referenceWidthPx: number };
}

/** Everything that makes an embedding comparable: embeddings of different packs never are. */
export interface ModelPack {
  /** Lower case letters, digits, `.`, `_`, `-`; stored with every template. */
  readonly id: string;
  readonly title: string;
  readonly licence: string;
  readonly finder: {
    readonly fullRange: ModelReference;
    readonly shortRange: ModelReference;
    /** O-Net: confirms candidates, refines boxes, gives the five landmarks. */
    readonly confirmer: ModelReference;
  };
  /** In the order in which their parts stand in the fused vector. */
  readonly embedders: readonly EmbedderSpec[];
  /** Floats of the pack's embedding: the sum over its embedders. */
  readonly dimensions: number;
  readonly thresholds: Thresholds;
}

/** For 112x112 chips: MobileFaceNet, ArcFace, SFace. */
export const ARCFACE_TEMPLATE: AlignmentTemplate = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/** For 150x150 chips; the ArcFace template scaled up would ruin dlib's network (91 → 29 % true matches). */
export const DLIB_TEMPLATE: AlignmentTemplate = [
  [47.279, 44.794],
  [102.721, 44.794],
  [75, 77.627],
  [50.647, 105.466],
  [99.353, 105.466],
];

export const FINDER: ModelPack['finder'] = {
  fullRange: 'blazeface-full-range',
  shortRange: 'blazeface-short-range',
  confirmer: 'onet',
};

const MOBILE_FACE_NET: EmbedderSpec = {
  model: 'mobilefacenet',
  input: 'chip',
  output: 'embedding',
  sizePx: 112,
  layout: 'NCHW',
  channels: 'RGB',
  mean: [127.5, 127.5, 127.5],
  scale: 128,
  alignment: { kind: 'similarity', template: ARCFACE_TEMPLATE },
  mirror: false,
  dimensions: 192,
  weight: 1,
};

const DLIB_RESNET: EmbedderSpec = {
  model: 'dlib-resnet',
  input: 'chip',
  output: 'embedding',
  sizePx: 150,
  layout: 'NCHW',
  channels: 'RGB',
  mean: [122.782, 117.001, 104.298],
  scale: 256,
  alignment: { kind: 'similarity', template: DLIB_TEMPLATE },
  mirror: true,
  dimensions: 128,
  weight: 0.7,
};

/** One network a face: the default. Thresholds from all 87 million stranger pairs of LFW; the slope is the one of its mirrored form. */
export const FAST_PACK: ModelPack = {
  id: 'fast',
  title: 'MobileFaceNet',
  licence: 'Apache-2.0, MIT',
  finder: FINDER,
  embedders: [MOBILE_FACE_NET],
  dimensions: 192,
  thresholds: {
    isCalibrated: true,
    points: [
      { falseMatchRate: 1e-2, cosine: 0.352 },
      { falseMatchRate: 1e-3, cosine: 0.456 },
      { falseMatchRate: 1e-4, cosine: 0.542 },
      { falseMatchRate: 1e-5, cosine: 0.61 },
      { falseMatchRate: 1e-6, cosine: 0.663 },
    ],
    smallFaces: { slope: 0.158, referenceWidthPx: 30 },
  },
};

/** Two networks a face, each with its mirror image: some four points more true matches at a false match rate of 1e-6, four times the time. */
export const ACCURATE_PACK: ModelPack = {
  id: 'accurate',
  title: 'MobileFaceNet and dlib ResNet, fused',
  licence: 'Apache-2.0, MIT, public domain',
  finder: FINDER,
  embedders: [{ ...MOBILE_FACE_NET, mirror: true, weight: 0.3 }, DLIB_RESNET],
  dimensions: 320,
  thresholds: {
    isCalibrated: true,
    points: [
      { falseMatchRate: 1e-2, cosine: 0.734 },
      { falseMatchRate: 1e-3, cosine: 0.776 },
      { falseMatchRate: 1e-4, cosine: 0.809 },
      { falseMatchRate: 1e-5, cosine: 0.835 },
      { falseMatchRate: 1e-6, cosine: 0.856 },
    ],
    smallFaces: { slope: 0.052, referenceWidthPx: 34 },
  },
};

/** The packs that come with Facefleet; the first is the default. */
export const BUILT_IN_PACKS: readonly ModelPack[] = [FAST_PACK, ACCURATE_PACK];
