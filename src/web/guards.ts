import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';

import type { Config } from '../config.ts';
import { FacefleetError } from '../errors.ts';
import { HttpProblem } from './problem.ts';

type Edge = Pick<Config, 'host' | 'apiKeys' | 'allowAnonymous' | 'allowedHosts'>;

/**
 * Refuses to serve strangers without keys. `hasAdminKey` tells whether a key was made that lets somebody in.
 *
 * @throws FacefleetError `config-invalid` when others can reach the address and neither keys nor anonymous use are set.
 */
export async function checkBinding(
  { host, apiKeys, allowAnonymous }: Edge,
  hasAdminKey: () => Promise<boolean>,
): Promise<void> {
  if (isLoopback(host) || apiKeys.length > 0 || allowAnonymous || (await hasAdminKey())) return;
  throw new FacefleetError(
    'config-invalid',
    `FACEFLEET_HOST is ${host}, which other machines can reach, and nobody has a key: make one with ` +
      '`facefleet keys create NAME --scope admin`, set FACEFLEET_API_KEYS, ' +
      'or set FACEFLEET_ALLOW_ANONYMOUS=true to let POST / through without a key',
  );
}

/**
 * Lets only requests through that were meant for this server: any web page may send some to a local address, under a
 * host name of its own (DNS rebinding) or from a foreign origin.
 */
export function guardOrigin(edge: Edge): RequestHandler {
  return (request, _response, next) => {
    const host = hostNameOf(request.headers.host);
    if (host === undefined || !isOurHost(host, edge)) {
      throw new HttpProblem(403, 'the Host is not one of ours; FACEFLEET_ALLOWED_HOSTS adds further names');
    }
    if (!isOurOrigin(request, edge)) {
      throw new HttpProblem(403, 'requests from pages of another origin are refused');
    }
    next();
  };
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost');
}

/** The name or address in a Host header, without brackets and port; undefined if it is none. */
function hostNameOf(host: string | undefined): string | undefined {
  if (host === undefined || !/^[0-9a-z.:_[\]-]+$/i.test(host)) return undefined;
  const url = URL.parse(`http://${host}`);
  return url?.hostname.toLowerCase().replace(/^\[|\]$/g, '');
}

function isOurHost(name: string, { host, allowedHosts }: Edge): boolean {
  if (allowedHosts.some((allowed) => allowed === '*' || allowed.toLowerCase() === name)) return true;
  if (isLoopback(name) || name === host.toLowerCase()) return true;
  // Bound to every address, it may be called by any of them; an address can't be rebound as a name can.
  return isWildcard(host) && isIP(name) !== 0;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isOurOrigin(request: Request, { allowedHosts }: Edge): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) {
    const isUnsafe = request.method !== 'GET' && request.method !== 'HEAD';
    return !(isUnsafe && request.headers['sec-fetch-site'] === 'cross-site');
  }
  const from = URL.parse(origin);
  if (from === null || !['http:', 'https:'].includes(from.protocol)) return false;
  if (from.host === URL.parse(`${from.protocol}//${host}`)?.host) return true;
  return allowedHosts.some((allowed) => allowed.toLowerCase() === from.hostname);
}
