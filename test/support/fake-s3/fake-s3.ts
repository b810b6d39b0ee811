import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, document, objectAnswer } from './answers.ts';
import { Bucket, checkDigests } from './bucket.ts';
import { type Fault, Faults, type S3Operation } from './faults.ts';
import { listObjectsV2, listVersions } from './listing.ts';
import { operationOf, permissionOf } from './operations.ts';
import { header, numberIn, readRequest, type S3Request } from './request.ts';
import { accessDenied, noSuchKey, S3Error } from './s3-error.ts';
import { type AccessKey, checkSignature } from './signature.ts';
import { elementsOf, textsOf, toXml } from './xml.ts';

export interface FakeS3Options {
  readonly region?: string;
  /** Milliseconds since the epoch by S3's clock. */
  readonly now?: () => number;
  /** The most that a page of a listing holds (default 1,000). */
  readonly mostKeys?: number;
}

export interface S3Call {
  readonly operation: S3Operation;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

const MOST_KEY_BYTES = 1024;
const MOST_METADATA_BYTES = 2048;
/** What is stored with an object and comes back with it. */
const KEPT_HEADER =
  /^(content-(type|encoding|disposition|language)|cache-control|x-amz-server-side-encryption(-aws-kms-key-id)?|x-amz-meta-.*)$/;

/**
 * S3 as its API reference describes it, path style, in memory: spoken to over HTTP by any client, strict where real S3
 * is (signatures, digests, conditions, what a missing permission hides), and told by the test what is to fail next.
 */
export class FakeS3 implements AsyncDisposable {
  readonly region: string;
  readonly buckets = new Map<string, Bucket>();
  readonly faults = new Faults();
  /** Permissions that the caller lacks: `s3:ListBucket` … */
  readonly denied = new Set<string>();
  /** Bucket names that belong to somebody else. */
  readonly taken = new Set<string>();
  readonly keys = new Map<string, AccessKey>([['test', { secret: 'test-secret' }]]);
  readonly calls: S3Call[] = [];
  readonly #now: () => number;
  readonly #mostKeys: number;
  readonly #server: Server;

