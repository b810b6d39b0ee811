import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';

import { SAMPLE_NUMBERS, type SampleNumber, samplePicture } from '../../test/support/sample-pictures.ts';
import { openTestRecogniser } from '../../test/support/test-recogniser.ts';
import { cosine, FAST_PACK, type Face, judge, type RecognisedPicture, type Recogniser } from './index.ts';
import { SMALL_PICTURES_IN_FLIGHT } from './pipeline.ts';

/** Strict, since two of the 22 look alike. */
const FALSE_MATCH_RATE = 1e-5;

function matches(a: Face, b: Face): boolean {
  return judge([a, b], { thresholds: FAST_PACK.thresholds, falseMatchRate: FALSE_MATCH_RATE }).isSamePerson;
}

function centre({ box }: Face, { width, height }: RecognisedPicture) {
  return { x: (box.x + box.width / 2) / width, y: (box.y + box.height / 2) / height };
}

/** The face at the same place of another rendering of the picture. */
function sameFace(face: Face, original: RecognisedPicture, rendering: RecognisedPicture): Face | undefined {
  const wanted = centre(face, original);
  return rendering.faces.find((one) => {
    const found = centre(one, rendering);
    return Math.hypot(found.x - wanted.x, found.y - wanted.y) < 0.03;
  });
}

describe('a recogniser', () => {
  let recogniser: Recogniser;
  const originals = new Map<SampleNumber, RecognisedPicture>();
  before(async () => {
    recogniser = await openTestRecogniser();
    for (const number of SAMPLE_NUMBERS) {
      originals.set(number, await recogniser.recognise(await samplePicture(number), { crops: true }));
    }
  });
  after(() => recogniser[Symbol.asyncDispose]());
  const original = (number: SampleNumber) => originals.get(number)!;

  test('finds a face again, and nobody else, when its picture is encoded anew or halved', async () => {
    const rendering = fc.record({
      number: fc.constantFrom(...SAMPLE_NUMBERS),
      scale: fc.constantFrom(1, 0.5),
      format: fc.constantFrom('jpeg' as const, 'webp' as const, 'png' as const, 'avif' as const),
      quality: fc.integer({ min: 60, max: 95 }),
    });
    await fc.assert(
      fc.asyncProperty(rendering, async ({ number, scale, format, quality }) => {
        const bytes = await sharp(await samplePicture(number))
          .resize(Math.round(1920 * scale))
          .toFormat(format, format === 'avif' ? { quality, effort: 0 } : { quality, effort: 1 })
          .toBuffer();
        const again = await recogniser.recognise(bytes);
        for (const face of original(number).faces.filter(isFrontal)) {
          const found = sameFace(face, original(number), again);
          assert.ok(found !== undefined && matches(face, found), `face at ${face.box.x},${face.box.y}`);
          assert.deepEqual(othersMatching(found, number, face), []);
        }
      }),
      { numRuns: 8 },
    );
  });

  /** One of the 22 is seen from the side: found, but good for nothing else. */
  function isFrontal(face: Face): boolean {
    return face.detectionScore > 0.9;
  }

  function othersMatching(probe: Face, number: SampleNumber, itself: Face): string[] {
    // One woman is in two of the pictures; she is the only match across pictures.
    const isTwin = (face: Face) => cosine(itself.embedding, face.embedding) > 0.75;
    return [...originals].flatMap(([other, { faces }]) =>
      faces
        .filter((face) => !(other === number && face === itself) && !isTwin(face) && matches(face, probe))
        .map((face) => `sample ${other} at ${face.box.x},${face.box.y}`),
    );
  }

  test('finds the same faces whichever way the camera was held', async () => {
    const upright = original(4);
    for (const orientation of [3, 6, 8]) {
      const turned = await sharp(await samplePicture(4))
        .rotate({ 3: 180, 6: 270, 8: 90 }[orientation] ?? 0)
        .withMetadata({ orientation })
        .jpeg({ quality: 90 })
        .toBuffer();
      const found = await recogniser.recognise(turned);
      assert.deepEqual([found.width, found.height], [upright.width, upright.height]);
      for (const face of upright.faces) {
        const again = sameFace(face, upright, found);
        assert.ok(again !== undefined && matches(face, again), `orientation ${orientation}`);
      }
    }
  });

  test('recognises what others can only decode: grey, CMYK, 16 bits, transparency, a 64x64 picture', async () => {
    const [face] = original(3).faces;
    const around = await sharp(await samplePicture(3))
      .extract({
        left: Math.round(face!.box.x) - 100,
        top: Math.round(face!.box.y) - 60,
        width: 430,
        height: 430,
      })
      .png()
      .toBuffer();
    const renderings = {
      grey: sharp(around).greyscale().jpeg(),
      cmyk: sharp(around).toColourspace('cmyk').jpeg(),
      '16 bits': sharp(around).toColourspace('rgb16').png(),
      transparency: sharp(around).ensureAlpha(0.9).webp(),
      '64x64': sharp(around).resize(64, 64).jpeg(),
    };
    for (const [name, rendering] of Object.entries(renderings)) {
      const { faces } = await recogniser.recognise(await rendering.toBuffer());
      assert.ok(faces[0] !== undefined && matches(faces[0], face!), name);
    }
  });

  test('sorts faces by size, cuts them off at the limit, and says how many', async () => {
    const { faces, facesCut } = await recogniser.recognise(await samplePicture(5), {
      maxFaces: 2,
      until: 'detect',
    });
    assert.equal(facesCut, 3);
    assert.deepEqual(
      faces.map(({ box }) => box),
      original(5)
        .faces.slice(0, 2)
        .map(({ box }) => box),
    );
    assert.equal(faces[0]?.embedding.length, 0);
  });

  test('gives unit embeddings of the promised length', () => {
    for (const { embedding } of original(1).faces) {
      assert.equal(embedding.length, recogniser.dimensions);
      assert.ok(Math.abs(cosine(embedding, embedding) - 1) < 1e-5);
    }
  });

  test('embeds an enrolment crop as it embeds the face itself', async () => {
    for (const { crop, embedding } of [...originals.values()].flatMap(({ faces }) => faces)) {
      const { width, height, format } = await sharp(crop).metadata();
      assert.deepEqual([width, height, format], [160, 160, 'jpeg']);
      assert.ok(cosine(await recogniser.embedCrop(crop!), embedding) > 0.97);
    }
  });

  test('refuses a crop of another size', async () => {
    const wrong = await sharp(original(1).faces[0]!.crop).resize(100).toBuffer();
    await assert.rejects(recogniser.embedCrop(wrong), { code: 'bad-image' });
  });

  test('finds nobody in a picture without people, also in a single pixel', async () => {
    const blank = sharp({ create: { width: 640, height: 480, channels: 3, background: 'teal' } });
    for (const bytes of [await blank.png().toBuffer(), await blank.resize(1, 1).png().toBuffer()]) {
      assert.deepEqual((await recogniser.recognise(bytes)).faces, []);
    }
  });

  test('gives small pictures side by side what it gives them one by one, bit by bit', async () => {
    const pictures = await Promise.all(SAMPLE_NUMBERS.map((number) => portraits(number)));
    const bytes = pictures.flat();
    const alone: RecognisedPicture[] = [];
    for (const one of bytes) alone.push(await recogniser.recognise(one));
    const together = await Promise.all(bytes.map((one) => recogniser.recognise(one)));
    const withoutTimings = ({ timings: _, ...rest }: RecognisedPicture) => rest;
    assert.deepEqual(together.map(withoutTimings), alone.map(withoutTimings));
    assert.ok(bytes.length > SMALL_PICTURES_IN_FLIGHT && alone.every(({ faces }) => faces.length > 0));
    assert.ok(together.every(({ timings }) => timings.detectMs > 0 && timings.embedMs > 0));
  });

  /** Each face of the picture as one of its own, small enough to share the networks with others. */
  function portraits(number: SampleNumber): Promise<Buffer[]> {
    return Promise.all(
      original(number)
        .faces.filter(isFrontal)
        .map(async ({ box }, index) => {
          const square = Math.round(1.4 * Math.max(box.width, box.height));
          return sharp(await samplePicture(number))
            .extract({
              left: Math.max(0, Math.round(box.x + box.width / 2 - square / 2)),
              top: Math.max(0, Math.round(box.y + box.height / 2 - square / 2)),
              width: square,
              height: square,
            })
            .resize([64, 100, 300][index % 3])
            .jpeg()
            .toBuffer();
        }),
    );
  }

  test('says no to a bad picture, and yes to the next one', async () => {
    const calls = [Buffer.from('no picture'), await samplePicture(1), new Uint8Array(0)].map((bytes) =>
      recogniser.recognise(bytes),
    );
    const outcomes = await Promise.allSettled(calls);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'rejected'],
    );
  });
});

