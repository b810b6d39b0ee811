import type { StoredVersion } from './bucket.ts';
import { crc32Of } from './bucket.ts';
import { toXml, type XmlElements } from './xml.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A document; of several groups of elements, in their order. */
export function document(root: string, ...groups: readonly XmlElements[]): Answer {
  const inner = groups.map(toXml).join('');
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${inner}</${root}>`,
  };
}

export interface ObjectAnswerOptions {
  readonly version: StoredVersion;
  readonly hasVersions: boolean;
  readonly wantsChecksum: boolean;
  /** `bytes=0-99` */
  readonly range: string | undefined;
}

export function objectAnswer({ version, hasVersions, wantsChecksum, range }: ObjectAnswerOptions): Answer {
  const { body, etag, lastModified, headers, versionId } = version;
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const isPart = from !== undefined;
  const end = Math.min(to ? Number(to) : body.length - 1, body.length - 1);
  const sent = isPart ? body.subarray(Number(from), end + 1) : body;
  const isComposite = etag.includes('-');
  return {
    status: isPart ? 206 : 200,
    headers: {
      'accept-ranges': 'bytes',
      'content-type': 'binary/octet-stream',
      ...headers,
      etag,
      'last-modified': lastModified.toUTCString(),
      'content-length': String(sent.length),
      'x-amz-server-side-encryption': headers['x-amz-server-side-encryption'] ?? 'AES256',
      ...(hasVersions && { 'x-amz-version-id': versionId }),
      ...(wantsChecksum && !isPart && !isComposite && { 'x-amz-checksum-crc32': crc32Of(body) }),
      ...(isPart && { 'content-range': `bytes ${from}-${end}/${body.length}` }),
    },
    body: sent,
  };
}
