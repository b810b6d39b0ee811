import { join } from 'node:path';

import { type OpenRecogniserOptions, openRecogniser, type Recogniser } from '../../src/recognition/index.ts';

/**
 * Converted models, kept between runs: every load checks their SHA-256, so a stale or damaged one is made anew, and test files
 * that run at the same time may share it.
 */
export const TEST_MODELS_DIR = join(import.meta.dirname, '../../node_modules/.cache/facefleet/test-models');

/** On the test's own thread unless told otherwise: that starts faster. */
export function openTestRecogniser(options: Partial<OpenRecogniserOptions> = {}): Promise<Recogniser> {
  return openRecogniser({
    modelsDir: TEST_MODELS_DIR,
    packId: 'fast',
    maxPixels: 40e6,
    smallFaces: false,
    inThread: false,
    ...options,
  });
}