describe('a recogniser in a thread', () => {
  test('gives what it gives on the own thread, errors too', async () => {
    await using threaded = await openTestRecogniser({ inThread: true });
    await using own = await openTestRecogniser();
    const bytes = await samplePicture(4);
    const { timings: _, ...there } = await threaded.recognise(bytes, { crops: true });
    const { timings: __, ...here } = await own.recognise(bytes, { crops: true });
    assert.deepEqual(there, here);
    assert.deepEqual([threaded.packId, threaded.dimensions], [own.packId, own.dimensions]);
    assert.deepEqual(
      await threaded.embedCrop(here.faces[0]!.crop!),
      await own.embedCrop(here.faces[0]!.crop!),
    );
    await assert.rejects(threaded.recognise(new Uint8Array(0)), { code: 'bad-image', reason: 'empty' });
  });

  test('leaves the calling thread free, and finishes what it was given before it ends', async () => {
    const threaded = await openTestRecogniser({ inThread: true });
    const bytes = await samplePicture(1);
    const calls = [1, 2, 3].map(() => threaded.recognise(bytes));
    const ended = threaded[Symbol.asyncDispose]();
    const results = await Promise.all(calls);
    await ended;
    assert.deepEqual(
      results.map(({ faces }) => faces.length),
      [3, 3, 3],
    );
    await assert.rejects(threaded.recognise(bytes), { code: 'recogniser-lost' });
  });

  test('says what is wrong with its models', async () => {
    const modelsDir = await mkdtemp(join(tmpdir(), 'facefleet-no-models-'));
    try {
      await assert.rejects(openTestRecogniser({ inThread: true, modelsDir, packId: 'nobodys' }), {
        code: 'model-invalid',
      });
    } finally {
      await rm(modelsDir, { recursive: true, force: true });
    }
  });
});
