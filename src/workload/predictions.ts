import { readFile } from 'node:fs/promises';

import { parseCsv } from '../csv.ts';
import { FacefleetError } from '../errors.ts';
import { stemOf } from '../jobs/course-names.ts';

/** Who is on which picture. */
export interface Predictions {
  /** How many pictures it knows. */
  readonly size: number;
  /** By file name, or its stem; undefined for a picture that it doesn't list. */
  nameFor(fileName: string): string | undefined;
}

/**
 * Reads a CSV with the columns `Image` (file name, with or without extension) and `Results` (name), in any order and case.
 *
 * @throws FacefleetError `not-found` for a missing file, `bad-request` for missing columns.
 */
export async function readPredictions(file: string): Promise<Predictions> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FacefleetError('not-found', `cannot read the prediction file ${file}`, { cause });
  });
  return parsePredictions(text, file);
}

export function parsePredictions(text: string, file: string): Predictions {
  const [header = [], ...rows] = parseCsv(text);
  const columns = header.map((name) => name.trim().toLowerCase());
  const [image, results] = [columns.indexOf('image'), columns.indexOf('results')];
  if (image < 0 || results < 0) {
    const found = header.join(', ') || 'none';
    throw new FacefleetError('bad-request', `${file} has the columns ${found}, expected Image and Results`);
  }
  const names = new Map<string, string>();
  for (const row of rows) {
    const key = row[image]?.trim() ?? '';
    if (key !== '') names.set(key, row[results]?.trim() ?? '');
  }
  return {
    size: names.size,
    nameFor: (fileName) => names.get(fileName) ?? names.get(stemOf(fileName)),
  };
}
