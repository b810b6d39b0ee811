import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { compactGallery } from './compaction.ts';
import { eraseFace, erasePerson } from './erasure.ts';
import { Gallery } from './gallery.ts';
import { openGalleryReplica } from './replica.ts';
import type { GalleryReplica } from './types.ts';

/** What a gallery should be, as plainly as it can be said: whose faces are whose, and who is not whom. */
type Model = Map<string, { faces: Set<ModelFace>; not: Set<ModelFace> }>;
interface ModelFace {
  readonly picture: number;
}

const NAMES = ['Ada', 'Bob', 'Cyd', 'Dee'];
const PICTURES = 10;
const faces = new SyntheticFaces(17, 16);
const EMBEDDINGS = Array.from({ length: PICTURES }, () => faces.stranger());

const name = fc.constantFrom(...NAMES);
const picture = fc.nat(PICTURES - 1);
const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), name, picture }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('merge' as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove-face' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('move' as const), name, to: fc.option(name, { nil: null }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), minutes: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const) }) },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

test('after any changes by several writers every copy holds what the plain model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), change), { maxLength: 40 }), async (changes) => {
      const clock = new FakeClock();
      const store = () => new MemoryObjectStore({ now: () => clock.now() });
      const buckets = { input: store(), output: store(), state: store() };
      const { state } = buckets;
      const writers = [0, 1, 2].map(() => new Gallery({ state, clock }));
      await using following = await openGalleryReplica({ state, packId: 'fast' });
      const model: Model = new Map();
      for (const [who, one] of changes) {
        await clock.advance(1);
        const isMove = one.do === 'move' && canMove(model, one.name, one.to);
        applyToModel(model, one);
        if (one.do !== 'move' || isMove)
          await carryOut(one, { gallery: writers[who]!, buckets, clock, following });
      }
      await following.refresh();
      await using fresh = await openGalleryReplica({ state, packId: 'fast' });
      for (const replica of [following, fresh]) {
        assert.deepEqual(await picturesOf(replica), picturesIn(model));
        assert.equal(replica.people, model.size);
      }
      for (const writer of writers) {
        const people = (await writer.people()).map((one) => [one.name, one.faces]);
        const wanted = [...model].map(([who, { faces: theirs }]) => [who, theirs.size]).sort();
        assert.deepEqual(people, wanted);
      }
    }),
    { numRuns: 60 },
  );
});

function applyToModel(model: Model, one: Change): void {
  const known = 'name' in one ? model.get(one.name) : undefined;
  if (one.do === 'add') {
    const person = known ?? { faces: new Set<ModelFace>(), not: new Set<ModelFace>() };
    model.set(one.name, person);
    if (!hasPicture(person.faces, one.picture)) person.faces.add({ picture: one.picture });
  }
  if (known === undefined) return;
  if (one.do === 'rename' && !model.has(one.to)) {
    model.delete(one.name);
    model.set(one.to, known);
  }
  if (one.do === 'merge') mergeInModel(model, one.name, one.to);
  if (one.do === 'move') moveInModel(model, one.name, one.to);
  if (one.do === 'remove') {
    model.delete(one.name);
    for (const face of known.faces) forget(model, face);
  }
  const first = firstOf(known.faces);
  if (one.do === 'remove-face' && first !== undefined) forget(model, first);
}

function mergeInModel(model: Model, from: string, to: string): void {
  const [gone, kept] = [model.get(from), model.get(to)];
  if (gone === undefined || kept === undefined || from === to) return;
  // Two people with the same picture would be two faces: one is given up first.
  for (const face of gone.faces) if (hasPicture(kept.faces, face.picture)) forget(model, face);
  for (const face of gone.faces) kept.faces.add(face);
  for (const face of gone.not) kept.not.add(face);
  for (const face of kept.faces) kept.not.delete(face);
  model.delete(from);
}

function moveInModel(model: Model, from: string, to: string | null): void {
  const [source, target] = [model.get(from), to === null ? undefined : model.get(to)];
  const face = source && firstOf(source.faces);
  if (!canMove(model, from, to) || source === undefined || face === undefined) return;
  source.faces.delete(face);
  source.not.add(face);
  target?.faces.add(face);
  target?.not.delete(face);
}

