import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';

import { allows, KEY_SCOPES, type KeyScope } from '../access/api-key.ts';
import type { KeyRing } from '../access/key-ring.ts';
import type { Config } from '../config.ts';
import { DEFAULT_GALLERY } from '../gallery/keys.ts';
import { isLoopback } from './guards.ts';
import type { Contract } from './http/contract.ts';
import { HttpProblem } from './problem.ts';

/** Who asks, as far as keys tell them apart. Never the key itself. */
export const ANONYMOUS = 'anonymous';

/** What a caller may do. */
export interface Access {
  /** A key's name for logs and idempotency, or `anonymous`. */
  readonly caller: string;
  readonly scopes: readonly KeyScope[];
  /** The only gallery within reach; null for all. */
  readonly gallery: string | null;
}

type Edge = Pick<Config, 'host' | 'apiKeys' | 'allowAnonymous' | 'requireKeys'>;

/** In the default gallery's short addresses these work with the gallery; what else there is belongs to nobody's in particular. */
const OF_DEFAULT_GALLERY = /^\/$|^\/v1\/(people|recognitions|detections|comparisons|batches)(\/|$)/;
/** Who knows its id was given it. */
const BY_ID = /^\/v1\/(jobs|batches)\/\{/;

/**
 * Finds out who asks: by a key that was made (`facefleet keys`), by one of the settings, or by nobody where none is needed. Notes it in
 * `response.locals`, for `authorise`.
 *
 * A key that is shown is always judged: a wrong one is refused also where none would be needed.
 */
export function authenticate(edge: Edge, ring: KeyRing): RequestHandler {
  const digests = edge.apiKeys.map((key) => digest(key));
  const needsKey = digests.length > 0 || edge.requireKeys || !isLoopback(edge.host);
  return async (request, response, next) => {
    const given = keyOf(request);
    response.locals.access = given === undefined ? withoutKey(request) : await withKey(given);
    response.locals.caller = (response.locals.access as Access).caller;
    next();
  };

  function withoutKey(request: Request): Access {
    if (!needsKey) return { caller: ANONYMOUS, scopes: KEY_SCOPES, gallery: null };
    const isExempt = edge.allowAnonymous && request.method === 'POST' && request.path === '/';
    if (isExempt) return { caller: ANONYMOUS, scopes: ['recognise'], gallery: DEFAULT_GALLERY };
    throw unauthorised('an API key is needed: send Authorization: Bearer <key> or X-Api-Key: <key>');
  }

  async function withKey(given: string): Promise<Access> {
    const index = indexOfKey(digests, given);
    if (index >= 0) {
      const caller = `key-${digests[index]?.toString('hex').slice(0, 16)}`;
      return { caller, scopes: KEY_SCOPES, gallery: null };
    }
    const verdict = await ring.judge(given);
    switch (verdict.kind) {
      case 'good': {
        const { id, scopes, gallery } = verdict.record;
        return { caller: `key-${id}`, scopes, gallery };
      }
      case 'limited':
        throw new HttpProblem(429, `this key may ask ${verdict.record.requestsPerMinute} times a minute`, {
          headers: { 'Retry-After': String(verdict.retryAfterSeconds) },
        });
      case 'revoked':
      case 'expired':
        throw unauthorised(`the API key is ${verdict.kind}`);
      case 'unknown':
        throw unauthorised('the API key is not valid');
    }
  }
}

/** @throws HttpProblem 403 when the caller may not do this, or not in this gallery. */
export function authorise(
  { scope, path }: Pick<Contract, 'scope' | 'path'>,
  request: Request,
  response: Response,
): void {
  if (scope === 'public' || scope === 'any') return;
  const { scopes, gallery } = accessOf(response);
  if (!allows(scopes, scope)) {
    throw new HttpProblem(403, `this needs a key that may ${scope}; this one may ${scopes.join(', ')}`);
  }
  if (gallery !== null && !isInGallery(gallery, path, request.params.gallery)) {
    throw new HttpProblem(403, `this key is for the gallery ${JSON.stringify(gallery)} alone`);
  }
}

export function accessOf(response: Response): Access {
  const { access } = response.locals as { access?: Access };
  return access ?? { caller: ANONYMOUS, scopes: [], gallery: null };
}

/** The API key that a request shows. */
export function keyOf({ headers }: Request): string | undefined {
  const bearer = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  const plain = headers['x-api-key'];
  return bearer?.trim() ?? (typeof plain === 'string' ? plain : undefined);
}

function isInGallery(gallery: string, path: string, named: unknown): boolean {
  if (path.startsWith('/v1/galleries/{gallery}')) return named === gallery;
  if (path === '/version' || BY_ID.test(path)) return true;
  return gallery === DEFAULT_GALLERY && OF_DEFAULT_GALLERY.test(path);
}

/** Looks at every key, so that the time taken tells nothing. */
function indexOfKey(digests: readonly Buffer[], given: string): number {
  const wanted = digest(given);
  let found = -1;
  for (const [index, one] of digests.entries()) if (timingSafeEqual(one, wanted)) found = index;
  return found;
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function unauthorised(detail: string): HttpProblem {
  return new HttpProblem(401, detail, { headers: { 'WWW-Authenticate': 'Bearer realm="facefleet"' } });
}
