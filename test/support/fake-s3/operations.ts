import type { S3Operation } from './faults.ts';
import type { S3Request } from './request.ts';
import { S3Error } from './s3-error.ts';

/** What the request asks for. */
export function operationOf(request: S3Request): S3Operation {
  const found = TABLE.find(
    ([, method, place, parameter]) =>
      method === request.method &&
      place === placeOf(request) &&
      (parameter === undefined || request.query.has(parameter)),
  );
  if (found !== undefined) return found[0];
  throw new S3Error(
    'NotImplemented',
    501,
    `${request.method} ${request.rawPath}?${request.rawQuery} is not implemented here`,
  );
}

/** The permission that it takes, in IAM's words. */
export function permissionOf(operation: S3Operation, isVersion: boolean): string {
  if (operation === 'DeleteObject' && isVersion) return 's3:DeleteObjectVersion';
  return PERMISSIONS[operation] ?? `s3:${operation}`;
}

type Place = 'service' | 'bucket' | 'object';

/** The first that fits: those with a parameter before those without. */
const TABLE: readonly (readonly [S3Operation, method: string, Place, parameter?: string])[] = [
  ['ListBuckets', 'GET', 'service'],
  ['GetBucketVersioning', 'GET', 'bucket', 'versioning'],
  ['GetBucketLocation', 'GET', 'bucket', 'location'],
  ['ListObjectVersions', 'GET', 'bucket', 'versions'],
  ['ListMultipartUploads', 'GET', 'bucket', 'uploads'],
  ['ListObjectsV2', 'GET', 'bucket', 'list-type'],
  ['HeadBucket', 'HEAD', 'bucket'],
  ['PutBucketVersioning', 'PUT', 'bucket', 'versioning'],
  ['PutPublicAccessBlock', 'PUT', 'bucket', 'publicAccessBlock'],
  ['PutBucketEncryption', 'PUT', 'bucket', 'encryption'],
  ['PutBucketTagging', 'PUT', 'bucket', 'tagging'],
  ['CreateBucket', 'PUT', 'bucket'],
  ['DeleteBucket', 'DELETE', 'bucket'],
  ['DeleteObjects', 'POST', 'bucket', 'delete'],
  ['UploadPart', 'PUT', 'object', 'uploadId'],
  ['PutObject', 'PUT', 'object'],
  ['GetObject', 'GET', 'object'],
  ['HeadObject', 'HEAD', 'object'],
  ['AbortMultipartUpload', 'DELETE', 'object', 'uploadId'],
  ['DeleteObject', 'DELETE', 'object'],
  ['CreateMultipartUpload', 'POST', 'object', 'uploads'],
  ['CompleteMultipartUpload', 'POST', 'object', 'uploadId'],
];

const PERMISSIONS: Partial<Record<S3Operation, string>> = {
  CompleteMultipartUpload: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  DeleteObjects: 's3:DeleteObject',
  HeadBucket: 's3:ListBucket',
  HeadObject: 's3:GetObject',
  ListBuckets: 's3:ListAllMyBuckets',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  ListObjectVersions: 's3:ListBucketVersions',
  ListObjectsV2: 's3:ListBucket',
  PutBucketEncryption: 's3:PutEncryptionConfiguration',
  PutPublicAccessBlock: 's3:PutBucketPublicAccessBlock',
  UploadPart: 's3:PutObject',
};

function placeOf({ bucket, key }: S3Request): Place {
  if (bucket === undefined) return 'service';
  return key === undefined ? 'bucket' : 'object';
}
