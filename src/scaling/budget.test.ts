import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accrue, affordable, noSpending, reachedCap, type Spending } from './budget.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 0, 1, 12);
const from = (at: number): Spending => accrue(noSpending, 0, at);
const parts = { reservedSeconds: 0, termSeconds: 60 };

describe('spending', () => {
  it('is what lived, times how long', () => {
    const spent = accrue(accrue(from(NOON), 3, NOON + 10_000), 1, NOON + 15_000);
    assert.equal(spent.hour.instanceSeconds, 35);
    assert.equal(spent.day.instanceSeconds, 35);
  });

  it('begins anew with the hour and the day, and counts only the part that falls into them', () => {
    const spent = accrue(from(NOON), 2, NOON + HOUR_MS + 5000);
    assert.equal(spent.hour.instanceSeconds, 10);
    assert.equal(spent.day.instanceSeconds, 7210);
    const tomorrow = accrue(spent, 1, NOON + 12 * HOUR_MS + 1000);
    assert.equal(tomorrow.day.instanceSeconds, 1);
  });

  it('of books that never counted begins now', () => {
    assert.equal(accrue(noSpending, 5, NOON + 1).day.instanceSeconds, 0);
  });

  it('is not given back by a clock that is set back, nor held for ever by one that was wrong', () => {
    const spent = accrue(from(NOON + 1000), 10, NOON + 100_000);
    const back = accrue(spent, 10, NOON - 1000);
    assert.equal(back.hour.instanceSeconds, 990);
    assert.equal(accrue(back, 10, NOON + 1000).hour.instanceSeconds, 1000);
    const farBack = accrue(spent, 10, NOON - 40 * HOUR_MS);
    assert.equal(farBack.hour.instanceSeconds, 0);
  });
});

describe('a cap', () => {
  const caps = { perHour: 600, perDay: 1000 };

  it('leaves room for as many launches as it has reserves for', () => {
    assert.equal(affordable(from(NOON), caps, parts), 10);
    assert.equal(affordable(from(NOON), caps, { ...parts, reservedSeconds: 541 }), 0);
    assert.equal(affordable(accrue(from(NOON), 10, NOON + 30_000), caps, parts), 5);
  });

  it('of the day counts beside the one of the hour', () => {
    const spent = accrue(from(NOON), 1, NOON + 960_000);
    const later = accrue(spent, 0, NOON + HOUR_MS);
    assert.equal(affordable(later, caps, parts), 0);
    assert.match(reachedCap(later, caps, parts) ?? '', /960 of 1000 .* day/);
  });

  it('that is not set leaves all the room there is', () => {
    const none = { perHour: null, perDay: null };
    assert.equal(affordable(accrue(from(NOON), 1000, NOON + 1e7), none, parts), Number.POSITIVE_INFINITY);
    assert.equal(reachedCap(from(NOON), none, parts), undefined);
  });
});
