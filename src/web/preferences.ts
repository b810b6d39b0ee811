import type { IncomingMessage } from 'node:http';

/** What the client wishes (RFC 7240). */
export interface Preferences {
  readonly respondAsync: boolean;
  /** How long it would wait. */
  readonly waitSeconds: number | undefined;
}

/** Wishes that aren't understood are ignored, as the RFC says. */
export function preferencesOf({ headers }: IncomingMessage): Preferences {
  const { prefer } = headers;
  const wishes = [prefer ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((wish) => wish.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  const wait = wishes.map((wish) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(wish)?.[1]).find((seconds) => seconds);
  return {
    respondAsync: wishes.includes('respond-async'),
    waitSeconds: wait === undefined ? undefined : Number(wait),
  };
}
