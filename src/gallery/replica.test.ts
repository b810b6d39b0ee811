import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { dot, newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { silentLogger } from '../logger.ts';
import { FAST_PACK } from '../recognition/packs.ts';
import { Gallery } from './gallery.ts';
import { Matcher } from './matcher.ts';
import { OpenSetRule } from './open-set.ts';
import { openGalleryReplica } from './replica.ts';
import type { NewFace, Probe } from './types.ts';
import { VectorMatrix } from './vector-matrix.ts';

const OPTIONS = { falsePositiveRate: 0.01 };

async function galleryOf(faces: readonly NewFace[]) {
  const state = new MemoryObjectStore();
  const gallery = new Gallery({ state, clock });
  const added = faces.length === 0 ? [] : await gallery.addFaces(faces);
  return { state, gallery, added };
}

/** The same answer, by comparing with everybody. */
function rankPlainly(enrolled: readonly NewFace[], probe: Probe) {
  const rule = new OpenSetRule(FAST_PACK.thresholds, { ...OPTIONS, faces: enrolled.length });
  const evidence = new Map<string, number>();
  for (const { person, embedding, sizePx } of enrolled) {
    const excess = dot(embedding, probe.embedding) - rule.thresholdFor(probe.sizePx, sizePx);
    evidence.set(person, Math.max(excess, evidence.get(person) ?? Number.NEGATIVE_INFINITY));
  }
  return [...evidence].sort(([, a], [, b]) => b - a);
}

describe('matching', () => {
  test('finds what comparing with everybody finds, in place and in a thread', async () => {
    const shape = fc.record({
      seed: fc.integer(),
      people: fc.integer({ min: 1, max: 40 }),
      faces: fc.integer({ min: 1, max: 300 }),
      topK: fc.integer({ min: 1, max: 6 }),
      smallest: fc.integer({ min: 10, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, fc.boolean(), async ({ seed, people, faces, topK, smallest }, inThread) => {
        const source = new SyntheticFaces(seed, 8);
        const size = () => smallest + source.next() * 30;
        const enrolled = Array.from({ length: faces }, () =>
          newFace(`P${Math.floor(source.next() * people)}`, source.stranger(), { sizePx: size() }),
        );
        const { state } = await galleryOf(enrolled);
        await using replica = await openGalleryReplica({ state, packId: 'fast', inThread });
        const probes = [0, 1, 2].map(() => ({ embedding: source.stranger(), sizePx: size() }));
        const outcomes = await replica.match(probes, { ...OPTIONS, topK, allowRepeats: true });
        for (const [at, probe] of probes.entries()) {
          const ranking = rankPlainly(enrolled, probe);
          const outcome = outcomes[at]!;
          assert.deepEqual(
            outcome.candidates.map(({ name }) => name),
            ranking.slice(0, topK).map(([name]) => name),
          );
          const [best, second] = ranking.map(([, evidence]) => evidence);
          assert.ok(Math.abs(outcome.similarity! - outcome.threshold! - best!) < 1e-5);
          assert.equal(outcome.person?.name, best! >= 0 ? ranking[0]?.[0] : undefined);
          if (second === undefined) assert.equal(outcome.margin, null);
          else assert.ok(Math.abs(outcome.margin! - (best! - second)) < 1e-5);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('an empty gallery knows nobody', async () => {
    const { state } = await galleryOf([]);
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    const nobody = {
      ...{ person: null, similarity: null, margin: null, threshold: null, candidates: [] },
      ...{ falseMatchRate: null, unknownReason: 'empty-gallery' },
    };
    assert.deepEqual(await replica.match([{ embedding: new Float32Array(8), sizePx: 50 }], OPTIONS), [
      nobody,
    ]);
    assert.deepEqual(await replica.match([], OPTIONS), []);
    assert.deepEqual([replica.version, replica.people, replica.faces], [0, 0, 0]);
  });

  test('templates of another pack are never compared with', async () => {
    const faces = new SyntheticFaces(2, 8);
    const embedding = faces.stranger();
    const { state } = await galleryOf([newFace('Ada', embedding, { packId: 'accurate' })]);
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    const [outcome] = await replica.match([{ embedding, sizePx: 100 }], OPTIONS);
    assert.equal(outcome?.similarity, null);
  });

  test('a probe of another length is refused', async () => {
    const { state } = await galleryOf([newFace('Ada', new SyntheticFaces(2, 8).stranger())]);
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    const probe = { embedding: new Float32Array(9), sizePx: 100 };
    await assert.rejects(replica.match([probe], OPTIONS), { code: 'bad-request' });
  });

  test('a pack that is not built in needs its thresholds', async () => {
    const { state } = await galleryOf([]);
    await assert.rejects(openGalleryReplica({ state, packId: 'mine' }), { code: 'bad-request' });
    await using replica = await openGalleryReplica({
      state,
      packId: 'mine',
      thresholds: FAST_PACK.thresholds,
    });
    assert.equal(replica.version, 0);
  });

  test('a gallery beyond what was measured is warned of, once', async () => {
    const faces = new SyntheticFaces(2, 8);
    const { state } = await galleryOf([newFace('Ada', faces.stranger())]);
    const warnings: unknown[] = [];
    const logger = silentLogger.child({});
    logger.warn = (...words: unknown[]) => void warnings.push(words);
    await using replica = await openGalleryReplica({ state, packId: 'fast', logger });
    const probes = [{ embedding: faces.stranger(), sizePx: 100 }];
    await replica.match(probes, OPTIONS);
    assert.equal(warnings.length, 0);
    await replica.match(probes, { falsePositiveRate: 1e-7 });
    await replica.match(probes, { falsePositiveRate: 1e-7 });
    assert.equal(warnings.length, 1);
  });

  test('faces added while a search runs do not disturb it', async () => {
    const faces = new SyntheticFaces(4, 8);
    const { state, gallery } = await galleryOf(
      Array.from({ length: 300 }, (_, at) => newFace(`P${at}`, faces.stranger())),
    );
    await using replica = await openGalleryReplica({ state, packId: 'fast', inThread: true });
    const probe = { embedding: faces.stranger(), sizePx: 100 };
    const [before] = await replica.match([probe], OPTIONS);
    await gallery.addFaces(Array.from({ length: 300 }, (_, at) => newFace(`Q${at}`, faces.stranger())));
    const matching = replica.match([probe], OPTIONS);
    const refreshing = replica.refresh();
    const [during] = await matching;
    await refreshing;
    assert.deepEqual(during?.candidates, before?.candidates);
    assert.equal(replica.faces, 600);
  });
});

describe('matcher thread', () => {
  test('a search that fails says so, and the thread goes on', async () => {
    await using matcher = new Matcher(true);
    const matrix = new VectorMatrix(4);
    matrix.push(Float32Array.of(1, 0, 0, 0));
    const request = { chunks: matrix.chunks(), dimensions: 4, probes: Float32Array.of(1, 0, 0, 0), count: 1 };
    await assert.rejects(matcher.search({ ...request, dimensions: 0 }), { code: 'internal' });
    const [hits] = await matcher.search(request);
    assert.deepEqual([...hits!.rows, ...hits!.similarities], [0, 1]);
  });

  test('closing rejects what is asked', async () => {
    const matcher = new Matcher(true);
    const matrix = new VectorMatrix(4);
    matrix.push(Float32Array.of(1, 0, 0, 0));
    const search = matcher.search({
      chunks: matrix.chunks(),
      dimensions: 4,
      probes: new Float32Array(4),
      count: 1,
    });
    const isRejected = assert.rejects(search, { code: 'unavailable' });
    await matcher[Symbol.asyncDispose]();
    await isRejected;
  });
});

describe('vector matrix', () => {
  test('rows stay where they are while it grows', () => {
    const matrix = new VectorMatrix(3);
    const kept = matrix.row(matrix.push(Float32Array.of(1, 2, 3)));
    for (let at = 1; at < 2000; at++) assert.equal(matrix.push(Float32Array.of(at, at, at)), at);
    assert.deepEqual([...kept], [1, 2, 3]);
    assert.deepEqual([...matrix.row(1999)], [1999, 1999, 1999]);
    assert.equal(
      matrix.chunks().reduce((sum, chunk) => sum + chunk.rows, 0),
      2000,
    );
    assert.equal(matrix.residentBytes, 2000 * 12);
    assert.ok(matrix.chunks().length <= 5);
  });
});
