import { createHash } from 'node:crypto';
import type { Tag } from '@aws-sdk/client-ec2';
import type { LaunchRequest } from '../../../ports/fleet.ts';

/** Instances without the first one are none of ours. Letters, digits and colons: the metadata service serves them too. */
export const FLEET_TAG = 'facefleet:fleet';
export const SLOT_TAG = 'facefleet:slot';
export const GENERATION_TAG = 'facefleet:generation';
export const TOKEN_TAG = 'facefleet:token';

/** Of one fleet's launch; fleets share an account, and EC2 takes 64 characters. */
export function clientToken(fleet: string, token: string): string {
  return createHash('sha256').update(`${fleet}\n${token}`).digest('hex');
}

/** `Name` is what the original system calls its instances. */
export function instanceTags(fleet: string, { slot, generation, token }: LaunchRequest): Tag[] {
  return [
    { Key: 'Name', Value: `app-tier-instance-${slot}` },
    { Key: FLEET_TAG, Value: fleet },
    { Key: SLOT_TAG, Value: String(slot) },
    { Key: GENERATION_TAG, Value: String(generation) },
    { Key: TOKEN_TAG, Value: clientToken(fleet, token) },
  ];
}
