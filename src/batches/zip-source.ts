import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

import { errorMessage, FacefleetError } from '../errors.ts';
import { type BatchLimits, type BatchPicture, type BatchSource, refusal, tooMuch } from './batch-source.ts';

/** What unpackers of several systems leave behind, and nobody means. */
const LITTER = /(^|\/)(__MACOSX\/|\.|Thumbs\.db$|desktop\.ini$)/i;
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|7z|rar|zst|jar)$/i;
const STORED = 0;
const DEFLATED = 8;
const MAX_NAME_LENGTH = 255;
/** Beyond any number of files that could hold as many pictures as are allowed. */
const MAX_ENTRIES_FACTOR = 4;
const FILE_TYPE = 0o170000;
const SYMBOLIC_LINK = 0o120000;

/**
 * Opens a ZIP archive on disk and looks through its directory. Nothing is unpacked by that: sizes are those that the
 * archive states, and a file that is longer than it says ends in an error when it is read.
 *
 * @throws FacefleetError `bad-request` for what is no archive, or holds what is not taken: encrypted files, archives,
 *   links, names that lead elsewhere; `limit-exceeded` for too many or too large ones.
 */
export async function openZip(path: string, limits: BatchLimits): Promise<BatchSource & AsyncDisposable> {
  const zip = await open(path);
  try {
    const entries: Entry[] = [];
    let skipped = 0;
    let totalBytes = 0;
    if (zip.entryCount > limits.maxPictures * MAX_ENTRIES_FACTOR) throw tooManyPictures(limits);
    const all = zip.eachEntry();
    for (;;) {
      const entry = await nextEntry(all);
      if (entry === undefined) break;
      if (entry.fileName.endsWith('/') || LITTER.test(entry.fileName)) {
        skipped++;
        continue;
      }
      checkEntry(entry, limits);
      totalBytes += entry.uncompressedSize;
      if (totalBytes > limits.maxTotalBytes) {
        throw tooMuch(`unpacked the pictures take more than ${limits.maxTotalBytes} bytes`);
      }
      entries.push(entry);
      if (entries.length > limits.maxPictures) throw tooManyPictures(limits);
    }
    if (entries.length === 0) throw refusal('the archive holds no pictures');
    return {
      count: entries.length,
      skipped,
      pictures: () => pictures(zip, entries),
      [Symbol.asyncDispose]: async () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function open(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true });
  } catch (error) {
    throw refusal(`the body is no ZIP archive: ${errorMessage(error)}`);
  }
}

async function nextEntry(all: AsyncIterator<Entry>): Promise<Entry | undefined> {
  try {
    const { done, value } = await all.next();
    return done === true ? undefined : value;
  } catch (error) {
    // Its own words name the file: names that lead out of the archive, a directory that is cut off.
    throw refusal(`the archive cannot be read: ${errorMessage(error)}`);
  }
}

function checkEntry(entry: Entry, limits: BatchLimits): void {
  const name = JSON.stringify(entry.fileName.slice(0, MAX_NAME_LENGTH));
  if (entry.isEncrypted()) throw refusal(`the archive holds an encrypted file, ${name}`);
  if (((entry.externalFileAttributes >>> 16) & FILE_TYPE) === SYMBOLIC_LINK) {
    throw refusal(`the archive holds a link, ${name}`);
  }
  if (ARCHIVE.test(entry.fileName)) throw refusal(`the archive holds another archive, ${name}`);
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    throw refusal(`the archive holds a file that is packed in an unknown way, ${name}`);
  }
  if (posix.basename(entry.fileName).length > MAX_NAME_LENGTH) {
    throw refusal(`the archive holds a file whose name is longer than ${MAX_NAME_LENGTH} characters`);
  }
  if (entry.uncompressedSize > limits.maxPictureBytes) {
    throw tooMuch(`${name} has ${entry.uncompressedSize} bytes, expected at most ${limits.maxPictureBytes}`);
  }
}

async function* pictures(zip: ZipFile, entries: readonly Entry[]): AsyncGenerator<BatchPicture> {
  for (const entry of entries) {
    yield { fileName: posix.basename(entry.fileName), content: await contentOf(zip, entry) };
  }
}

/** Broken bytes are one picture's fault; a file that turns out longer than it said is refused by the reader. */
async function contentOf(zip: ZipFile, entry: Entry): Promise<Buffer | FacefleetError> {
  try {
    return await buffer(await zip.openReadStreamPromise(entry));
  } catch (cause) {
    return new FacefleetError('bad-image', `the file cannot be unpacked: ${errorMessage(cause)}`, { cause });
  }
}

function tooManyPictures({ maxPictures }: BatchLimits): FacefleetError {
  return tooMuch(`the archive holds more than ${maxPictures} pictures`);
}