  private constructor({ region = 'us-east-1', now = Date.now, mostKeys = 1000 }: FakeS3Options) {
    this.region = region;
    this.#now = now;
    this.#mostKeys = mostKeys;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(options: FakeS3Options = {}): Promise<FakeS3> {
    const fake = new FakeS3(options);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  /** For `AWS_ENDPOINT_URL_S3`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Makes the bucket as its owner would, past all rules. */
  makeBucket(name: string, { versioning }: { versioning?: 'Enabled' } = {}): Bucket {
    const bucket = new Bucket(name, this.#now);
    bucket.versioning = versioning;
    this.buckets.set(name, bucket);
    return bucket;
  }

  /** How often the operation was asked for. */
  count(operation: S3Operation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', new Date(this.#now()).toUTCString());
    response.setHeader('x-amz-request-id', randomBytes(8).toString('hex').toUpperCase());
    response.setHeader('x-amz-id-2', randomUUID());
    const request = await readRequest(message);
    try {
      const operation = operationOf(request);
      const { bucket, key } = request;
      this.calls.push({ operation, bucket, key });
      const fault = this.faults.take(operation, key);
      if (fault !== undefined && (fault.moment ?? 'before') === 'before')
        return fail(response, request, fault);
      checkSignature(request, { keys: this.keys, region: this.region, now: this.#now() });
      checkDigests(request.body, request.headers);
      this.#checkPermission(operation, request);
      const answer = this.#perform[operation](request);
      if (fault?.moment === 'after') return fail(response, request, fault);
      if (fault?.moment === 'midway') return sendHalf(response, answer);
      send(response, request, answer);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      fail(response, request, { error });
    }
  }

  #checkPermission(operation: S3Operation, request: S3Request): void {
    const action = permissionOf(operation, request.query.has('versionId'));
    const { bucket, key } = request;
    const resource = `arn:aws:s3:::${bucket ?? ''}${key === undefined ? '' : `/${key}`}`;
    if (this.denied.has(action)) throw accessDenied(action, resource);
    // Who may not list is not told whether something is there.
    const isRead = operation === 'GetObject' || operation === 'HeadObject';
    if (isRead && this.denied.has('s3:ListBucket') && this.#bucket(request).current(key!) === undefined) {
      throw accessDenied('s3:ListBucket', `arn:aws:s3:::${bucket}`);
    }
  }

  #bucket({ bucket: name }: S3Request): Bucket {
    const bucket = this.buckets.get(name ?? '');
    if (bucket !== undefined) return bucket;
    if (this.taken.has(name ?? '')) throw new S3Error('AccessDenied', 403, 'Access Denied');
    throw new S3Error('NoSuchBucket', 404, 'The specified bucket does not exist', { BucketName: name ?? '' });
  }

  readonly #perform: Readonly<Record<S3Operation, (request: S3Request) => Answer>> = {
    ListBuckets: () =>
      document('ListAllMyBucketsResult', {
        Buckets: {
          Bucket: [...this.buckets.keys()].map((Name) => ({ Name, CreationDate: new Date(0).toISOString() })),
        },
      }),
    CreateBucket: ({ bucket: name = '' }) => {
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
        throw new S3Error('InvalidBucketName', 400, 'The specified bucket is not valid.');
      }
      if (this.taken.has(name)) {
        throw new S3Error('BucketAlreadyExists', 409, 'The requested bucket name is not available.');
      }
      if (this.buckets.has(name)) {
        throw new S3Error(
          'BucketAlreadyOwnedByYou',
          409,
          'Your previous request to create the named bucket succeeded',
        );
      }
      this.makeBucket(name);
      return { status: 200, headers: { location: `/${name}` } };
    },
    DeleteBucket: (request) => {
      const bucket = this.#bucket(request);
      if (bucket.allKeys.length > 0) {
        throw new S3Error('BucketNotEmpty', 409, 'The bucket you tried to delete is not empty');
      }
      this.buckets.delete(bucket.name);
      return { status: 204 };
    },
    HeadBucket: (request) => {
      this.#bucket(request);
      return { status: 200, headers: { 'x-amz-bucket-region': this.region } };
    },
    GetBucketLocation: (request) => {
      this.#bucket(request);
      return document('LocationConstraint', {});
    },
    GetBucketVersioning: (request) => {
      const { versioning } = this.#bucket(request);
      return document('VersioningConfiguration', versioning === undefined ? {} : { Status: versioning });
    },
    PutBucketVersioning: (request) => {
      const [status] = textsOf(request.body.toString('utf8'), 'Status');
      this.#bucket(request).versioning = status === 'Enabled' ? 'Enabled' : 'Suspended';
      return { status: 200 };
    },
    PutPublicAccessBlock: (request) => this.#acknowledge(request),
    PutBucketEncryption: (request) => this.#acknowledge(request),
    PutBucketTagging: (request) => this.#acknowledge(request),
    PutObject: (request) => {
      const stored = this.#bucket(request).put(keyOf(request), {
        body: request.body,
        headers: keptHeaders(request),
        conditions: conditionsOf(request),
      });
      return { status: 200, headers: { etag: stored.etag, 'x-amz-server-side-encryption': 'AES256' } };
    },
    GetObject: (request) => this.#read(request),
    HeadObject: (request) => this.#read(request),
    DeleteObject: (request) => {
      const bucket = this.#bucket(request);
      const versionId = request.query.get('versionId');
      if (versionId !== undefined) {
        bucket.deleteVersion(keyOf(request), versionId);
        return { status: 204 };
      }
      const { marker } = bucket.delete(keyOf(request));
      if (marker === undefined) return { status: 204 };
      return {
        status: 204,
        headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker.versionId },
      };
    },
    DeleteObjects: (request) => this.#deleteMany(request),
    ListObjectsV2: (request) =>
      document(
        'ListBucketResult',
        listObjectsV2(this.#bucket(request), request, { mostKeys: this.#mostKeys }),
      ),
    ListObjectVersions: (request) =>
      document(
        'ListVersionsResult',
        ...listVersions(this.#bucket(request), request, { mostKeys: this.#mostKeys }),
      ),
    ListMultipartUploads: (request) =>
      document('ListMultipartUploadsResult', {
        IsTruncated: false,
        Upload: [...this.#bucket(request).uploads].map(([UploadId, { key }]) => ({ Key: key, UploadId })),
      }),
    CreateMultipartUpload: (request) => {
      const UploadId = this.#bucket(request).beginUpload(keyOf(request), keptHeaders(request));
      return document('InitiateMultipartUploadResult', {
        Bucket: request.bucket,
        Key: request.key,
        UploadId,
      });
    },
    UploadPart: (request) => {
      const number = numberIn(request, 'partNumber') ?? 0;
      if (number < 1 || number > 10_000) {
        throw new S3Error(
          'InvalidArgument',
          400,
          'Part number must be an integer between 1 and 10000, inclusive',
        );
      }
      const etag = this.#bucket(request).addPart(uploadIdOf(request), keyOf(request), {
        number,
        body: request.body,
      });
      return { status: 200, headers: { etag } };
    },
    AbortMultipartUpload: (request) => {
      this.#bucket(request).abortUpload(uploadIdOf(request), keyOf(request));
      return { status: 204 };
    },
    CompleteMultipartUpload: (request) => {
      const parts = elementsOf(request.body.toString('utf8'), 'Part').map((part) => ({
        number: Number(textsOf(part, 'PartNumber')[0]),
        etag: textsOf(part, 'ETag')[0] ?? '',
      }));
      const { etag } = this.#bucket(request).completeUpload(
        uploadIdOf(request),
        keyOf(request),
        parts,
        conditionsOf(request),
      );
      return document('CompleteMultipartUploadResult', {
        Bucket: request.bucket,
        Key: request.key,
        ETag: etag,
      });
    },
  };

  #acknowledge(request: S3Request): Answer {
    this.#bucket(request);
    return { status: 200 };
  }

  #read(request: S3Request): Answer {
    const bucket = this.#bucket(request);
    const key = keyOf(request);
    const versionId = request.query.get('versionId');
    const version =
      versionId === undefined
        ? bucket.current(key)
        : bucket.versions(key).find((one) => one.versionId === versionId && !one.isMarker);
    if (version === undefined) throw noSuchKey(key);
    const ifMatch = header(request, 'if-match');
    if (ifMatch !== undefined) bucket.checkConditions(key, { ifMatch });
    if (header(request, 'if-none-match') === version.etag)
      return { status: 304, headers: { etag: version.etag } };
    return objectAnswer({
      version,
      hasVersions: bucket.versioning !== undefined,
      wantsChecksum: header(request, 'x-amz-checksum-mode') === 'ENABLED',
      range: header(request, 'range'),
    });
  }

  #deleteMany(request: S3Request): Answer {
    const hasDigest = [
      'content-md5',
      'x-amz-checksum-crc32',
      'x-amz-checksum-sha256',
      'x-amz-checksum-crc64nvme',
    ].some((name) => header(request, name) !== undefined);
    if (!hasDigest)
      throw new S3Error('InvalidRequest', 400, 'Missing required header for this request: Content-MD5');
    const bucket = this.#bucket(request);
    const objects = elementsOf(request.body.toString('utf8'), 'Object');
    if (objects.length > 1000)
      throw new S3Error('MalformedXML', 400, 'The XML you provided was not well-formed');
    for (const object of objects) {
      const [key = ''] = textsOf(object, 'Key');
      const [versionId] = textsOf(object, 'VersionId');
      if (versionId === undefined) bucket.delete(key);
      else if (this.denied.has('s3:DeleteObjectVersion')) {
        return document('DeleteResult', {
          Error: { Key: key, VersionId: versionId, Code: 'AccessDenied', Message: 'Access Denied' },
        });
      } else bucket.deleteVersion(key, versionId);
    }
    return document('DeleteResult', {});
  }
}

