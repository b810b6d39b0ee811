import { FacefleetError } from '../errors.ts';
import type { QueueSettings, ReceiveOptions } from '../ports/queue.ts';

/** The limits of the queue port, the same behind every adapter: what works on one machine must not fail on SQS. */
const MAX_RECEIVE = 10;
const MAX_WAIT_SECONDS = 20;
const MAX_VISIBILITY_SECONDS = 43_200;
const MAX_DELAY_SECONDS = 900;
const SMALLEST_MESSAGE_CAP_BYTES = 1024;
const LARGEST_MESSAGE_CAP_BYTES = 262_144;
const MAX_RETENTION_SECONDS = 1_209_600;
const MAX_TAGS = 50;

/** Settings with every default filled in. */
export interface CompleteQueueSettings {
  readonly maxMessageBytes: number;
  readonly deadLetter: { readonly queue: string; readonly maxReceives: number } | null;
  readonly retentionSeconds: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly hintsOnly: boolean;
}

/** @throws FacefleetError `bad-request` that names the setting, its value and its range. */
export function completeSettings(settings: QueueSettings = {}): CompleteQueueSettings {
  const complete: CompleteQueueSettings = {
    maxMessageBytes: settings.maxMessageBytes ?? SMALLEST_MESSAGE_CAP_BYTES,
    deadLetter: settings.deadLetter ?? null,
    retentionSeconds: settings.retentionSeconds ?? 345_600,
    tags: settings.tags ?? {},
    hintsOnly: settings.hintsOnly ?? false,
  };
  checkRange(
    'maxMessageBytes',
    complete.maxMessageBytes,
    SMALLEST_MESSAGE_CAP_BYTES,
    LARGEST_MESSAGE_CAP_BYTES,
  );
  checkRange('retentionSeconds', complete.retentionSeconds, 60, MAX_RETENTION_SECONDS);
  checkRange('number of tags', Object.keys(complete.tags).length, 0, MAX_TAGS);
  for (const [tag, value] of Object.entries(complete.tags)) {
    if (typeof value !== 'string' || tag.length > 128 || value.length > 256) {
      throw badRequest(`tag ${tag} is ${JSON.stringify(value)}, expected text of at most 256 characters`);
    }
  }
  if (complete.deadLetter !== null) {
    checkQueueName(complete.deadLetter.queue);
    checkRange('maxReceives', complete.deadLetter.maxReceives, 1, 1000);
  }
  return complete;
}

export function checkQueueName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) {
    throw badRequest(`${JSON.stringify(name)} is no queue name, expected 1 to 80 of A-Z, a-z, 0-9, - and _`);
  }
}

export function checkReceive(options: ReceiveOptions): void {
  checkRange('max', options.max, 1, MAX_RECEIVE);
  checkRange('waitSeconds', options.waitSeconds, 0, MAX_WAIT_SECONDS, { fractions: true });
  checkVisibility(options.visibilityTimeoutSeconds, 1);
}

/** Fractions are allowed: adapters that know only whole seconds round up. */
export function checkVisibility(seconds: number, least: 0 | 1): void {
  checkRange('visibility timeout in seconds', seconds, least, MAX_VISIBILITY_SECONDS, { fractions: true });
}

export function checkDelay(seconds: number): void {
  checkRange('delaySeconds', seconds, 0, MAX_DELAY_SECONDS, { fractions: true });
}

/** @throws FacefleetError `bad-request` for text that SQS would not carry, `limit-exceeded` for too much of it. */
export function checkBody(body: string, limit: { queue: string; maxMessageBytes: number }): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
  const odd = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.exec(body)?.[0];
  if (body === '' || odd !== undefined || !body.isWellFormed()) {
    const found =
      body === '' ? 'is empty' : odd === undefined ? 'has a lone surrogate' : `holds ${codePoint(odd)}`;
    throw badRequest(
      `the message ${found}, expected Unicode text without control characters, for queue ${limit.queue}`,
    );
  }
  const sizeBytes = Buffer.byteLength(body);
  if (sizeBytes > limit.maxMessageBytes) {
    throw new FacefleetError(
      'limit-exceeded',
      `the message has ${sizeBytes} bytes, queue ${limit.queue} takes at most ${limit.maxMessageBytes}`,
      { context: { queue: limit.queue } },
    );
  }
}

function checkRange(
  name: string,
  value: number,
  least: number,
  most: number,
  { fractions = false }: { fractions?: boolean } = {},
): void {
  const isNumber = fractions ? Number.isFinite(value) : Number.isInteger(value);
  if (!isNumber || value < least || value > most) {
    throw badRequest(`${name} is ${value}, expected ${least} to ${most}`);
  }
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function badRequest(message: string): FacefleetError {
  return new FacefleetError('bad-request', message);
}
