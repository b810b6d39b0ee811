import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { errorMessage } from '../errors.ts';
import { packageVersion } from '../version.ts';
import type { Destinations } from './destinations.ts';

const TIMEOUT_MS = 10_000;
/** Read and dropped, so that the connection ends in peace. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** `gone`: the receiver wants no more (410). */
export type CallOutcome =
  | { readonly kind: 'delivered' | 'gone' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface WebhookCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly destinations: Destinations;
  readonly signal: AbortSignal;
}

/** Posts to the webhook; redirects are not followed, and count as failures. Never rejects. */
export async function callWebhook({
  url: text,
  headers,
  body,
  destinations,
  signal,
}: WebhookCall): Promise<CallOutcome> {
  try {
    const url = destinations.check(text);
    const status = await post(url, {
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': `Facefleet/${packageVersion()}`,
      },
      body,
      destinations,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (status >= 200 && status < 300) return { kind: 'delivered' };
    if (status === 410) return { kind: 'gone' };
    return { kind: 'failed', reason: `it answered ${status}` };
  } catch (error) {
    return { kind: 'failed', reason: errorMessage(error) };
  }
}

function post(url: URL, { headers, body, destinations, signal }: Omit<WebhookCall, 'url'>): Promise<number> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: 'POST',
      headers,
      signal,
      // A connection of its own: one that is kept was made to an address that was checked another time.
      agent: false,
      lookup: destinations.lookup as never,
    });
    call.once('error', reject);
    call.once('response', (response) => {
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_ANSWER_BYTES) response.destroy();
      });
      // The status tells all; how the rest ends changes nothing.
      response.once('error', () => resolve(response.statusCode ?? 0));
      response.once('close', () => resolve(response.statusCode ?? 0));
    });
    call.end(body);
  });
}
