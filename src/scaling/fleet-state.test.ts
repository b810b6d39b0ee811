import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emptySlot, nextLaunch } from './fleet-state.ts';

describe('the next launch of a slot', () => {
  const fleet = { name: 'ec2', terms: () => 'spot' };
  const slot = { ...emptySlot(3), generation: 4 };

  it('is the same whoever makes it, so that two controllers get one instance', () => {
    assert.deepEqual(nextLaunch(fleet, slot), nextLaunch({ ...fleet }, { ...slot, failures: 2, since: 9 }));
    assert.equal(nextLaunch(fleet, slot).generation, 5);
  });

  it('has another token for another fleet, slot, generation or terms', () => {
    const tokens = [
      nextLaunch(fleet, slot),
      nextLaunch({ ...fleet, name: 'other' }, slot),
      nextLaunch(fleet, { ...slot, slot: 4 }),
      nextLaunch(fleet, { ...slot, generation: 5 }),
      nextLaunch({ ...fleet, terms: () => 'on-demand' }, slot),
    ].map(({ token }) => token);
    assert.equal(new Set(tokens).size, tokens.length);
  });
});
