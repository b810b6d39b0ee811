import { Model } from './model.ts';
import { ModelStore } from './model-store.ts';
import { PackRegistry } from './pack-registry.ts';
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
    pack: await new PackRegistry({ folder: settings.modelsDir }).find(settings.packId),
    openModel: async (reference) => Model.open(store.pathOf(reference), await store.load(reference)),
    maxPixels: settings.maxPixels,
    smallFaces: settings.smallFaces,
  });
}
