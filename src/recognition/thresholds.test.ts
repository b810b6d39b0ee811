import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { ACCURATE_PACK, BUILT_IN_PACKS, FAST_PACK } from './packs.ts';
import { falseMatchRateAt, falseMatchRateFor, thresholdAt } from './thresholds.ts';

const FULL_SIZE = { largerWidthPx: 100 };

describe('thresholdAt', () => {
  test('gives the measured cosines at the measured rates', () => {
    for (const pack of BUILT_IN_PACKS) {
      for (const { falseMatchRate, cosine } of pack.thresholds.points) {
        const threshold = thresholdAt(pack.thresholds, { falseMatchRate, ...FULL_SIZE });
        assert.ok(Math.abs(threshold.cosine - cosine) < 1e-9, `${pack.id} at ${falseMatchRate}`);
        assert.equal(threshold.isExtrapolated, false);
      }
    }
  });

  test('lies halfway between two points at their geometric mean', () => {
    const { cosine } = thresholdAt(FAST_PACK.thresholds, { falseMatchRate: 10 ** -3.5, ...FULL_SIZE });
    assert.ok(Math.abs(cosine - (0.456 + 0.542) / 2) < 1e-9);
  });

  test('is never looser than the most generous measured rate', () => {
    assert.equal(thresholdAt(FAST_PACK.thresholds, { falseMatchRate: 0.2, ...FULL_SIZE }).cosine, 0.352);
  });

  test('continues the last line below the rarest measured rate, and says so', () => {
    const { cosine, isExtrapolated } = thresholdAt(FAST_PACK.thresholds, {
      falseMatchRate: 1e-8,
      ...FULL_SIZE,
    });
    assert.ok(Math.abs(cosine - (0.663 + 2 * 0.053)) < 1e-9);
    assert.ok(isExtrapolated);
  });

  test('rises when both faces are small', () => {
    const { cosine } = thresholdAt(ACCURATE_PACK.thresholds, { falseMatchRate: 1e-4, largerWidthPx: 17 });
    assert.ok(Math.abs(cosine - (0.809 + 0.052 * Math.log(2))) < 1e-9);
  });

  test('a single point serves every rate', () => {
    const thresholds = { ...FAST_PACK.thresholds, points: [{ falseMatchRate: 1e-4, cosine: 0.5 }] };
    assert.equal(thresholdAt(thresholds, { falseMatchRate: 1e-3, ...FULL_SIZE }).cosine, 0.5);
    assert.equal(thresholdAt(thresholds, { falseMatchRate: 1e-7, ...FULL_SIZE }).cosine, 0.5);
  });

  test('a rarer rate or smaller faces never lower it', () => {
    const rate = fc.double({ min: 1e-12, max: 0.5, noNaN: true });
    const width = fc.double({ min: 4, max: 4000, noNaN: true });
    fc.assert(
      fc.property(rate, rate, width, width, fc.constantFrom(...BUILT_IN_PACKS), (r1, r2, w1, w2, pack) => {
        const strict = { falseMatchRate: Math.min(r1, r2), largerWidthPx: Math.min(w1, w2) };
        const loose = { falseMatchRate: Math.max(r1, r2), largerWidthPx: Math.max(w1, w2) };
        return thresholdAt(pack.thresholds, strict).cosine >= thresholdAt(pack.thresholds, loose).cosine;
      }),
    );
  });
});

describe('falseMatchRateFor', () => {
  test('keeps the promise over the whole gallery', () => {
    assert.equal(falseMatchRateFor(0.01, 1), 0.01);
    for (const people of [2, 500, 10_000, 1_000_000]) {
      const stranger = 1 - (1 - falseMatchRateFor(0.01, people)) ** people;
      assert.ok(Math.abs(stranger - 0.01) < 1e-9, `${people} people`);
    }
  });

  test('an empty gallery counts as one person', () => {
    assert.equal(falseMatchRateFor(0.01, 0), 0.01);
  });
});

describe('built-in packs', () => {
  test('their shares add up to 1 and their dimensions to the whole', () => {
    for (const pack of BUILT_IN_PACKS) {
      const share = pack.embedders.reduce((sum, embedder) => sum + embedder.weight, 0);
      assert.ok(Math.abs(share - 1) < 1e-9, pack.id);
      assert.equal(
        pack.embedders.reduce((sum, embedder) => sum + embedder.dimensions, 0),
        pack.dimensions,
      );
    }
  });
});

test('the rate of a similarity is the threshold asked the other way round', () => {
  for (const { thresholds } of BUILT_IN_PACKS) {
    for (const rate of [1e-3, 3e-4, 1e-5, 1e-6, 1e-8]) {
      for (const largerWidthPx of [15, 25, 40, 200]) {
        const { cosine } = thresholdAt(thresholds, { falseMatchRate: rate, largerWidthPx });
        const found = falseMatchRateAt(thresholds, { cosine, largerWidthPx });
        assert.ok(Math.abs(found / rate - 1) < 1e-6, `${rate} at ${largerWidthPx} px: ${found}`);
      }
    }
    const at = (cosine: number) => falseMatchRateAt(thresholds, { cosine, largerWidthPx: 100 });
    assert.equal(at(-1), 1);
    assert.ok(at(0.3) > at(0.5) || at(0.3) === 1);
  }
});

test('a pack with a single point tells which side of it a similarity is on', () => {
  const thresholds = {
    points: [{ falseMatchRate: 1e-3, cosine: 0.5 }],
    smallFaces: { slope: 0, referenceWidthPx: 30 },
    isCalibrated: true,
  };
  assert.equal(falseMatchRateAt(thresholds, { cosine: 0.5, largerWidthPx: 10 }), 1e-3);
  assert.equal(falseMatchRateAt(thresholds, { cosine: 0.49, largerWidthPx: 10 }), 1);
});
