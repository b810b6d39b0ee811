import { describe, test } from 'node:test';

import { conditionContract } from './object-store/conditions.ts';
import { keyContract } from './object-store/keys.ts';
import { linearisabilityContract } from './object-store/linearisability.ts';
import { objectContract } from './object-store/objects.ts';
import { streamContract } from './object-store/streams.ts';
import type { ContractTest, ObjectStoreSubject } from './object-store/subject.ts';

/** Every promise of the ObjectStore port. Each test gets a bucket of its own. */
export function objectStoreContract(name: string, makeSubject: () => Promise<ObjectStoreSubject>): void {
  const it: ContractTest = (title, body) =>
    test(title, async () => {
      await using subject = await makeSubject();
      await body(subject);
    });

  describe(`${name}: objects`, () => objectContract(it));
  describe(`${name}: conditional puts`, () => conditionContract(it));
  describe(`${name}: many at once`, () => linearisabilityContract(it));
  describe(`${name}: streams`, () => streamContract(it));
  describe(`${name}: keys and listing`, () => keyContract(it));
}
