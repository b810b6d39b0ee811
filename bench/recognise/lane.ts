/** One process of the bench: recognises a picture over and over, in the way a worker does, and counts. */
import { openRecogniser } from '../../src/recognition/index.ts';

export interface LaneOrder {
  readonly modelsDir: string;
  readonly packId: string;
  readonly seconds: number;
  readonly base64: string;
}

export interface LaneReport {
  readonly picturesPerSecond: number;
  readonly peakBytes: number;
}

const WARM_UP_PICTURES = 4;

process.once('message', async ({ modelsDir, packId, seconds, base64 }: LaneOrder) => {
  const picture = Buffer.from(base64, 'base64');
  await using recogniser = await openRecogniser({ modelsDir, packId, maxPixels: 40e6, smallFaces: false });
  for (let count = 0; count < WARM_UP_PICTURES; count++) await recogniser.recognise(picture);
  process.send?.('ready');
  await new Promise((resolve) => process.once('message', resolve));

  let pictures = 0;
  const startedAt = performance.now();
  const isOver = () => performance.now() - startedAt > seconds * 1000;
  // Two at once: one is decoded while the other is computed.
  const repeat = async () => {
    while (!isOver()) {
      await recogniser.recognise(picture);
      pictures++;
    }
  };
  await Promise.all([repeat(), repeat()]);
  const report: LaneReport = {
    picturesPerSecond: (pictures * 1000) / (performance.now() - startedAt),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.(report);
  process.disconnect?.();
});
