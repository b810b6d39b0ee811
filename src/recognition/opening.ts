import { ModelError } from './errors.ts';
import { Model } from './model.ts';
import { ModelStore } from './model-store.ts';
import { BUILT_IN_PACKS, type ModelPack } from './packs.ts';
import { RecognitionPipeline } from './pipeline.ts';

export interface OpeningSettings {
  /** Folder of converted ONNX files and users' packs. */
  readonly modelsDir: string;
  readonly packId: string;
  /** Pictures with more are refused. */
  readonly maxPixels: number;
  /** Always run the extra 640 px pass. */
  readonly smallFaces: boolean;
}

/** Opens a pack's models, converting them first where that was never done, on the thread it is called on. */
export async function openPipeline(settings: OpeningSettings): Promise<RecognitionPipeline> {
  const store = new ModelStore({ folder: settings.modelsDir });
  return await RecognitionPipeline.open({
    pack: findPack(settings.packId),
    openModel: async (reference) => Model.open(store.pathOf(reference), await store.load(reference)),
    maxPixels: settings.maxPixels,
    smallFaces: settings.smallFaces,
  });
}

/** Rejects ids that no pack has, with ModelError. */
export function findPack(id: string): ModelPack {
  const pack = BUILT_IN_PACKS.find((one) => one.id === id);
  if (pack !== undefined) return pack;
  const known = BUILT_IN_PACKS.map((one) => one.id).join(', ');
  throw new ModelError(`There is no model pack ${JSON.stringify(id)}; expected one of ${known}.`);
}
