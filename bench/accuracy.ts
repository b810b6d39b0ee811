/**
 * How well a pack tells people apart.
 *
 *     node bench/accuracy.ts --pairs pairs.csv --images pictures [--pack accurate] [--json]
 *     node bench/accuracy.ts --all-pairs --images people
 *
 * `--pairs` takes a CSV with the columns fold,a,b,same and gives the accuracy of leaving one fold out, the equal error rate,
 * and true match rates at false match rates of 1e-2 and 1e-3. `--all-pairs` takes a folder a person, compares everybody with
 * everybody, and gives the true match rate, averaged over people, at 1e-2 to 1e-5.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../src/config.ts';
import { compareAll } from './accuracy/all-pairs.ts';
import { type EmbeddingOptions, embedPictures } from './accuracy/embedding.ts';
import { readPairs } from './accuracy/pairs.ts';
import { allPairsAsText, type FacesOfPairs, pairsAsText, reportPairs } from './accuracy/report.ts';

interface Options {
  readonly images: string;
  readonly pairs?: string;
  readonly allPairs?: boolean;
  readonly pack?: string;
  readonly face: EmbeddingOptions['choice'];
  readonly shrink?: number;
  readonly shrinkSecond?: number;
  readonly smallFaces?: boolean;
  readonly threads: number;
  readonly json?: boolean;
}

const RATES_OF_ALL_PAIRS = [1e-2, 1e-3, 1e-4, 1e-5];
const PICTURES = '**/*.{jpg,jpeg,png,webp,avif,gif,tif,tiff,JPG,JPEG,PNG}';

await new Command('bench/accuracy')
  .requiredOption('--images <dir>', 'folder of pictures')
  .option('--pairs <csv>', 'pairs to judge: fold,a,b,same')
  .option('--all-pairs', 'compare everybody with everybody; the folder holds a folder a person')
  .option('--pack <id>', 'model pack')
  .addOption(
    new Option('--face <which>', 'of several in a picture')
      .choices(['central', 'largest'])
      .default('central'),
  )
  .option('--shrink <px>', 'shrink all pictures to this long side first', sideOf)
  .option('--shrink-second <px>', 'shrink only the second picture of each pair', sideOf)
  .option('--small-faces', 'look for faces below 40 px too')
  .option('--threads <count>', 'recognisers at once', sideOf, availableParallelism())
  .option('--json', 'end with one line of JSON that holds `accuracy` in percent')
  .action(main)
  .parseAsync();

async function main(options: Options, command: Command): Promise<void> {
  if (options.pairs === undefined && options.allPairs !== true) {
    command.error('neither --pairs nor --all-pairs is given, expected one of them', { exitCode: 2 });
  }
  const results: Record<string, unknown> = { pack: embeddingOptions(options).recogniser.packId };
  if (options.pairs !== undefined) Object.assign(results, await judgePairs(options.pairs, options));
  if (options.allPairs === true) Object.assign(results, await judgeAll(options));
  if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

async function judgePairs(csv: string, options: Options): Promise<object> {
  const pairs = await readPairs(csv);
  const report = reportPairs(pairs, await facesOf(pairs, options));
  process.stdout.write(`${pairsAsText(report)}\n`);
  return {
    accuracy: rounded(report.accuracy.value * 100),
    standardDeviation: rounded(report.accuracy.standardDeviation * 100),
    equalErrorRate: rounded(report.equalError.rate * 100),
    trueMatchRates: report.trueMatch.map(({ value, falseMatchRate, threshold }) => ({
      falseMatchRate,
      threshold,
      trueMatchRate: rounded(value * 100),
    })),
    pairs: report.pairs,
    withoutFace: report.withoutFace.length,
  };
}

async function facesOf(pairs: readonly { a: string; b: string }[], options: Options): Promise<FacesOfPairs> {
  const { shrink, shrinkSecond } = options;
  const settings = embeddingOptions(options);
  const paths = (side: 'a' | 'b') => pairs.map((pair) => pair[side]);
  if (shrinkSecond === undefined) {
    const all = await embedPictures([...new Set([...paths('a'), ...paths('b')])], {
      ...settings,
      shrinkTo: shrink,
    });
    return {
      a: all.faces,
      b: all.faces,
      pictures: all.faces.size + all.withoutFace.length,
      withoutFace: all.withoutFace,
    };
  }
  const first = await embedPictures([...new Set(paths('a'))], { ...settings, shrinkTo: shrink });
  const second = await embedPictures([...new Set(paths('b'))], { ...settings, shrinkTo: shrinkSecond });
  const withoutFace = [...first.withoutFace, ...second.withoutFace];
  return {
    a: first.faces,
    b: second.faces,
    pictures: first.faces.size + second.faces.size + withoutFace.length,
    withoutFace,
  };
}

async function judgeAll(options: Options): Promise<object> {
  const paths = globSync(PICTURES, { cwd: options.images }).sort();
  const { faces, withoutFace } = await embedPictures(paths, {
    ...embeddingOptions(options),
    shrinkTo: options.shrink,
  });
  const named = [...faces].map(([path, { embedding }]) => ({ person: dirname(path), path, embedding }));
  const result = compareAll(named, RATES_OF_ALL_PAIRS);
  process.stdout.write(
    `${paths.length} pictures, no face in ${withoutFace.length}; ${allPairsAsText(result)}\n`,
  );
  return {
    allPairs: result.rates.map(({ falseMatchRate, threshold, trueMatchRate }) => ({
      falseMatchRate,
      threshold,
      trueMatchRate: rounded(trueMatchRate * 100),
    })),
  };
}

function embeddingOptions(options: Options): EmbeddingOptions {
  const { config } = loadConfig(options.pack === undefined ? {} : { flags: { pack: options.pack } });
  return {
    folder: options.images,
    recogniser: {
      modelsDir: join(config.dataDir, 'models'),
      packId: config.pack,
      maxPixels: config.maxPixels,
      smallFaces: options.smallFaces === true,
    },
    threads: options.threads,
    choice: options.face,
  };
}

function sideOf(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
