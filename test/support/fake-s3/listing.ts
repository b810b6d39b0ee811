import type { Bucket, StoredVersion } from './bucket.ts';
import { numberIn, type S3Request } from './request.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElements } from './xml.ts';

const MOST_KEYS = 1000;

/** What a page may hold at most, for tests of paging. */
export interface PageLimit {
  readonly mostKeys: number;
}

export function listObjectsV2(bucket: Bucket, request: S3Request, { mostKeys }: PageLimit): XmlElements {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const maxKeys = Math.min(numberIn(request, 'max-keys') ?? MOST_KEYS, MOST_KEYS, mostKeys);
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get('start-after') ?? '') : decodeToken(token);
  const encode = encoderOf(query.get('encoding-type'));

  const contents: XmlElements[] = [];
  const commonPrefixes = new Set<string>();
  let last = after;
  let isTruncated = false;
  for (const key of bucket.keys) {
    if (!key.startsWith(prefix) || (after !== '' && !isAfter(key, after))) continue;
    const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : key.slice(0, end + delimiter!.length);
    if (group !== undefined && commonPrefixes.has(group)) {
      last = key;
      continue;
    }
    if (contents.length + commonPrefixes.size >= maxKeys) {
      isTruncated = true;
      break;
    }
    last = key;
    if (group === undefined) contents.push(entryOf(encode(key), bucket.current(key)!));
    else commonPrefixes.add(group);
  }
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    KeyCount: contents.length + commonPrefixes.size,
    MaxKeys: maxKeys,
    IsTruncated: isTruncated,
    ...(query.has('encoding-type') && { EncodingType: 'url' }),
    ...(isTruncated && { NextContinuationToken: Buffer.from(last).toString('base64url') }),
    Contents: contents,
    CommonPrefixes: [...commonPrefixes].map((one) => ({ Prefix: encode(one) })),
  };
}

export function listVersions(bucket: Bucket, request: S3Request, { mostKeys }: PageLimit): XmlElements[] {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const maxKeys = Math.min(numberIn(request, 'max-keys') ?? MOST_KEYS, MOST_KEYS, mostKeys);
  const encode = encoderOf(query.get('encoding-type'));
  const marker = { key: query.get('key-marker'), version: query.get('version-id-marker') };
  const all = bucket.allKeys
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) =>
      bucket.versions(key).map((version, index) => ({ key, version, isLatest: index === 0 })),
    );
  const from =
    marker.key === undefined
      ? 0
      : 1 +
        all.findLastIndex(
          ({ key, version }) =>
            key === marker.key && (marker.version === undefined || version.versionId === marker.version),
        );
  const page = all.slice(from, from + maxKeys);
  const isTruncated = from + maxKeys < all.length;
  const last = page.at(-1);
  // Versions and markers stand in one order, as in S3's answer.
  return [
    {
      Name: bucket.name,
      Prefix: encode(prefix),
      MaxKeys: maxKeys,
      IsTruncated: isTruncated,
      ...(isTruncated &&
        last !== undefined && {
          NextKeyMarker: encode(last.key),
          NextVersionIdMarker: last.version.versionId,
        }),
    },
    ...page.map(({ key, version, isLatest }) => {
      const facts = { VersionId: version.versionId, IsLatest: isLatest };
      return version.isMarker
        ? { DeleteMarker: { Key: encode(key), ...facts, LastModified: version.lastModified.toISOString() } }
        : { Version: { ...entryOf(encode(key), version), ...facts } };
    }),
  ];
}

function entryOf(key: string, { etag, body, lastModified }: StoredVersion): XmlElements {
  return {
    Key: key,
    LastModified: lastModified.toISOString(),
    ETag: etag,
    Size: body.length,
    StorageClass: 'STANDARD',
  };
}

function encoderOf(encodingType: string | undefined): (key: string) => string {
  if (encodingType === undefined) return (key) => key;
  if (encodingType !== 'url')
    throw new S3Error('InvalidArgument', 400, 'Invalid Encoding Method specified in Request');
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+');
}

function decodeToken(token: string): string {
  return Buffer.from(token, 'base64url').toString('utf8');
}

function isAfter(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
}
