/** Face recognition as a library: encoded pictures in, faces with unit embeddings out. It knows nothing of the service around it. */
import { type OpeningSettings, openPipeline } from './opening.ts';
import { ThreadedRecogniser } from './threaded-recogniser.ts';
import type { Recogniser } from './types.ts';

export { activePack, setActivePack } from './active-pack.ts';
export * from './errors.ts';
export { DEFAULT_MAX_PIXELS, decodePicture, type Picture } from './image.ts';
export { modelName, modelsOf, type PackReport, reportPack } from './model-report.ts';
export { ModelStore } from './model-store.ts';
export { PackRegistry } from './pack-registry.ts';
export * from './packs.ts';
export * from './thresholds.ts';
export * from './types.ts';
export { cosine, judge, type Verdict } from './verdict.ts';

export interface OpenRecogniserOptions extends OpeningSettings {
  /**
   * In a worker thread (default), so that the caller's thread stays free while networks run; else on the caller's own,
   * which then stands still for some ten milliseconds a picture.
   */
  readonly inThread?: boolean;
}

/**
 * Opens a recogniser. It computes one picture at a time and decodes the next one meanwhile, so keep two calls in flight, and up
 * to eight with small pictures, whose runs of one network it puts together; open one for each core to be used. Rejects with
 * ModelError when a model is missing or altered.
 */
export async function openRecogniser({
  inThread = true,
  ...settings
}: OpenRecogniserOptions): Promise<Recogniser> {
  return inThread ? await ThreadedRecogniser.open(settings) : await openPipeline(settings);
}