function keyOf({ key = '' }: S3Request): string {
  const bytes = Buffer.byteLength(key);
  if (bytes <= MOST_KEY_BYTES) return key;
  throw new S3Error('KeyTooLongError', 400, 'Your key is too long', { Size: String(bytes) });
}

function uploadIdOf({ query }: S3Request): string {
  return query.get('uploadId') ?? '';
}

function conditionsOf(request: S3Request) {
  return { ifMatch: header(request, 'if-match'), ifNoneMatch: header(request, 'if-none-match') };
}

function keptHeaders(request: S3Request): Record<string, string> {
  const kept = Object.keys(request.headers).filter((name) => KEPT_HEADER.test(name));
  const headers = Object.fromEntries(kept.map((name) => [name, header(request, name) ?? '']));
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const bytes = metadata.reduce(
    (sum, [name, value]) => sum + name.length - 'x-amz-meta-'.length + value.length,
    0,
  );
  if (bytes > MOST_METADATA_BYTES) {
    throw new S3Error(
      'MetadataTooLarge',
      400,
      'Your metadata headers exceed the maximum allowed metadata size',
    );
  }
  return headers;
}

function send(response: ServerResponse, { method }: S3Request, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  response.end(method === 'HEAD' ? undefined : body);
}

function sendHalf(response: ServerResponse, { status, headers, body = '' }: Answer): void {
  response.writeHead(status, headers);
  response.write(body.slice(0, Math.floor(body.length / 2)), () => response.destroy());
}

function fail(
  response: ServerResponse,
  { method, rawPath }: S3Request,
  { error }: Pick<Fault, 'error'>,
): void {
  if (error === undefined) {
    response.destroy();
    return;
  }
  const { code, message, status, details } = error;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${toXml({ Code: code, Message: message, ...details, Resource: rawPath, RequestId: randomUUID() })}</Error>`;
  response.writeHead(status, {
    'content-type': 'application/xml',
    ...(details.Region !== undefined && { 'x-amz-bucket-region': details.Region }),
  });
  response.end(method === 'HEAD' ? undefined : body);
}
