/** An answer that S3 gives instead of what was asked for. */
export class S3Error extends Error {
  readonly code: string;
  readonly status: number;
  /** Further elements of the error document. */
  readonly details: Readonly<Record<string, string>>;

  constructor(code: string, status: number, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export const noSuchKey = (key: string) =>
  new S3Error('NoSuchKey', 404, 'The specified key does not exist.', { Key: key });

export const noSuchUpload = () =>
  new S3Error(
    'NoSuchUpload',
    404,
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );

export const preconditionFailed = (condition: string) =>
  new S3Error('PreconditionFailed', 412, 'At least one of the pre-conditions you specified did not hold', {
    Condition: condition,
  });

export const slowDown = () => new S3Error('SlowDown', 503, 'Please reduce your request rate.');
export const internalError = () =>
  new S3Error('InternalError', 500, 'We encountered an internal error. Please try again.');

/** In the words of IAM, which say who lacks what. */
export function accessDenied(action: string, resource: string): S3Error {
  return new S3Error(
    'AccessDenied',
    403,
    `User: arn:aws:sts::123456789012:assumed-role/facefleet-test/i-1 is not authorized to perform: ${action} on resource: "${resource}" because no identity-based policy allows the ${action} action`,
  );
}
