import type { IncomingMessage } from 'node:http';
import { S3Error } from './s3-error.ts';

/** A request as it came: nothing normalised, since that is where clients go wrong. */
export interface S3Request {
  readonly method: string;
  /** Undefined for the service itself. */
  readonly bucket: string | undefined;
  /** Undefined for the bucket itself. */
  readonly key: string | undefined;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Path and query as sent, for the signature. */
  readonly rawPath: string;
  readonly rawQuery: string;
}

export async function readRequest(message: IncomingMessage): Promise<S3Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  const [rawPath = '', rawQuery = ''] = splitOnce(message.url ?? '/', '?');
  const [bucket, key] = splitOnce(rawPath.slice(1), '/');
  return {
    method: message.method ?? '',
    bucket: bucket === '' ? undefined : bucket,
    key: key === undefined || key === '' ? undefined : decode(key),
    query: parseQuery(rawQuery),
    headers: message.headers,
    body: Buffer.concat(chunks),
    rawPath,
    rawQuery,
  };
}

export function header({ headers }: S3Request, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

export function numberIn({ query }: S3Request, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new S3Error('InvalidArgument', 400, `Argument ${name} must be an integer`);
}

function parseQuery(raw: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const [name = '', value = ''] = splitOnce(pair, '=');
    query.set(decode(name), decode(value.replaceAll('+', ' ')));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', 400, `Couldn't parse the specified URI: ${text}`);
  }
}

function splitOnce(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}
