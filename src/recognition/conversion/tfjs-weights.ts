import { ModelError } from '../errors.ts';

/** A constant of a TensorFlow.js model; convolution kernels are [kh, kw, inputs, outputs]. */
export interface TfjsTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface ManifestEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Absent for weights that are stored as they are. */
  readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
}

/**
 * Reads TensorFlow.js weights, plain float32 or quantised to uint8, where a value is scale · byte + min.
 *
 * @param manifest The `…-weights_manifest.json`: one group of weights.
 * @param bytes The file that the manifest names, its tensors one after another.
 * @throws ModelError when they do not belong together.
 */
export function readTfjsWeights(manifest: Uint8Array, bytes: Uint8Array): ReadonlyMap<string, TfjsTensor> {
  const groups: readonly { weights: readonly ManifestEntry[] }[] = JSON.parse(
    new TextDecoder().decode(manifest),
  );
  const tensors = new Map<string, TfjsTensor>();
  let at = 0;
  for (const entry of groups.flatMap((group) => group.weights)) {
    const length = entry.shape.reduce((product, size) => product * size, 1);
    const end = at + length * (entry.quantization === undefined ? Float32Array.BYTES_PER_ELEMENT : 1);
    tensors.set(entry.name, { shape: entry.shape, data: floatsOf(entry, bytes.subarray(at, end)) });
    at = end;
  }
  if (at !== bytes.length) {
    throw new ModelError(`the weights have ${bytes.length} bytes, their manifest says ${at}`);
  }
  return tensors;
}

function floatsOf({ name, dtype, quantization }: ManifestEntry, bytes: Uint8Array): Float32Array {
  if (dtype !== 'float32' || (quantization !== undefined && quantization.dtype !== 'uint8')) {
    throw new ModelError(
      `the weights ${name} are ${dtype} as ${quantization?.dtype}, expected float32 as uint8`,
    );
  }
  // A copy: the tensor may lie at any offset, typed arrays want aligned ones.
  if (quantization === undefined) return new Float32Array(new Uint8Array(bytes).buffer);
  const { scale, min } = quantization;
  const data = new Float32Array(bytes.length);
  for (let index = 0; index < data.length; index++) data[index] = scale * bytes[index]! + min;
  return data;
}
