import { readFile } from 'node:fs/promises';
import { FacefleetError } from '../../errors.ts';

/**
 * Arrivals from a text file: a number of seconds on each line, or the first column of a CSV with a line of names. The
 * earliest is taken for the start.
 *
 * @throws FacefleetError `bad-request` that names the line.
 */
export async function readTrace(path: string): Promise<number[]> {
  return parseTrace(await readFile(path, 'utf8'), path);
}

export function parseTrace(text: string, name: string): number[] {
  const lines = text.split(/\r?\n/).map((line) => (line.split(/[,;\t]/)[0] ?? '').trim());
  const arrivals: number[] = [];
  for (const [index, cell] of lines.entries()) {
    if (cell === '' || cell.startsWith('#')) continue;
    const seconds = Number(cell);
    if (Number.isFinite(seconds)) arrivals.push(seconds);
    else if (index > 0) {
      throw new FacefleetError(
        'bad-request',
        `line ${index + 1} of ${name} is ${JSON.stringify(cell)}, expected a number of seconds`,
      );
    }
  }
  if (arrivals.length === 0) {
    throw new FacefleetError(
      'bad-request',
      `${name} has 0 arrivals, expected a number of seconds on each line`,
    );
  }
  arrivals.sort((one, other) => one - other);
  const first = arrivals[0]!;
  return arrivals.map((at) => at - first);
}
