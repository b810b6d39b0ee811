import { InferenceSession, Tensor } from 'onnxruntime-node';

import { ModelError } from './errors.ts';
import type { Feeding, PackManifest } from './pack-manifest.ts';

/** What a manifest leaves to its ONNX file. */
export interface ProbedGraph {
  readonly input: string;
  readonly output: string;
  readonly dimensions: number;
}

/**
 * Runs an embedder on two made-up chips, to see that it takes what its manifest says and gives embeddings.
 *
 * @throws ModelError that says what does not fit.
 */
export async function probeEmbedder(onnx: Uint8Array, manifest: PackManifest): Promise<ProbedGraph> {
  const session = await open(onnx, manifest);
  try {
    const input = pickName('input', manifest.input, session.inputNames);
    const output = pickName('output', manifest.output, session.outputNames);
    checkInput(session, input, manifest.feeding);
    const first = await embed(session, { input, output }, manifest.feeding, 0);
    const second = await embed(session, { input, output }, manifest.feeding, 1);
    checkEmbeddings(first, second, manifest.dimensions);
    return { input, output, dimensions: first.length };
  } finally {
    await session.release();
  }
}

async function open(onnx: Uint8Array, { model }: PackManifest): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(onnx, { logSeverityLevel: 3 });
  } catch (cause) {
    throw new ModelError(`${model} cannot be loaded, expected an ONNX file in one piece: ${String(cause)}`, {
      cause,
    });
  }
}

function pickName(side: 'input' | 'output', wanted: string | undefined, names: readonly string[]): string {
  const [only] = names;
  if (wanted === undefined && names.length === 1 && only !== undefined) return only;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  const given = names.map((name) => JSON.stringify(name)).join(', ');
  throw new ModelError(
    wanted === undefined
      ? `the graph has the ${side}s ${given}; name one in the manifest's field ${side}`
      : `${side} is ${JSON.stringify(wanted)}, expected one of the graph's: ${given}`,
  );
}

function checkInput(session: InferenceSession, name: string, { layout, sizePx }: Feeding): void {
  const input = session.inputMetadata.find((one) => one.name === name);
  if (!input?.isTensor || input.type !== 'float32') {
    throw new ModelError(
      `the input ${name} is ${input?.isTensor ? input.type : 'no tensor'}, expected float32`,
    );
  }
  const expected = shapeOf({ layout, sizePx });
  const fits =
    input.shape.length === 0 ||
    (input.shape.length === 4 &&
      input.shape.every((size, axis) => typeof size === 'string' || size === -1 || size === expected[axis]));
  if (!fits) {
    throw new ModelError(
      `the input ${name} takes ${shown(input.shape)}, the manifest's layout ${layout} and sizePx ${sizePx} give ${shown(expected)}`,
    );
  }
}

function shapeOf({ layout, sizePx }: Pick<Feeding, 'layout' | 'sizePx'>): number[] {
  return layout === 'NCHW' ? [1, 3, sizePx, sizePx] : [1, sizePx, sizePx, 3];
}

/** The chips are waves of pixels from 0 to 255, of another length for each seed. */
async function embed(
  session: InferenceSession,
  { input, output }: { input: string; output: string },
  feeding: Feeding,
  seed: number,
): Promise<Float32Array> {
  const shape = shapeOf(feeding);
  const length = shape.reduce((product, size) => product * size, 1);
  const pixel = (index: number) => 127.5 + 127.5 * Math.sin(index / (7 + 40 * seed));
  const chip = Float32Array.from({ length }, (_, index) => (pixel(index) - feeding.mean[0]) / feeding.scale);
  try {
    const { [output]: embedding } = await session.run({ [input]: new Tensor('float32', chip, shape) }, [
      output,
    ]);
    if (embedding?.data instanceof Float32Array) return embedding.data;
  } catch (cause) {
    throw new ModelError(`the graph fails on a chip of ${shown(shape)}: ${String(cause)}`, { cause });
  }
  throw new ModelError(`the output ${output} is not float32`);
}

function checkEmbeddings(first: Float32Array, second: Float32Array, dimensions: number | undefined): void {
  if (dimensions !== undefined && first.length !== dimensions) {
    throw new ModelError(
      `the graph gives ${first.length} floats a face, the manifest's dimensions say ${dimensions}`,
    );
  }
  if (first.length < 16 || first.length > 8192) {
    throw new ModelError(
      `the graph gives ${first.length} floats a face, expected 16 to 8192: is it an embedder?`,
    );
  }
  if (![...first, ...second].every(Number.isFinite)) {
    throw new ModelError('the graph gives numbers that are not finite; are mean and scale right?');
  }
  if (first.every((value, index) => value === second[index])) {
    throw new ModelError('the graph gives the same embedding for two different chips; is it an embedder?');
  }
}

function shown(shape: readonly (number | string)[]): string {
  return `[${shape.join(', ')}]`;
}
