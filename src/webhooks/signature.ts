import { createHmac } from 'node:crypto';

/** What is signed: a receiver that has seen the id, or finds the time too long ago, knows a replay. */
export interface SignedCall {
  readonly id: string;
  /** Seconds since the epoch, of this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The headers that let a receiver know the call for ours, as standardwebhooks.com has them: HMAC-SHA256 over id, time and
 * body. A secret that begins with `whsec_` is base64 behind that, any other is taken as it is.
 */
export function signatureHeaders(
  secret: string,
  { id, timestamp, body }: SignedCall,
): Record<string, string> {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  };
}
