import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { ModelError } from './errors.ts';
import { packOf, parseManifest, serialiseManifest, UNCALIBRATED_THRESHOLDS } from './pack-manifest.ts';
import { ACCURATE_PACK, FAST_PACK } from './packs.ts';
import { thresholdAt } from './thresholds.ts';

const MINIMAL = { version: 1, id: 'mine', model: 'net.onnx' };

const number = fc.double({ min: 0.5, max: 300, noNaN: true });
const coordinate = fc.double({ min: 0, max: 16, noNaN: true });
const point = fc.tuple(coordinate, coordinate);
const manifests = fc.record(
  {
    version: fc.constant(1),
    id: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/),
    model: fc.constant('net.onnx'),
    title: fc.string({ minLength: 1 }).filter((text) => /./.test(text)),
    kind: fc.constantFrom('arcface', 'sface', 'facenet'),
    sizePx: fc.integer({ min: 16, max: 1024 }),
    layout: fc.constantFrom('NCHW', 'NHWC'),
    channels: fc.constantFrom('RGB', 'BGR'),
    mean: fc.tuple(number, number, number),
    scale: number,
    alignment: fc.oneof(
      fc.constantFrom('arcface', 'dlib'),
      fc.record({ template: fc.tuple(point, point, point, point, point) }),
      fc.record({ box: fc.record({ marginPx: coordinate.filter((margin) => margin < 16) }) }),
    ),
    mirror: fc.boolean(),
    thresholds: fc
      .uniqueArray(fc.double({ min: -0.9, max: 0.9, noNaN: true }), { minLength: 1, maxLength: 5 })
      .map((cosines) =>
        Object.fromEntries(cosines.sort((a, b) => a - b).map((cosine, index) => [`1e-${index + 2}`, cosine])),
      ),
  },
  { requiredKeys: ['version', 'id', 'model'] },
);

describe('parseManifest', () => {
  test('a written manifest reads back as it was', () => {
    fc.assert(
      fc.property(manifests, (file) => {
        const manifest = parseManifest(JSON.stringify(file), 'manifest.json');
        assert.deepEqual(parseManifest(serialiseManifest(manifest), 'manifest.json'), manifest);
      }),
    );
  });

  test('text of any kind is read or refused with a ModelError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseManifest(text, 'manifest.json');
        } catch (error) {
          assert.ok(error instanceof ModelError);
        }
      }),
    );
  });

  test('values of any kind in the known fields are taken or refused with a ModelError', () => {
    const fields = [
      'sizePx',
      'layout',
      'mean',
      'scale',
      'alignment',
      'mirror',
      'thresholds',
      'smallFaces',
      'title',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
        try {
          parseManifest(JSON.stringify({ ...MINIMAL, [field]: value }), 'manifest.json');
        } catch (error) {
          assert.ok(error instanceof ModelError);
        }
      }),
    );
  });

  test('without thresholds a pack is uncalibrated, and stricter than the calibrated one of a single network', () => {
    const { thresholds } = parseManifest(JSON.stringify(MINIMAL), 'manifest.json');
    assert.deepEqual(thresholds, UNCALIBRATED_THRESHOLDS);
    for (const { falseMatchRate, cosine } of FAST_PACK.thresholds.points) {
      assert.ok(thresholdAt(thresholds, { falseMatchRate, largerWidthPx: 100 }).cosine > cosine);
    }
    assert.equal(ACCURATE_PACK.thresholds.isCalibrated, true);
  });

  test('an incomplete manifest makes no pack', () => {
    assert.throws(() => packOf(parseManifest(JSON.stringify(MINIMAL), 'manifest.json')), ModelError);
  });

  test('the example in the documentation is one', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'model-packs.md'), 'utf8');
    const [, example] = /```json\n(.*?)```/s.exec(page) ?? [];
    assert.equal(parseManifest(example!, 'docs/model-packs.md').id, 'my-arcface');
  });
});
