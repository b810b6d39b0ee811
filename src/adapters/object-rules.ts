import assert from 'node:assert/strict';

import { type ErrorContext, FacefleetError } from '../errors.ts';
import { MAX_METADATA_BYTES, metadataBytes } from '../portable-metadata.ts';
import type { PutOptions } from '../ports/object-store.ts';
import { storedKeyBytes } from './portable-key.ts';

/** S3's limits, which every adapter keeps, so that nothing works on folders that fails in the cloud. */
const MAX_KEY_BYTES = 1024;
export const DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024;

const METADATA_NAME = /^[a-z0-9][a-z0-9_-]*$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** @throws FacefleetError `bad-request` unless the key is well-formed Unicode and takes 1 to 1,024 bytes as a name in S3. */
export function checkKey(key: string, bucket: string): void {
  const context = { bucket, key: key.slice(0, 200) };
  if (!key.isWellFormed()) {
    throw new FacefleetError('bad-request', 'the key holds half a surrogate pair, expected Unicode text', {
      context,
    });
  }
  const bytes = key === '' ? 0 : storedKeyBytes(key);
  if (bytes < 1 || bytes > MAX_KEY_BYTES) {
    throw new FacefleetError(
      'bad-request',
      `the key takes ${bytes} bytes of UTF-8, expected 1 to ${MAX_KEY_BYTES}`,
      { context },
    );
  }
}

/** @throws FacefleetError `bad-request` when the metadata or content type could not be stored everywhere. */
export function checkPutOptions(options: PutOptions, isStream: boolean, context: ErrorContext): void {
  assert(
    !isStream || options.maxBytes !== undefined,
    'a stream needs maxBytes: nothing of unknown size is stored',
  );
  assert(
    options.ifMatch === undefined || options.ifNoneMatch === undefined,
    'ifMatch and ifNoneMatch exclude each other',
  );
  const reject = (message: string) => {
    throw new FacefleetError('bad-request', message, { context });
  };
  if (options.contentType !== undefined && !/^[\x20-\x7e]{1,255}$/.test(options.contentType)) {
    reject(
      `the content type is ${JSON.stringify(options.contentType)}, expected 1 to 255 printable ASCII characters`,
    );
  }
  for (const [name, value] of Object.entries(options.metadata ?? {})) {
    if (!METADATA_NAME.test(name))
      reject(`the metadata name is ${JSON.stringify(name)}, expected a-z, 0-9, - and _`);
    if (!value.isWellFormed() || CONTROL_CHARACTER.test(value)) {
      reject(`the metadata value of ${name} holds a control character or half a surrogate pair`);
    }
  }
  const bytes = metadataBytes(options.metadata ?? {});
  if (bytes > MAX_METADATA_BYTES)
    reject(`the metadata has ${bytes} bytes, expected at most ${MAX_METADATA_BYTES}`);
}

/** The error of a body, or a read, that is larger than the caller allowed. */
export function tooLarge(limitBytes: number, context: ErrorContext): FacefleetError {
  return new FacefleetError('limit-exceeded', `the object is larger than ${limitBytes} bytes`, { context });
}
