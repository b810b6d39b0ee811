import { createHash, createHmac } from 'node:crypto';
import { header, type S3Request } from './request.ts';
import { S3Error } from './s3-error.ts';

export interface AccessKey {
  readonly secret: string;
  readonly sessionToken?: string;
  isExpired?: boolean;
}

export interface SignatureRules {
  readonly keys: ReadonlyMap<string, AccessKey>;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const MOST_SKEW_MS = 15 * 60_000;

/** Checks signature version 4 of a request as S3 does: key, date, region, body and every signed header. */
export function checkSignature(request: S3Request, rules: SignatureRules): void {
  const parsed = parseAuthorization(header(request, 'authorization'));
  const key = rules.keys.get(parsed.accessKeyId);
  if (key === undefined) {
    throw new S3Error(
      'InvalidAccessKeyId',
      403,
      'The AWS Access Key Id you provided does not exist in our records.',
    );
  }
  if (key.isExpired === true) throw new S3Error('ExpiredToken', 400, 'The provided token has expired.');
  if (key.sessionToken !== undefined && header(request, 'x-amz-security-token') !== key.sessionToken) {
    throw new S3Error('InvalidToken', 400, 'The provided token is malformed or otherwise invalid.');
  }
  const date = header(request, 'x-amz-date') ?? '';
  if (!(Math.abs(timeOf(date) - rules.now) < MOST_SKEW_MS)) {
    throw new S3Error(
      'RequestTimeTooSkewed',
      403,
      'The difference between the request time and the current time is too large.',
    );
  }
  if (parsed.region !== rules.region) {
    throw new S3Error(
      'AuthorizationHeaderMalformed',
      400,
      `The authorization header is malformed; the region '${parsed.region}' is wrong; expecting '${rules.region}'`,
      { Region: rules.region },
    );
  }
  checkPayload(request);
  if (signatureOf(request, parsed, { secret: key.secret, date }) !== parsed.signature) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      403,
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  }
}

interface Authorization {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

function parseAuthorization(text: string | undefined): Authorization {
  const [, accessKeyId, day, region, signedHeaders, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      text ?? '',
    ) ?? [];
  if (accessKeyId === undefined || signature === undefined) {
    throw new S3Error('AccessDenied', 403, 'Anonymous access is forbidden for this operation');
  }
  return { accessKeyId, day: day!, region: region!, signedHeaders: signedHeaders!.split(';'), signature };
}

function checkPayload(request: S3Request): void {
  const declared = header(request, 'x-amz-content-sha256');
  if (declared === undefined) {
    throw new S3Error(
      'InvalidRequest',
      400,
      'Missing required header for this request: x-amz-content-sha256',
    );
  }
  if (declared.startsWith('STREAMING-')) {
    throw new S3Error(
      'NotImplemented',
      501,
      'A header you provided implies functionality that is not implemented',
    );
  }
  if (declared !== 'UNSIGNED-PAYLOAD' && declared !== sha256(request.body)) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
}

function signatureOf(
  request: S3Request,
  { day, region, signedHeaders }: Authorization,
  { secret, date }: { secret: string; date: string },
): string {
  const canonical = [
    request.method,
    request.rawPath,
    request.rawQuery
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...signedHeaders.map((name) => `${name}:${(header(request, name) ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    header(request, 'x-amz-content-sha256'),
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString('hex');
}

function timeOf(date: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, data: string) => createHmac('sha256', key).update(data).digest();
