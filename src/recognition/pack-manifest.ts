import { ModelError } from './errors.ts';
import { ManifestFields } from './manifest-fields.ts';
import {
  type AlignmentTemplate,
  ARCFACE_TEMPLATE,
  DLIB_TEMPLATE,
  type EmbedderSpec,
  FINDER,
  type ModelPack,
  type TemplatePoint,
  type Thresholds,
} from './packs.ts';

/**
 * A user's pack as its manifest describes it. Whatever the file leaves open is `undefined` here, and is taken from the
 * ONNX file when the pack is added.
 */
export interface PackManifest {
  readonly id: string;
  readonly title: string;
  readonly licence: string;
  /** Path of the ONNX file, relative to the manifest's folder. */
  readonly model: string;
  readonly sha256: string | undefined;
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly dimensions: number | undefined;
  readonly feeding: Feeding;
  readonly thresholds: Thresholds;
}

/** How the network is fed. */
export type Feeding = Pick<
  EmbedderSpec,
  'sizePx' | 'layout' | 'channels' | 'mean' | 'scale' | 'alignment' | 'mirror'
>;

export const MANIFEST_VERSION = 1;
export const PACK_ID_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const ARCFACE: Feeding = {
  sizePx: 112,
  layout: 'NCHW',
  channels: 'RGB',
  mean: [127.5, 127.5, 127.5],
  scale: 127.5,
  alignment: { kind: 'similarity', template: ARCFACE_TEMPLATE },
  mirror: false,
};

/** Networks that many people have, and how each is fed; a manifest may change every part. */
export const PACK_KINDS = {
  /** InsightFace's and their like. */
  arcface: ARCFACE,
  /** OpenCV's face_recognition_sface: plain pixels, it scales them itself. */
  sface: { ...ARCFACE, mean: [0, 0, 0], scale: 1 },
  /** facenet-pytorch's InceptionResnetV1: the face box as it is, 160x160, fixed standardisation. */
  facenet: { ...ARCFACE, sizePx: 160, scale: 128, alignment: { kind: 'box', marginPx: 0 } },
} as const satisfies Record<string, Feeding>;

/**
 * For packs that bring no thresholds: above what strangers reach in any network known to us, so that a wrong name is rare
 * and a right one is missed now and then. Calibrating on one's own pictures is better.
 */
export const UNCALIBRATED_THRESHOLDS: Thresholds = {
  isCalibrated: false,
  points: [
    { falseMatchRate: 1e-3, cosine: 0.7 },
    { falseMatchRate: 1e-4, cosine: 0.78 },
    { falseMatchRate: 1e-5, cosine: 0.84 },
    { falseMatchRate: 1e-6, cosine: 0.88 },
  ],
  smallFaces: { slope: 0.158, referenceWidthPx: 30 },
};

const NAMED_ALIGNMENTS = {
  arcface: ARCFACE,
  dlib: { sizePx: 150, alignment: { kind: 'similarity', template: DLIB_TEMPLATE } },
} as const satisfies Record<string, Pick<Feeding, 'sizePx' | 'alignment'>>;

/**
 * Reads a pack's manifest.
 *
 * @param where The file's path, for the error.
 * @throws ModelError that lists every problem: the field, its value, what was expected.
 */
export function parseManifest(text: string, where: string): PackManifest {
  const fields = ManifestFields.parse(text, where);
  fields.number('version', { min: MANIFEST_VERSION, max: MANIFEST_VERSION, expected: `${MANIFEST_VERSION}` });
  const id = fields.text('id', { pattern: PACK_ID_PATTERN, expected: '1 to 64 of a-z, 0-9, ., _ and -' });
  const manifest: PackManifest = {
    id,
    title: fields.text('title', { fallback: id }),
    licence: fields.text('licence', { fallback: 'not stated' }),
    model: fields.text('model', {
      pattern: /\.onnx$/,
      expected: 'the path of an ONNX file, below the manifest',
    }),
    sha256: fields.optionalText('sha256', {
      pattern: /^[0-9a-f]{64}$/,
      expected: '64 hex digits in lower case',
    }),
    input: fields.optionalText('input', {}),
    output: fields.optionalText('output', {}),
    dimensions: fields.optionalNumber('dimensions', {
      min: 16,
      max: 8192,
      expected: 'a whole number from 16 to 8192',
    }),
    feeding: readFeeding(fields),
    thresholds: readThresholds(fields),
  };
  fields.finish();
  return manifest;
}

function readFeeding(fields: ManifestFields): Feeding {
  const kind = fields.oneOf('kind', Object.keys(PACK_KINDS) as (keyof typeof PACK_KINDS)[], 'arcface');
  const base: Feeding = PACK_KINDS[kind];
  const sizePx =
    fields.optionalNumber('sizePx', { min: 16, max: 1024, expected: 'a whole number from 16 to 1024' }) ??
    base.sizePx;
  return {
    sizePx,
    layout: fields.oneOf('layout', ['NCHW', 'NHWC'], base.layout),
    channels: fields.oneOf('channels', ['RGB', 'BGR'], base.channels),
    mean: readMean(fields) ?? base.mean,
    scale: fields.positive('scale') ?? base.scale,
    alignment: readAlignment(fields, sizePx) ?? resized(base, sizePx),
    mirror: fields.flag('mirror') ?? base.mirror,
  };
}

