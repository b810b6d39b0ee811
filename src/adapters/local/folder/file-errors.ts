import { unlinkSync } from 'node:fs';

import { type ErrorContext, FacefleetError, UnavailableError } from '../../../errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS']);

export function hasErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** What the file system said, in the port's words; errors of other origin stay as they are. */
export function fromFileSystem(error: unknown, context: ErrorContext): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  const code = String(error.code);
  const path = 'path' in error && typeof error.path === 'string' ? error.path : context.folder;
  const options = { context: { ...context, path, errno: code }, cause: error };
  if (FULL.has(code)) {
    return new FacefleetError(
      'disk-full',
      `no space left to write ${path}; free some, raise the quota, or move the data folder to a larger disk (FACEFLEET_DATA_DIR)`,
      options,
    );
  }
  if (FORBIDDEN.has(code)) {
    return new FacefleetError(
      'permission-denied',
      `may not ${error.syscall} ${path}; let the user that runs Facefleet read and write this folder and all in it`,
      options,
    );
  }
  if (code === 'ENAMETOOLONG') {
    return new FacefleetError(
      'bad-request',
      `the path ${path} is too long for this file system; use a shorter key, or a data folder nearer to the root`,
      options,
    );
  }
  return new UnavailableError(`the file system failed to ${error.syscall} ${path}: ${code}`, options);
}

/** `undefined` instead of an error when the file, or a folder above it, is not there. */
export async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The same for a call that does not wait for the disk. */
export function quicklyUnlessMissing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Whether there was one. */
export function unlinkIfThere(path: string): boolean {
  return (
    quicklyUnlessMissing(() => {
      unlinkSync(path);
      return true;
    }) ?? false
  );
}
