import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';

import { sha256Of } from './built-in-models.ts';
import { ModelError } from './errors.ts';
import {
  PACK_ID_PATTERN,
  type PackManifest,
  packOf,
  parseManifest,
  serialiseManifest,
} from './pack-manifest.ts';
import { probeEmbedder } from './pack-probe.ts';
import { BUILT_IN_PACKS, type ModelPack } from './packs.ts';
import { isMissing, readIfThere } from './whole-file.ts';

const MANIFEST_FILE = 'manifest.json';
const MODEL_FILE = 'model.onnx';

/**
 * The packs that can be chosen: the built-in ones and a user's, each of which lies in `packs/<id>/` of the models' folder
 * as `manifest.json` and `model.onnx`. A folder appears there whole or not at all.
 */
export class PackRegistry {
  readonly #folder: string;

  constructor({ folder }: { readonly folder: string }) {
    this.#folder = join(folder, 'packs');
  }

  /** Built-in packs first, then a user's by id. */
  async list(): Promise<ModelPack[]> {
    const ids = (await this.#userPackIds()).sort();
    const own = await Promise.all(ids.map((id) => this.#read(id)));
    return [...BUILT_IN_PACKS, ...own.filter((pack) => pack !== undefined)];
  }

  /** @throws ModelError when there is no such pack, or its manifest is damaged. */
  async find(id: string): Promise<ModelPack> {
    const builtIn = BUILT_IN_PACKS.find((pack) => pack.id === id);
    const pack = builtIn ?? (PACK_ID_PATTERN.test(id) ? await this.#read(id) : undefined);
    if (pack !== undefined) return pack;
    const known = [...BUILT_IN_PACKS.map((one) => one.id), ...(await this.#userPackIds())].join(', ');
    throw new ModelError(`there is no model pack ${JSON.stringify(id)}, expected one of: ${known}`);
  }

  /**
   * Copies a user's pack in, after running it once. Adding the same one again changes nothing.
   *
   * @param source The manifest, or a folder with a `manifest.json`.
   * @throws ModelError when the manifest or the ONNX file is not sound, or another pack has the id.
   */
  async add(source: string): Promise<ModelPack> {
    const file = (await isFolder(source)) ? join(source, MANIFEST_FILE) : source;
    const manifest = parseManifest(await readUsersFile(file), file);
    const onnx = await readOnnx(manifest, dirname(file));
    const graph = await probeEmbedder(onnx, manifest);
    const complete = { ...manifest, ...graph, model: MODEL_FILE, sha256: sha256Of(onnx) };
    const pack = packOf(complete);
    if (await this.#isFree(complete)) await this.#write(complete, onnx);
    return pack;
  }

  /** @throws ModelError when it is built in or not there. */
  async remove(id: string): Promise<void> {
    if (BUILT_IN_PACKS.some((pack) => pack.id === id))
      throw new ModelError(`the pack ${id} is built in and stays`);
    await this.find(id);
    // Away in one step first: nobody finds half a pack.
    const doomed = this.#temporaryFolder(id);
    await rename(join(this.#folder, id), doomed);
    await rm(doomed, { recursive: true });
  }

  /** False when this very pack is there already. */
  async #isFree(manifest: PackManifest): Promise<boolean> {
    const { id } = manifest;
    if (BUILT_IN_PACKS.some((pack) => pack.id === id)) {
      throw new ModelError(`a built-in pack is called ${id}; choose another id in the manifest`);
    }
    const present = await readIfThere(join(this.#folder, id, MANIFEST_FILE));
    if (present === undefined) return true;
    if (present.toString() === serialiseManifest(manifest)) return false;
    throw new ModelError(
      `another pack is called ${id}; remove it first (\`facefleet models remove ${id}\`) or choose another id`,
    );
  }

  async #write(manifest: PackManifest, onnx: Uint8Array): Promise<void> {
    const folder = join(this.#folder, manifest.id);
    const temporary = this.#temporaryFolder(manifest.id);
    try {
      await mkdir(temporary, { recursive: true });
      await writeFile(join(temporary, MODEL_FILE), onnx);
      await writeFile(join(temporary, MANIFEST_FILE), serialiseManifest(manifest));
      await rename(temporary, folder);
    } catch (cause) {
      await rm(temporary, { recursive: true, force: true });
      throw new ModelError(`the pack ${manifest.id} cannot be written to ${folder}: ${String(cause)}`, {
        cause,
      });
    }
  }

  async #read(id: string): Promise<ModelPack | undefined> {
    const file = join(this.#folder, id, MANIFEST_FILE);
    const bytes = await readIfThere(file);
    if (bytes === undefined) return undefined;
    const manifest = parseManifest(bytes.toString(), file);
    if (manifest.id !== id)
      throw new ModelError(`${file} has the id ${manifest.id}, expected its folder's name, ${id}`);
    return packOf(manifest);
  }

  async #userPackIds(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => PACK_ID_PATTERN.test(name));
    } catch (cause) {
      if (isMissing(cause)) return [];
      throw new ModelError(`the folder ${this.#folder} cannot be read: ${String(cause)}`, { cause });
    }
  }

  /** No pack's id begins with a dot. */
  #temporaryFolder(id: string): string {
    return join(this.#folder, `.${id}.${randomUUID()}`);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new ModelError(`${path} is not there, expected a manifest or a folder with a ${MANIFEST_FILE}`, {
      cause,
    });
  }
}

async function readUsersFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ModelError(`${path} cannot be read: ${String(cause)}`, { cause });
  }
}

async function readOnnx({ model, sha256 }: PackManifest, folder: string): Promise<Uint8Array> {
  const path = resolve(folder, model);
  const inside = relative(resolve(folder), path);
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw new ModelError(`model is ${JSON.stringify(model)}, expected a file below the manifest's folder`);
  }
  const onnx = await readIfThere(path);
  if (onnx === undefined) throw new ModelError(`model is ${JSON.stringify(model)}, but ${path} is not there`);
  const found = sha256Of(onnx);
  if (sha256 !== undefined && found !== sha256) {
    throw new ModelError(`${path} has SHA-256 ${found}, the manifest says ${sha256}`);
  }
  return onnx;
}
