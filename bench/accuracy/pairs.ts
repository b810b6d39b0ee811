import { readFile } from 'node:fs/promises';

export interface Pair {
  readonly fold: string;
  /** Paths in the folder of pictures. */
  readonly a: string;
  readonly b: string;
  readonly isSame: boolean;
}

const COLUMNS = ['fold', 'a', 'b', 'same'] as const;
const FOLDS_MADE = 10;

/** Reads a CSV with the columns fold, a, b, same (1: one person). With a single fold the pairs are dealt out to ten. */
export async function readPairs(path: string): Promise<Pair[]> {
  const [header = '', ...lines] = (await readFile(path, 'utf8')).trim().split(/\r?\n/);
  const names = header.split(',').map((name) => name.trim());
  const [foldAt, aAt, bAt, sameAt] = COLUMNS.map((column) => names.indexOf(column));
  if (foldAt === -1 || aAt === -1 || bAt === -1 || sameAt === -1) {
    throw new Error(`${path} has the columns ${header}, expected ${COLUMNS.join(',')}`);
  }
  const pairs = lines.map((line, index): Pair => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [fold, a, b, same] = [cells[foldAt!], cells[aAt!], cells[bAt!], cells[sameAt!]];
    if (fold === undefined || !a || !b || (same !== '0' && same !== '1')) {
      throw new Error(
        `${path}:${index + 2} is ${JSON.stringify(line)}, expected a fold, two paths and 0 or 1`,
      );
    }
    return { fold, a, b, isSame: same === '1' };
  });
  if (!pairs.some(({ isSame }) => isSame) || pairs.every(({ isSame }) => isSame)) {
    throw new Error(`${path} holds ${pairs.length} pairs; expected some of one person and some of two`);
  }
  const hasFolds = new Set(pairs.map(({ fold }) => fold)).size > 1;
  return hasFolds ? pairs : pairs.map((pair, index) => ({ ...pair, fold: String(index % FOLDS_MADE) }));
}