function readMean(fields: ManifestFields): Feeding['mean'] | undefined {
  const value = fields.take('mean');
  if (value === undefined) return undefined;
  if (isNumbers(value) && value.length === 3) return [value[0]!, value[1]!, value[2]!];
  fields.complain('mean', value, 'three numbers, one a channel');
  return undefined;
}

/** `"arcface"`, `"dlib"`, `{"template": [[x, y], …]}` or `{"box": {"marginPx": 0}}`. */
function readAlignment(fields: ManifestFields, sizePx: number): Feeding['alignment'] | undefined {
  const value = fields.take('alignment');
  if (value === undefined) return undefined;
  if (value === 'arcface' || value === 'dlib') return resized(NAMED_ALIGNMENTS[value], sizePx);
  const { template, box } = isRecord(value) ? value : {};
  if (isTemplate(template, sizePx)) return { kind: 'similarity', template };
  const marginPx = isRecord(box) ? (box.marginPx ?? 0) : undefined;
  if (typeof marginPx === 'number' && marginPx >= 0 && marginPx < sizePx) return { kind: 'box', marginPx };
  const expected = `"arcface", "dlib", {"template": five [x, y] within ${sizePx} px} or {"box": {"marginPx": 0}}`;
  fields.complain('alignment', value, expected);
  return undefined;
}

/** The alignment for chips of another size. */
function resized(
  { alignment, sizePx: from }: Pick<Feeding, 'sizePx' | 'alignment'>,
  to: number,
): Feeding['alignment'] {
  if (alignment.kind === 'box' || from === to) return alignment;
  const scaled = ([x, y]: TemplatePoint): TemplatePoint => [(x * to) / from, (y * to) / from];
  const [leftEye, rightEye, nose, leftMouth, rightMouth] = alignment.template;
  return {
    kind: 'similarity',
    template: [scaled(leftEye), scaled(rightEye), scaled(nose), scaled(leftMouth), scaled(rightMouth)],
  };
}

function isTemplate(value: unknown, sizePx: number): value is AlignmentTemplate {
  const isPoint = (point: unknown) =>
    isNumbers(point) && point.length === 2 && point.every((part) => part >= 0 && part <= sizePx);
  return Array.isArray(value) && value.length === 5 && value.every(isPoint);
}

/** `{"1e-3": 0.31, "1e-4": 0.38}`, and `smallFaces` as in ModelPack. */
function readThresholds(fields: ManifestFields): Thresholds {
  const given = fields.take('thresholds');
  const smallFaces = readSmallFaces(fields) ?? UNCALIBRATED_THRESHOLDS.smallFaces;
  if (given === undefined) return { ...UNCALIBRATED_THRESHOLDS, smallFaces };
  const entries: [string, unknown][] = isRecord(given) ? Object.entries(given) : [];
  const points = entries
    .map(([rate, cosine]) => ({ falseMatchRate: Number(rate), cosine: Number(cosine) }))
    .sort((a, b) => b.falseMatchRate - a.falseMatchRate);
  const isSound = points.every(
    ({ falseMatchRate, cosine }, index) =>
      falseMatchRate > 0 &&
      falseMatchRate < 1 &&
      cosine > -1 &&
      cosine < 1 &&
      cosine >= (points[index - 1]?.cosine ?? -1),
  );
  if (points.length === 0 || !isSound) {
    fields.complain(
      'thresholds',
      given,
      'cosines by false match rate, rising as it falls, like {"1e-3": 0.31, "1e-4": 0.38}',
    );
  }
  return { isCalibrated: true, points, smallFaces };
}

function readSmallFaces(fields: ManifestFields): Thresholds['smallFaces'] | undefined {
  const value = fields.take('smallFaces');
  if (value === undefined) return undefined;
  const { slope, referenceWidthPx } = isRecord(value) ? value : {};
  if (
    typeof slope === 'number' &&
    slope >= 0 &&
    typeof referenceWidthPx === 'number' &&
    referenceWidthPx > 0
  ) {
    return { slope, referenceWidthPx };
  }
  fields.complain('smallFaces', value, 'like {"slope": 0.158, "referenceWidthPx": 30}');
  return undefined;
}

/**
 * The pack that a complete manifest describes, its ONNX file lying in the store.
 *
 * @throws ModelError when the manifest is one that never went through `models add`.
 */
export function packOf(manifest: PackManifest): ModelPack {
  const { id, title, licence, model, sha256, input, output, dimensions, feeding, thresholds } = manifest;
  if (sha256 === undefined || input === undefined || output === undefined || dimensions === undefined) {
    throw new ModelError(
      `the manifest of the pack ${id} is incomplete; remove its folder and add it with \`facefleet models add\``,
    );
  }
  const reference = { packId: id, file: model, sha256 };
  const embedder: EmbedderSpec = { ...feeding, model: reference, input, output, dimensions, weight: 1 };
  return { id, title, licence, finder: FINDER, embedders: [embedder], dimensions, thresholds };
}

/** The text that reads back as this manifest, every part spelt out. */
export function serialiseManifest({ feeding, thresholds, ...rest }: PackManifest): string {
  const { alignment } = feeding;
  const file = {
    version: MANIFEST_VERSION,
    ...rest,
    ...feeding,
    alignment:
      alignment.kind === 'box' ? { box: { marginPx: alignment.marginPx } } : { template: alignment.template },
    ...(thresholds.isCalibrated && {
      thresholds: Object.fromEntries(
        thresholds.points.map(({ falseMatchRate, cosine }) => [String(falseMatchRate), cosine]),
      ),
    }),
    smallFaces: thresholds.smallFaces,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number' && Number.isFinite(one));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
