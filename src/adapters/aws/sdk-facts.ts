/** What the errors of the SDK, of its credential providers and of the network under it have in common. */
export interface SdkFacts {
  readonly error: unknown;
  /** AWS's word for it (`NoSuchKey`), or the system's (`ECONNREFUSED`); empty when neither has one. */
  readonly code: string;
  readonly message: string;
  /** Of HTTP; undefined when there was no answer. */
  readonly status: number | undefined;
  readonly isNetworkFailure: boolean;
  /** Milliseconds since the epoch by the answer's clock. */
  readonly serverTime: number | undefined;
  /** Where S3 says that the bucket is. */
  readonly bucketRegion: string | undefined;
}

interface SdkShape {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly Region?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

export function factsOf(error: unknown): SdkFacts {
  const shape: SdkShape = typeof error === 'object' && error !== null ? error : {};
  const systemCode = systemCodeOf(error);
  const headers = shape.$response?.headers ?? {};
  const status = shape.$metadata?.httpStatusCode ?? shape.$response?.statusCode;
  const serverTime = Date.parse(headers.date ?? '');
  return {
    error,
    code: systemCode ?? awsCodeOf(shape),
    message:
      typeof shape.message === 'string' && shape.message !== '' ? shape.message : String(shape.name ?? error),
    status,
    isNetworkFailure: systemCode !== undefined || status === undefined,
    serverTime: Number.isNaN(serverTime) ? undefined : serverTime,
    bucketRegion: typeof shape.Region === 'string' ? shape.Region : headers['x-amz-bucket-region'],
  };
}

/** Names of errors that say nothing, for answers without a body. */
const NAMELESS = new Set([
  'Error',
  'Unknown',
  'UnknownError',
  'S3ServiceException',
  'SQSServiceException',
  '',
]);

function awsCodeOf({ name, Code, message }: SdkShape): string {
  if (message === 'Region is missing') return 'MissingRegion';
  for (const word of [name, Code]) if (typeof word === 'string' && !NAMELESS.has(word)) return word;
  return '';
}

/** Node hides it behind a chain of causes, or among the addresses that were tried. */
function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const { code, errors, cause } = at as SdkShape;
    if (
      typeof code === 'string' &&
      /^(E[A-Z]{3,}\d?(_[A-Z]+)?|EAI_AGAIN|ERR_[A-Z_]+|CERT_[A-Z_]+|DEPTH_ZERO_SELF_SIGNED_CERT)$/.test(code)
    )
      return code;
    at = Array.isArray(errors) ? errors[0] : cause;
  }
  return undefined;
}
