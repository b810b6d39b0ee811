import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a key may be allowed: to ask about pictures, to change people, or everything. */
export const KEY_SCOPES = ['recognise', 'enrol', 'admin'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

const ID_BYTES = 6;
const SECRET_BYTES = 32;
/** `ff_` marks it for people and for scanners of leaked secrets. */
const FORMAT = /^ff_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

/** What is kept of a key: everything but the key. */
export interface ApiKeyRecord {
  readonly version: number;
  /** Part of the key's text, and how it is named afterwards. */
  readonly id: string;
  /** Whose it is, or what for; for people. */
  readonly name: string;
  /** SHA-256 of the secret, hexadecimal. The secret is 256 random bits, which no slower hash would make safer. */
  readonly secretSha256: string;
  /** `admin` holds the others too. */
  readonly scopes: readonly KeyScope[];
  /** The only gallery it reaches; null for all. */
  readonly gallery: string | null;
  /** Requests a minute, in bursts up to as many; null without limit. */
  readonly requestsPerMinute: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Null: never. */
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

/** What is asked for when a key is made. */
export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly gallery?: string;
  readonly requestsPerMinute?: number;
  readonly expiresAt?: number;
}

export const API_KEY_VERSION = 1;

/** Makes a key. Its text is shown once and kept nowhere. */
export function mintKey(asked: NewApiKey, now: number): { text: string; record: ApiKeyRecord } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const record: ApiKeyRecord = {
    version: API_KEY_VERSION,
    id,
    name: asked.name,
    secretSha256: sha256(secret).toString('hex'),
    scopes: KEY_SCOPES.filter((scope) => asked.scopes.includes(scope)),
    gallery: asked.gallery ?? null,
    requestsPerMinute: asked.requestsPerMinute ?? null,
    createdAt: now,
    expiresAt: asked.expiresAt ?? null,
    revokedAt: null,
  };
  return { text: `ff_${id}_${secret}`, record };
}

/** The parts of a key's text; undefined if it is none of ours. */
export function parseKey(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = FORMAT.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** In a time that tells nothing of where they differ. */
export function isSecretOf({ secretSha256 }: ApiKeyRecord, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretSha256, 'hex'), sha256(secret));
}

/** Why a key is not good any more; undefined while it is. */
export function endOf(
  { revokedAt, expiresAt }: ApiKeyRecord,
  now: number,
): 'revoked' | 'expired' | undefined {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : undefined;
}

export function allows(scopes: readonly KeyScope[], scope: KeyScope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
