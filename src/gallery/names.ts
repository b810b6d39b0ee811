import { createHash, randomBytes } from 'node:crypto';
import { FacefleetError } from '../errors.ts';
import type { NameSeal } from './entry.ts';
import type { Roster, Tombstone } from './roster.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CONTROL = /\p{Cc}/u;
const LONGEST_NAME = 200;

/** How long a queue may keep an enrolment: SQS's longest retention. After it a tombstone forgets the sealed name. */
export const SEAL_MILLISECONDS = 14 * 24 * 3_600_000;

/** Whether this names a person by id; anything else is a name. */
export function isPersonId(reference: string): boolean {
  return UUID.test(reference);
}

/**
 * The form in which names are kept and compared: NFC, no spaces around.
 *
 * @throws FacefleetError `bad-request` for an empty or longer name than 200 characters, one with control characters, or one that looks like an id.
 */
export function personName(text: string): string {
  const name = text.normalize('NFC').trim();
  const isUsable =
    name !== '' && [...name].length <= LONGEST_NAME && !CONTROL.test(name) && !isPersonId(name.toLowerCase());
  if (isUsable) return name;
  throw new FacefleetError(
    'bad-request',
    `a person's name is ${JSON.stringify(text.slice(0, LONGEST_NAME))}, expected 1 to ${LONGEST_NAME} characters without control characters, no UUID`,
  );
}

/** A salted digest: it tells whether a name is the erased one without saying the name. */
export function sealName(name: string): NameSeal {
  const salt = randomBytes(16).toString('hex');
  return { salt, digest: digest(salt, name) };
}

/** Whether somebody of this name was erased after `requestedAt`: what was asked for before must not bring them back. */
export function wasErasedSince(roster: Roster, name: string, requestedAt: number): boolean {
  return roster
    .tombstones()
    .some(
      ({ at, seal }) => seal !== undefined && at >= requestedAt && digest(seal.salt, name) === seal.digest,
    );
}

/** The tombstone as a new base keeps it: the seal goes when nothing queued can be older. */
export function agedTombstone(tombstone: Tombstone, now: number): Tombstone {
  const { personId, at, seal } = tombstone;
  return seal === undefined || now - at < SEAL_MILLISECONDS ? tombstone : { personId, at };
}

function digest(salt: string, name: string): string {
  return createHash('sha256').update(salt).update(name).digest('hex');
}
