import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { FAST_PACK, type Thresholds } from '../recognition/packs.ts';
import { Gallery } from './gallery.ts';
import { OpenSetRule } from './open-set.ts';
import { openGalleryReplica } from './replica.ts';

const DIMENSIONS = 64;

/** How often two directions without preference are this similar or more: the tail of (1 - x²)^((d - 3) / 2). */
function strangersAtLeast(cosine: number): number {
  const density = (x: number) => (1 - x * x) ** ((DIMENSIONS - 3) / 2);
  const integral = (from: number) => {
    const steps = 20_000;
    const width = (1 - from) / steps;
    return Array.from({ length: steps }, (_, at) => density(from + (at + 0.5) * width) * width).reduce(
      (sum, part) => sum + part,
    );
  };
  return integral(cosine) / integral(-1);
}

function cosineAt(falseMatchRate: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 24; step++) {
    const middle = (low + high) / 2;
    if (strangersAtLeast(middle) > falseMatchRate) low = middle;
    else high = middle;
  }
  return high;
}

/** A pack for embeddings without preference, calibrated exactly. */
const THRESHOLDS: Thresholds = {
  isCalibrated: true,
  points: [1e-2, 1e-3, 1e-4, 1e-5].map((falseMatchRate) => ({
    falseMatchRate,
    cosine: cosineAt(falseMatchRate),
  })),
  smallFaces: { slope: 0.1, referenceWidthPx: 30 },
};

/** Share of strangers that get a name. */
async function falsePositives(options: {
  people: number;
  facesEach: number;
  strangers: number;
  rate: number;
}) {
  const { people, facesEach, strangers, rate } = options;
  const state = new MemoryObjectStore();
  const faces = new SyntheticFaces(people * 31 + facesEach, DIMENSIONS);
  const enrolled = Array.from({ length: people }, (_, at) => {
    const first = faces.stranger();
    return Array.from({ length: facesEach }, (_, index) =>
      newFace(`Person ${at}`, index === 0 ? first : faces.another(first, 0.7)),
    );
  });
  await new Gallery({ state, clock }).addFaces(enrolled.flat());
  await using replica = await openGalleryReplica({ state, packId: 'fast', thresholds: THRESHOLDS });
  const probes = Array.from({ length: strangers }, () => ({ embedding: faces.stranger(), sizePx: 100 }));
  const outcomes = await replica.match(probes, { falsePositiveRate: rate, allowRepeats: true });
  return outcomes.filter(({ person }) => person !== null).length / strangers;
}

describe('the promised false positive identification rate', () => {
  for (const people of [10, 100, 500]) {
    test(`holds with ${people} people of one face, and is not far from used up`, async () => {
      const share = await falsePositives({ people, facesEach: 1, strangers: 4000, rate: 0.02 });
      // Three standard deviations of 4,000 draws at 2 % are 0.66 points.
      assert.ok(share <= 0.0266, `${share}`);
      assert.ok(share >= 0.0134, `${share}`);
    });
  }

  test('holds with many faces a person, whose comparisons pass and fail together', async () => {
    const share = await falsePositives({ people: 50, facesEach: 8, strangers: 4000, rate: 0.02 });
    assert.ok(share <= 0.0266, `${share}`);
    assert.ok(share >= 0.005, `${share}`);
  });
});

describe('OpenSetRule', () => {
  const ruleFor = (faces: number, falsePositiveRate = 0.01) =>
    new OpenSetRule(FAST_PACK.thresholds, { faces, falsePositiveRate });

  test('asks for more in a larger gallery, and says where it was never measured', () => {
    const thresholds = [1, 100, 10_000, 1_000_000].map((faces) => ruleFor(faces).baseThreshold);
    assert.deepEqual(
      thresholds,
      thresholds.toSorted((a, b) => a - b),
    );
    assert.equal(ruleFor(10_000).isExtrapolated, false);
    assert.equal(ruleFor(20_000).isExtrapolated, true);
  });

  test('asks for more only when both faces are small', () => {
    const rule = ruleFor(100);
    assert.equal(rule.thresholdFor(20, 100), rule.baseThreshold);
    assert.equal(rule.thresholdFor(100, 20), rule.baseThreshold);
    assert.ok(rule.thresholdFor(20, 20) > rule.baseThreshold + 0.06);
  });

  test('whom a face speaks for most wins, after what it has to reach', () => {
    const rule = ruleFor(100);
    const hits = [
      { person: 1, similarity: 0.6, sizePx: 20 },
      { person: 2, similarity: 0.58, sizePx: 100 },
      { person: 2, similarity: 0.57, sizePx: 100 },
    ];
    assert.deepEqual(
      rule.rank(hits, 20).map(({ person, similarity }) => [person, similarity]),
      [
        [2, 0.58],
        [1, 0.6],
      ],
    );
    assert.deepEqual(
      rule.rank(hits, 100).map(({ person }) => person),
      [1, 2],
    );
  });
});
