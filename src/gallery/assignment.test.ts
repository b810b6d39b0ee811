import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { assignPeople } from './assignment.ts';
import { Gallery } from './gallery.ts';
import type { RankedPerson } from './open-set.ts';
import { openGalleryReplica } from './replica.ts';
import type { MatchOutcome } from './types.ts';

const ranked = (person: number, evidence: number): RankedPerson => ({
  ...{ person, evidence, similarity: evidence + 0.5, threshold: 0.5, largerWidthPx: 100 },
});

/** Rankings as a search gives them: each person once, most evidence first. */
const rankings = fc.array(
  fc
    .uniqueArray(fc.record({ person: fc.nat(7), evidence: fc.double({ min: -1, max: 1, noNaN: true }) }), {
      selector: ({ person }) => person,
    })
    .map((people) =>
      people.map((one) => ranked(one.person, one.evidence)).sort((a, b) => b.evidence - a.evidence),
    ),
  { maxLength: 8 },
);

describe('one person, one face', () => {
  test('nobody is given twice, nobody without evidence, and no pair would rather have each other', () => {
    fc.assert(
      fc.property(rankings, (all) => {
        const places = assignPeople(all);
        const given = all.map((ranking, face) => ranking[places[face] ?? -1]);
        const people = given.flatMap((one) => (one === undefined ? [] : [one.person]));
        assert.equal(new Set(people).size, people.length);
        assert.ok(given.every((one) => one === undefined || one.evidence >= 0));
        for (const [face, ranking] of all.entries()) {
          for (const { person, evidence } of ranking) {
            if (evidence < 0 || evidence <= (given[face]?.evidence ?? -1)) continue;
            const holder = given.find((one) => one?.person === person);
            assert.ok(holder !== undefined && holder.evidence >= evidence, 'a pair is kept apart');
          }
        }
      }),
    );
  });

  test('faces that want different people get what each would get alone', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 8 }), (evidence) => {
        const places = assignPeople(evidence.map((value, person) => [ranked(person, value)]));
        assert.deepEqual(
          places,
          evidence.map((value) => (value >= 0 ? 0 : -1)),
        );
      }),
    );
  });
});

async function scene() {
  const faces = new SyntheticFaces(5, 64);
  const state = new MemoryObjectStore();
  const gallery = new Gallery({ state, clock });
  const match = async (
    embeddings: readonly Float32Array[],
    allowRepeats = false,
  ): Promise<MatchOutcome[]> => {
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    const probes = embeddings.map((embedding) => ({ embedding, sizePx: 100 }));
    return replica.match(probes, { falsePositiveRate: 0.01, allowRepeats });
  };
  return { faces, gallery, match };
}

const namesOf = (outcomes: readonly MatchOutcome[]) => outcomes.map(({ person }) => person?.name ?? null);

describe('faces of one picture', () => {
  test('the more similar of two gets the name, unless both may have it', async () => {
    const { faces, gallery, match } = await scene();
    const ada = faces.stranger();
    await gallery.addFace(newFace('Ada', ada));
    const pair = [faces.another(ada, 0.8), faces.another(ada, 0.9)];
    const [first, second] = await match(pair);
    assert.deepEqual([first?.person, second?.person?.name], [null, 'Ada']);
    assert.equal(first?.unknownReason, 'given-to-another-face');
    assert.equal(first?.candidates[0]?.name, 'Ada');
    assert.equal(second?.unknownReason, null);
    assert.deepEqual(namesOf(await match(pair, true)), ['Ada', 'Ada']);
  });

  test('who does not get their first may be their second, however many faces the first one has', async () => {
    const { faces, gallery, match } = await scene();
    const ada = faces.stranger();
    // Fifty faces of hers come before the one of her sister's in any search.
    await gallery.addFaces(Array.from({ length: 50 }, () => newFace('Ada', faces.another(ada, 0.97))));
    await gallery.addFace(newFace('Beth', faces.another(ada, 0.85)));
    const outcomes = await match([ada, faces.another(ada, 0.99)]);
    assert.deepEqual(namesOf(outcomes), ['Ada', 'Beth']);
    assert.ok(outcomes[1]!.margin! < 0);
  });
});

describe('counterexamples', () => {
  test('property: a face that is not theirs never matches that person again, and the others still do', async () => {
    const shape = fc.record({
      seed: fc.integer(),
      faces: fc.integer({ min: 1, max: 30 }),
      cosine: fc.double({ min: 0.3, max: 0.99, noNaN: true }),
      to: fc.constantFrom('Beth', null),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ seed, faces: count, cosine, to }) => {
        const faces = new SyntheticFaces(seed, 32);
        const state = new MemoryObjectStore();
        const gallery = new Gallery({ state, clock });
        const ada = faces.stranger();
        await gallery.addFaces(Array.from({ length: count }, () => newFace('Ada', faces.another(ada, 0.95))));
        await gallery.addFace(newFace('Beth', faces.stranger()));
        const wrong = faces.another(ada, cosine);
        const { faceId } = await gallery.addFace(newFace('Ada', wrong));
        await gallery.moveFace({ faceId, from: 'Ada', to });
        await using replica = await openGalleryReplica({ state, packId: 'fast' });
        const ask = async (embedding: Float32Array) =>
          (await replica.match([{ embedding, sizePx: 100 }], { falsePositiveRate: 0.5 }))[0];
        const outcome = await ask(wrong);
        assert.notEqual(outcome?.person?.name, 'Ada');
        if (to !== null) assert.equal(outcome?.person?.name, to);
        assert.ok(outcome?.candidates.every(({ name }) => name !== 'Ada'));
        // Whoever looks more like her than like the counterexample is still her.
        if (cosine < 0.94) assert.equal((await ask(ada))?.person?.name, 'Ada');
      }),
      { numRuns: 40 },
    );
  });

  test('moving a face back takes it back, and erasing the person takes the counterexample with them', async () => {
    const { faces, gallery, match } = await scene();
    const ada = faces.stranger();
    const { faceId } = await gallery.addFace(newFace('Ada', ada));
    await gallery.addFace(newFace('Ada', faces.another(ada, 0.7)));
    await gallery.moveFace({ faceId, from: 'Ada', to: null });
    assert.deepEqual(namesOf(await match([ada])), [null]);
    const { faces: theirs, counterexamples } = await gallery.person('Ada');
    assert.deepEqual([theirs.length, counterexamples.map((one) => one.faceId)], [1, [faceId]]);
    await gallery.moveFace({ faceId, from: 'Ada', to: null });
    await gallery.moveFace({ faceId, from: 'Ada', to: 'Ada' });
    assert.deepEqual(namesOf(await match([ada])), ['Ada']);
    await gallery.moveFace({ faceId, from: 'Ada', to: null });
    const { faceIds } = await gallery.bury('Ada');
    assert.ok(faceIds.includes(faceId));
    assert.deepEqual(await gallery.faceIds(), []);
  });

  test('who is merged with whom their face was moved to is one person again', async () => {
    const { faces, gallery, match } = await scene();
    const ada = faces.stranger();
    const { faceId } = await gallery.addFace(newFace('Ada', ada));
    await gallery.addFace(newFace('Beth', faces.stranger()));
    await gallery.moveFace({ faceId, from: 'Ada', to: 'Beth' });
    await assert.rejects(gallery.moveFace({ faceId, from: 'Ada', to: null }), { code: 'not-found' });
    await gallery.merge({ from: 'Beth', into: 'Ada' });
    assert.deepEqual(namesOf(await match([ada])), ['Ada']);
  });
});