/** Somebody else, who is there and has no face of the same picture. */
function canMove(model: Model, from: string, to: string | null): boolean {
  const face = firstOf(model.get(from)?.faces ?? new Set());
  if (face === undefined || from === to) return false;
  if (to === null) return true;
  const target = model.get(to);
  return target !== undefined && !hasPicture(target.faces, face.picture);
}

function firstOf(shown: ReadonlySet<ModelFace>): ModelFace | undefined {
  return [...shown].sort((a, b) => a.picture - b.picture)[0];
}

function hasPicture(shown: ReadonlySet<ModelFace>, wanted: number): boolean {
  return [...shown].some((face) => face.picture === wanted);
}

function forget(model: Model, face: ModelFace): void {
  for (const person of model.values()) {
    person.faces.delete(face);
    person.not.delete(face);
  }
}

interface World {
  readonly gallery: Gallery;
  readonly buckets: { input: MemoryObjectStore; output: MemoryObjectStore; state: MemoryObjectStore };
  readonly clock: FakeClock;
  readonly following: GalleryReplica;
}

async function carryOut(one: Change, { gallery, buckets, clock, following }: World): Promise<void> {
  const isKnown = async (who: string) => (await gallery.people()).some((person) => person.name === who);
  switch (one.do) {
    case 'add':
      await gallery.addFace(newFace(one.name, EMBEDDINGS[one.picture]!));
      break;
    case 'rename':
      if ((await isKnown(one.name)) && !(await isKnown(one.to))) await gallery.rename(one.name, one.to);
      break;
    case 'merge':
      if ((await isKnown(one.name)) && (await isKnown(one.to)) && one.name !== one.to)
        await mergeWithoutTwins(gallery, { buckets, clock }, one.name, one.to);
      break;
    case 'remove':
      if (await isKnown(one.name)) await erasePerson({ buckets, clock }, one.name);
      break;
    case 'remove-face':
      if (await isKnown(one.name)) await removeFirstFace(gallery, { buckets, clock }, one.name);
      break;
    case 'move':
      await moveFirstFace(gallery, one.name, one.to);
      break;
    case 'compact':
      await compactGallery({ state: buckets.state, clock, minEntries: 2 });
      await clock.advance(one.minutes * 60_000);
      break;
    case 'refresh':
      await following.refresh();
  }
}

type ErasureParts = Pick<World, 'buckets' | 'clock'>;

async function mergeWithoutTwins(gallery: Gallery, parts: ErasureParts, from: string, into: string) {
  const [gone, kept] = [await gallery.person(from), await gallery.person(into)];
  const kepts = new Set(kept.faces.map((face) => face.pictureSha256));
  for (const face of gone.faces) if (kepts.has(face.pictureSha256)) await eraseFace(parts, face.faceId);
  await gallery.merge({ from, into });
}

async function removeFirstFace(gallery: Gallery, parts: ErasureParts, who: string) {
  const first = await firstFaceOf(gallery, who);
  if (first !== undefined) await eraseFace(parts, first.faceId);
}

async function moveFirstFace(gallery: Gallery, from: string, to: string | null) {
  const first = await firstFaceOf(gallery, from);
  if (first !== undefined) await gallery.moveFace({ faceId: first.faceId, from, to });
}

async function firstFaceOf(gallery: Gallery, who: string) {
  const { faces: theirs } = await gallery.person(who);
  const numbers = theirs.map((face) => PICTURE_OF.get(face.pictureSha256)!);
  return theirs[numbers.indexOf(Math.min(...numbers))];
}

const PICTURE_OF = new Map(EMBEDDINGS.map((embedding, at) => [newFace('', embedding).pictureSha256, at]));

/** Names whose face each picture is, by looking for it. */
async function picturesOf(replica: GalleryReplica): Promise<string[][]> {
  const probes = EMBEDDINGS.map((embedding) => ({ embedding, sizePx: 100 }));
  const outcomes = await replica.match(probes, { falsePositiveRate: 0.01, topK: NAMES.length });
  return outcomes.map(({ candidates }) =>
    candidates
      .filter(({ similarity }) => similarity > 0.999)
      .map((candidate) => candidate.name)
      .sort(),
  );
}

function picturesIn(model: Model): string[][] {
  return EMBEDDINGS.map((_, at) =>
    [...model]
      .filter(([, person]) => hasPicture(person.faces, at) && !hasPicture(person.not, at))
      .map(([who]) => who)
      .sort(),
  );
}
