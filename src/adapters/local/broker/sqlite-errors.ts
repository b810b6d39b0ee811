import { FacefleetError, UnavailableError } from '../../../errors.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html */
const BUSY = 5;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The primary result code of an error that SQLite threw. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY;
}

/** Says in our words what SQLite could not do with the file; errors of ours pass. */
export function translateSqliteError(cause: unknown, file: string): FacefleetError {
  if (cause instanceof FacefleetError) return cause;
  switch (resultCode(cause)) {
    case FULL:
      return new FacefleetError('disk-full', `the queue database ${file} cannot grow: the disk is full`, {
        cause,
      });
    case CORRUPT:
    case NOTADB:
      return new FacefleetError(
        'data-corrupt',
        `the queue database ${file} is damaged. Stop Facefleet and move the file away to start with empty queues: uploads without a result are queued again`,
        { cause },
      );
    case READONLY:
    case CANTOPEN:
      return new FacefleetError(
        'permission-denied',
        `the queue database ${file} cannot be opened for writing`,
        {
          cause,
        },
      );
    default:
      return new UnavailableError(`the queue database ${file} failed`, { cause });
  }
}
