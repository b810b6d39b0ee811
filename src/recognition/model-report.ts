import type { ModelCheck, ModelStore } from './model-store.ts';
import { BUILT_IN_PACKS, type ModelPack, type ModelReference } from './packs.ts';

export interface ModelReport extends ModelCheck {
  readonly name: string;
}

export interface PackReport {
  readonly id: string;
  readonly title: string;
  readonly licence: string;
  readonly isBuiltIn: boolean;
  /** Its thresholds were measured for it, rather than being the stated default. */
  readonly isCalibrated: boolean;
  /** Floats of an embedding. */
  readonly dimensions: number;
  /** Finder, confirmer, embedders. */
  readonly models: readonly ModelReport[];
}

/** What a pack is made of, and the state of its files. Nothing is converted for it. */
export async function reportPack(pack: ModelPack, store: ModelStore): Promise<PackReport> {
  const models = modelsOf(pack).map(async (model) => ({
    name: modelName(model),
    ...(await store.check(model)),
  }));
  return {
    id: pack.id,
    title: pack.title,
    licence: pack.licence,
    isBuiltIn: BUILT_IN_PACKS.includes(pack),
    isCalibrated: pack.thresholds.isCalibrated,
    dimensions: pack.dimensions,
    models: await Promise.all(models),
  };
}

/** Everything that a pack loads. */
export function modelsOf({ finder, embedders }: ModelPack): ModelReference[] {
  return [finder.fullRange, finder.shortRange, finder.confirmer, ...embedders.map(({ model }) => model)];
}

/** For people. */
export function modelName(model: ModelReference): string {
  return typeof model === 'string' ? model : `${model.packId}/${model.file}`;
}
