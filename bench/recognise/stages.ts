import sharp from 'sharp';
import { WORKING_SIDE_PX } from '../../src/recognition/image.ts';
import { Model, type Runnable } from '../../src/recognition/model.ts';
import { ModelStore } from '../../src/recognition/model-store.ts';
import { PackRegistry } from '../../src/recognition/pack-registry.ts';
import { RecognitionPipeline } from '../../src/recognition/pipeline.ts';

/** Milliseconds, medians. */
export interface StageFigures {
  readonly faces: number;
  readonly decodeMs: number;
  readonly detectMs: number;
  readonly embedMs: number;
  readonly pipelineMs: number;
  /** The same decoding and the same network runs on prepared tensors, with nothing between them. */
  readonly bareDecodeMs: number;
  readonly bareModelsMs: number;
  /** What the pipeline adds to the bare sum: 0.1 is 10 %. The median of rounds, each of which measures both. */
  readonly added: number;
}

const WARM_UP_ROUNDS = 10;

/** Times a picture's way through the pipeline, and its bare parts by turns with it, for so many seconds. */
export async function measureStages(
  bytes: Buffer,
  { modelsDir, packId, seconds }: { modelsDir: string; packId: string; seconds: number },
): Promise<StageFigures> {
  const tape = new Tape();
  await using pipeline = await openRecorded(tape, modelsDir, packId);
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await pipeline.recognise(bytes);
  const { faces } = await tape.record(() => pipeline.recognise(bytes));
  const rounds: Omit<StageFigures, 'faces' | 'added'>[] = [];
  const endsAt = performance.now() + seconds * 1000;
  while (performance.now() < endsAt || rounds.length < 3) {
    const { timings, ms: pipelineMs } = await timed(() => pipeline.recognise(bytes));
    const { ms: bareDecodeMs } = await timed(() => decodeBare(bytes));
    const { ms: bareModelsMs } = await timed(() => tape.replay());
    rounds.push({ ...timings, pipelineMs, bareDecodeMs, bareModelsMs });
  }
  const of = (figure: (round: (typeof rounds)[number]) => number) => median(rounds.map(figure));
  return {
    faces: faces.length,
    decodeMs: of((round) => round.decodeMs),
    detectMs: of((round) => round.detectMs),
    embedMs: of((round) => round.embedMs),
    pipelineMs: of((round) => round.pipelineMs),
    bareDecodeMs: of((round) => round.bareDecodeMs),
    bareModelsMs: of((round) => round.bareModelsMs),
    added: of((round) => round.pipelineMs / (round.bareDecodeMs + round.bareModelsMs) - 1),
  };
}

/** The network runs of one picture. */
class Tape {
  #isRecording = false;
  readonly #runs: (() => Promise<unknown>)[] = [];

  async record<T>(work: () => Promise<T>): Promise<T> {
    this.#isRecording = true;
    const result = await work();
    this.#isRecording = false;
    return result;
  }

  async replay(): Promise<object> {
    for (const run of this.#runs) await run();
    return {};
  }

  /** The model, seen through the tape. */
  listenTo(model: Model): Runnable {
    return {
      name: model.name,
      run: (input, data, shape) => {
        if (this.#isRecording) {
          const prepared = data.slice();
          this.#runs.push(() => model.run(input, prepared, shape));
        }
        return model.run(input, data, shape);
      },
      release: () => model.release(),
    };
  }
}

async function openRecorded(tape: Tape, modelsDir: string, packId: string): Promise<RecognitionPipeline> {
  const store = new ModelStore({ folder: modelsDir });
  return await RecognitionPipeline.open({
    pack: await new PackRegistry({ folder: modelsDir }).find(packId),
    openModel: async (reference) =>
      tape.listenTo(await Model.open(store.pathOf(reference), await store.load(reference))),
    maxPixels: 40e6,
    smallFaces: false,
  });
}

async function decodeBare(bytes: Buffer): Promise<object> {
  const side = { width: WORKING_SIDE_PX, height: WORKING_SIDE_PX };
  return await sharp(bytes, { sequentialRead: true })
    .resize({ ...side, fit: 'inside', withoutEnlargement: true, kernel: 'linear' })
    .raw()
    .toBuffer({ resolveWithObject: true });
}

async function timed<T extends object>(work: () => Promise<T>): Promise<T & { ms: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { ...result, ms: performance.now() - startedAt };
}

function median(values: readonly number[]): number {
  const rising = values.toSorted((a, b) => a - b);
  return rising[Math.floor(rising.length / 2)] ?? Number.NaN;
}
