import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ModelError } from './errors.ts';

/** One thread a session: several sessions side by side use a machine better than one that shares its work out. */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

/** A network with one float input. */
export interface Runnable {
  readonly name: string;
  /**
   * @param data values of the input; they may be overwritten once the call has ended
   * @returns the outputs by name
   */
  run(input: string, data: Float32Array, shape: readonly number[]): Promise<ModelOutputs>;
  release(): Promise<void>;
}

/** A network, ready to run. Its `run` blocks the thread it is called on, which is why recognisers live in one of their own. */
export class Model implements Runnable {
  readonly name: string;
  readonly #session: InferenceSession;

  private constructor(name: string, session: InferenceSession) {
    this.name = name;
    this.#session = session;
  }

  static async open(name: string, onnx: Uint8Array | string): Promise<Model> {
    try {
      const session =
        typeof onnx === 'string'
          ? await InferenceSession.create(onnx, SESSION_OPTIONS)
          : await InferenceSession.create(onnx, SESSION_OPTIONS);
      return new Model(name, session);
    } catch (cause) {
      throw new ModelError(
        `The model ${name} cannot be loaded; expected an ONNX file that ONNX Runtime reads.`,
        {
          cause,
        },
      );
    }
  }

  async run(input: string, data: Float32Array, shape: readonly number[]): Promise<ModelOutputs> {
    return new ModelOutputs(
      this.name,
      await this.#session.run({ [input]: new Tensor('float32', data, shape) }),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

export class ModelOutputs {
  readonly #modelName: string;
  readonly #tensors: InferenceSession.ReturnType;

  constructor(modelName: string, tensors: InferenceSession.ReturnType) {
    this.#modelName = modelName;
    this.#tensors = tensors;
  }

  floats(name: string): Float32Array {
    const tensor = this.#tensors[name];
    if (tensor !== undefined && tensor.data instanceof Float32Array) return tensor.data;
    const given = Object.entries(this.#tensors).map(([key, { type }]) => `${key} (${type})`);
    throw new ModelError(
      `The model ${this.#modelName} gives ${given.join(', ')}; expected an output ${name} of float32.`,
    );
  }
}
