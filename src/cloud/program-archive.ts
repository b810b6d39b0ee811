import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { FacefleetError } from '../errors.ts';
import { packageVersion } from '../version.ts';
import { pageFolder } from '../web/page/page-folder.ts';
import { type TarEntry, tarOf } from './tar.ts';

export interface ProgramArchive {
  /** In the state bucket. Names version and content, so that the same program is the same object. */
  readonly key: string;
  /** A gzipped tar. */
  readonly bytes: Buffer;
  readonly fileCount: number;
  /** False: the page at /ui was not built, and instances have no means to. */
  readonly hasPage: boolean;
}

/** Below this key in the state bucket lie the archives. */
export const RELEASES = 'releases/';

const FILES = ['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'NOTICE'];
const FOLDERS = ['bin', 'src', 'deploy'];

/**
 * Packs what an instance needs to install and run the program that lies in `root`: sources, lock file, units, scripts and
 * the built page. Packages it fetches itself.
 *
 * @throws FacefleetError `bad-request` when `root` is no clone: published packages have no lock file.
 */
export async function packProgram(root: string): Promise<ProgramArchive> {
  const missing = FILES.find((file) => !existsSync(join(root, file)));
  if (missing !== undefined) {
    throw new FacefleetError(
      'bad-request',
      `${root} has no ${missing}: instances are installed from a clone of the repository, run this command in one`,
    );
  }
  const page = pageFolder(root);
  const hasPage = page !== undefined && existsSync(page);
  const folders = [...FOLDERS, ...(hasPage ? [relative(root, page)] : [])];
  const paths = [...FILES, ...folders.flatMap((folder) => filesBelow(root, folder))].sort();
  const entries = paths.map((path) => entryOf(root, path));
  const archive = tarOf(entries);
  const hash = createHash('sha256').update(archive).digest('hex').slice(0, 16);
  return {
    key: `${RELEASES}facefleet-${packageVersion()}-${hash}.tgz`,
    bytes: await promisify(gzip)(archive, { level: 9 }),
    fileCount: entries.length,
    hasPage,
  };
}

function filesBelow(root: string, folder: string): string[] {
  return globSync('**/*', { cwd: join(root, folder) })
    .map((path) => join(folder, path))
    .filter((path) => !path.endsWith('.test.ts') && statSync(join(root, path)).isFile());
}

function entryOf(root: string, path: string): TarEntry {
  const file = join(root, path);
  return {
    path: path.split(sep).join('/'),
    content: readFileSync(file),
    isExecutable: (statSync(file).mode & 0o100) !== 0,
  };
}
