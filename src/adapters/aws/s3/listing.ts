import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { ObjectEntry } from '../../../ports/object-store.ts';
import { isOdd, keyOfStored, oddPrefix } from '../../portable-key.ts';
import type { BucketCalls } from './bucket-calls.ts';

export interface ListingOptions {
  readonly prefix: string;
  readonly startAfter: string | undefined;
}

/** Ordinary keys as S3 lists them, and among them, in the byte order of keys, the odd ones, which lie elsewhere. */
export async function* listObjects(calls: BucketCalls, options: ListingOptions): AsyncGenerator<ObjectEntry> {
  const odd = oddEntries(calls, options);
  // Whoever leaves before it was looked at hears nothing of its failure.
  odd.catch(() => {});
  let aside: ObjectEntry[] | undefined;
  for await (const page of ordinaryPages(calls, options)) {
    aside ??= await odd;
    for (const entry of page) {
      while (aside[0] !== undefined && byBytes(aside[0].key, entry.key) < 0) yield aside.shift()!;
      yield entry;
    }
  }
  yield* aside ?? (await odd);
}

async function* ordinaryPages(calls: BucketCalls, options: ListingOptions): AsyncGenerator<ObjectEntry[]> {
  const { prefix, startAfter } = options;
  // What is odd up to its last slash has only odd keys below it.
  if (prefix.includes('/') && isOdd(prefix.slice(0, prefix.lastIndexOf('/') + 1))) return;
  const after = startAfter === undefined ? undefined : ordinaryStart(startAfter);
  for await (const entries of pages(calls, { prefix, after })) {
    yield entries.filter(({ key }) => !isOdd(key) && isWanted(key, options));
  }
}

/** Few, if any: odd file names of the course dialect. */
async function oddEntries(calls: BucketCalls, options: ListingOptions): Promise<ObjectEntry[]> {
  const found: ObjectEntry[] = [];
  for await (const entries of pages(calls, { prefix: oddPrefix(options.prefix), after: undefined })) {
    found.push(...entries.filter(({ key }) => isOdd(key) && isWanted(key, options)));
  }
  return found.sort((one, other) => byBytes(one.key, other.key));
}

async function* pages(
  calls: BucketCalls,
  { prefix, after }: { prefix: string; after: string | undefined },
): AsyncGenerator<ObjectEntry[]> {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: calls.bucket,
      // Else one name that is not XML, which somebody else wrote, makes the whole listing unreadable.
      EncodingType: 'url',
      ...(prefix !== '' && { Prefix: prefix }),
      ...(after !== undefined && after !== '' && { StartAfter: after }),
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page: ListObjectsV2CommandOutput = await calls.run({ action: 's3:ListBucket', key: prefix }, () =>
      calls.client.send(command),
    );
    yield (page.Contents ?? []).flatMap(entryOf);
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

type Listed = NonNullable<ListObjectsV2CommandOutput['Contents']>[number];

/** None for what no key of ours is stored as. */
function entryOf({ Key, ETag, Size, LastModified }: Listed): ObjectEntry[] {
  const key = Key === undefined ? undefined : keyOfStored(decodeURIComponent(Key.replaceAll('+', ' ')));
  if (key === undefined || ETag === undefined || Size === undefined || LastModified === undefined) return [];
  return [{ key, etag: ETag, sizeBytes: Size, lastModified: LastModified }];
}

function isWanted(key: string, { prefix, startAfter }: ListingOptions): boolean {
  return key.startsWith(prefix) && (startAfter === undefined || byBytes(key, startAfter) > 0);
}

/** Ordinary keys after `startAfter` come after this; what S3 might not take for a key is cut off. */
function ordinaryStart(startAfter: string): string {
  const at = startAfter.search(/[\p{Cc}\ufffe\uffff]/u);
  return at < 0 ? startAfter : startAfter.slice(0, at);
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
