import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { noSuchKey, noSuchUpload, preconditionFailed, S3Error } from './s3-error.ts';

export interface StoredVersion {
  readonly versionId: string;
  /** A deletion in a bucket with versions. */
  readonly isMarker: boolean;
  readonly body: Buffer;
  readonly etag: string;
  readonly lastModified: Date;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

export interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, { readonly body: Buffer; readonly etag: string }>;
}

export interface CompletedPart {
  readonly number: number;
  readonly etag: string;
}

const LEAST_PART_BYTES = 5 * 1024 * 1024;
const UNVERSIONED = 'null';

/** One bucket in memory: versions newest first, and uploads that are not complete. */
export class Bucket {
  readonly name: string;
  versioning: 'Enabled' | 'Suspended' | undefined;
  readonly uploads = new Map<string, Upload>();
  readonly #objects = new Map<string, StoredVersion[]>();
  readonly #now: () => number;

  constructor(name: string, now: () => number) {
    this.name = name;
    this.#now = now;
  }

  /** Keys whose present version is an object, in the byte order of their UTF-8. */
  get keys(): string[] {
    return this.allKeys.filter((key) => this.current(key) !== undefined);
  }

  /** Those too of which only former versions and markers are left. */
  get allKeys(): string[] {
    return [...this.#objects.keys()].sort((one, other) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    );
  }

  /** Newest first. */
  versions(key: string): readonly StoredVersion[] {
    return this.#objects.get(key) ?? [];
  }

  current(key: string): StoredVersion | undefined {
    const [newest] = this.versions(key);
    return newest?.isMarker === false ? newest : undefined;
  }

  put(
    key: string,
    {
      body,
      headers,
      conditions,
      etag,
    }: { body: Buffer; headers: Readonly<Record<string, string>>; conditions: Conditions; etag?: string },
  ): StoredVersion {
    this.checkConditions(key, conditions);
    return this.#add(key, { isMarker: false, body, headers, etag: etag ?? `"${md5(body)}"` });
  }

  checkConditions(key: string, { ifMatch, ifNoneMatch }: Conditions): void {
    const current = this.current(key);
    if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
      throw new S3Error('NotImplemented', 501, 'If-None-Match of a write takes nothing but *');
    }
    if (ifNoneMatch === '*' && current !== undefined) throw preconditionFailed('If-None-Match');
    if (ifMatch === undefined) return;
    if (current === undefined) throw noSuchKey(key);
    if (bare(ifMatch) !== bare(current.etag)) throw preconditionFailed('If-Match');
  }

  /** As DELETE does: in a bucket with versions it puts a marker on top. */
  delete(key: string): { marker?: StoredVersion } {
    if (this.versioning === undefined) {
      this.#objects.delete(key);
      return {};
    }
    return { marker: this.#add(key, { isMarker: true, body: Buffer.alloc(0), headers: {}, etag: '' }) };
  }

  deleteVersion(key: string, versionId: string): void {
    const left = this.versions(key).filter((version) => version.versionId !== versionId);
    if (left.length === 0) this.#objects.delete(key);
    else this.#objects.set(key, left);
  }

  beginUpload(key: string, headers: Readonly<Record<string, string>>): string {
    const id = randomBytes(24).toString('base64url');
    this.uploads.set(id, { key, headers, parts: new Map() });
    return id;
  }

  addPart(id: string, key: string, part: { number: number; body: Buffer }): string {
    const etag = `"${md5(part.body)}"`;
    this.#upload(id, key).parts.set(part.number, { body: part.body, etag });
    return etag;
  }

  completeUpload(
    id: string,
    key: string,
    wanted: readonly CompletedPart[],
    conditions: Conditions,
  ): StoredVersion {
    const upload = this.#upload(id, key);
    const parts = wanted.map(({ number, etag }, index) => {
      const part = upload.parts.get(number);
      const isOrdered = index === 0 || wanted[index - 1]!.number < number;
      if (!isOrdered)
        throw new S3Error('InvalidPartOrder', 400, 'The list of parts was not in ascending order.');
      if (part === undefined || bare(part.etag) !== bare(etag)) {
        throw new S3Error('InvalidPart', 400, 'One or more of the specified parts could not be found.');
      }
      if (index < wanted.length - 1 && part.body.length < LEAST_PART_BYTES) {
        throw new S3Error(
          'EntityTooSmall',
          400,
          'Your proposed upload is smaller than the minimum allowed size',
        );
      }
      return part;
    });
    if (parts.length === 0)
      throw new S3Error('MalformedXML', 400, 'The XML you provided was not well-formed');
    const digests = Buffer.concat(parts.map(({ etag }) => Buffer.from(bare(etag), 'hex')));
    const stored = this.put(key, {
      body: Buffer.concat(parts.map(({ body }) => body)),
      headers: upload.headers,
      conditions,
      etag: `"${md5(digests)}-${parts.length}"`,
    });
    this.uploads.delete(id);
    return stored;
  }

  abortUpload(id: string, key: string): void {
    this.#upload(id, key);
    this.uploads.delete(id);
  }

  #upload(id: string, key: string): Upload {
    const upload = this.uploads.get(id);
    if (upload?.key !== key) throw noSuchUpload();
    return upload;
  }

  #add(key: string, facts: Omit<StoredVersion, 'versionId' | 'lastModified'>): StoredVersion {
    const versionId = this.versioning === 'Enabled' ? randomBytes(24).toString('base64url') : UNVERSIONED;
    // Whole seconds, as its headers tell them.
    const lastModified = new Date(Math.floor(this.#now() / 1000) * 1000);
    const version = { ...facts, versionId, lastModified };
    const former =
      this.versioning === 'Enabled'
        ? this.versions(key)
        : this.versions(key).filter((one) => one.versionId !== UNVERSIONED);
    this.#objects.set(key, [version, ...former]);
    return version;
  }
}

/** @throws S3Error `BadDigest` when the body is not what the client says it sent. */
export function checkDigests(
  body: Buffer,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  const expected = {
    'content-md5': () => createHash('md5').update(body).digest('base64'),
    'x-amz-checksum-crc32': () => crc32Of(body),
    'x-amz-checksum-sha256': () => createHash('sha256').update(body).digest('base64'),
  };
  for (const [name, compute] of Object.entries(expected)) {
    if (headers[name] !== undefined && headers[name] !== compute()) {
      throw new S3Error('BadDigest', 400, `The ${name} you specified did not match what we received.`);
    }
  }
}

export function crc32Of(body: Buffer): string {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(body));
  return four.toString('base64');
}

const md5 = (data: Buffer) => createHash('md5').update(data).digest('hex');
const bare = (etag: string) => etag.replaceAll('"', '');
