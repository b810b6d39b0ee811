import { type Dirent, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseCsv } from '../csv.ts';
import { FacefleetError } from '../errors.ts';
import { contentTypeOf } from '../picture-files.ts';

/** A picture to enrol. */
export interface EnrolmentItem {
  /** Path, as it can be opened from here. */
  readonly file: string;
  readonly person: string;
}

export interface EnrolmentList {
  readonly items: readonly EnrolmentItem[];
  /** Pictures that belong to nobody: they lie beside the people's folders, not in one. */
  readonly unowned: readonly string[];
}

/**
 * The pictures of a folder that has a folder for each person, whose name is the person's. What lies deeper belongs
 * to the person too; hidden files and files that aren't called pictures are passed over.
 *
 * @throws FacefleetError `not-found` when there is no such folder or no person's picture in it.
 */
export async function listPeopleFolder(folder: string): Promise<EnrolmentList> {
  const entries = await readFolder(folder);
  const items: EnrolmentItem[] = [];
  for (const entry of entries.filter((one) => one.isDirectory())) {
    const files = await picturesBelow(join(folder, entry.name));
    items.push(...files.map((file) => ({ file, person: entry.name })));
  }
  const unowned = entries.filter(isPicture).map(({ name }) => join(folder, name));
  if (items.length === 0) {
    throw new FacefleetError(
      'not-found',
      `no picture of a person in ${folder}, expected a folder for each person with pictures in it (or --name)`,
    );
  }
  return { items, unowned };
}

/**
 * Pictures of one person: files, and all pictures in folders.
 *
 * @throws FacefleetError `not-found` for a path that is not there.
 */
export async function listPictures(paths: readonly string[], person: string): Promise<EnrolmentList> {
  const files: string[] = [];
  for (const path of paths) {
    if (!existsSync(path)) throw new FacefleetError('not-found', `there is no ${path}`);
    files.push(...((await isFolder(path)) ? await picturesBelow(path) : [path]));
  }
  return { items: files.map((file) => ({ file, person })), unowned: [] };
}

/**
 * A CSV of file and person, with or without a first line that says so; files are relative to its folder.
 *
 * @throws FacefleetError `not-found` for a missing file, `bad-request` for a line without file or person.
 */
export async function readEnrolmentManifest(file: string): Promise<EnrolmentList> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FacefleetError('not-found', `cannot read the manifest ${file}`, { cause });
  });
  const rows = parseCsv(text).map((row) => row.map((field) => field.trim()));
  const [fileColumn, personColumn] = columnsOf(rows[0] ?? []);
  const isHeading = rows[0]?.[fileColumn]?.toLowerCase() === 'file';
  const items = rows.slice(isHeading ? 1 : 0).map((row, at) => {
    const [picture = '', person = ''] = [row[fileColumn], row[personColumn]];
    if (picture === '' || person === '') {
      const line = at + (isHeading ? 2 : 1);
      throw new FacefleetError(
        'bad-request',
        `line ${line} of ${file} is ${row.join(',')}, expected file,person`,
      );
    }
    return { file: resolve(dirname(file), picture), person };
  });
  return { items: items.map((item) => ({ ...item, file: relative('', item.file) })), unowned: [] };
}

function columnsOf(heading: readonly string[]): [file: number, person: number] {
  const names = heading.map((name) => name.toLowerCase());
  const isHeading = names.includes('file') && names.includes('person');
  return isHeading ? [names.indexOf('file'), names.indexOf('person')] : [0, 1];
}

async function picturesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readFolder(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await picturesBelow(path)));
    else if (isPicture(entry)) files.push(path);
  }
  return files;
}

/** By name, without hidden entries. */
async function readFolder(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FacefleetError('not-found', `cannot read the folder ${folder}`, { cause });
  });
  return entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isFolder(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => undefined)) !== undefined;
}

function isPicture(entry: Dirent): boolean {
  return (entry.isFile() || entry.isSymbolicLink()) && contentTypeOf(entry.name) !== undefined;
}
