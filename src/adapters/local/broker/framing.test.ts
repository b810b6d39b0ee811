import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrames, FrameReader, MAX_FRAME_BYTES } from './framing.ts';

test('property: what was framed comes out, however the bytes are cut', () => {
  const items = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null)));
  fc.assert(
    fc.property(fc.array(items.filter(({ length }) => length > 0)), fc.array(fc.nat()), (frames, cuts) => {
      const bytes = Buffer.concat(
        frames.flatMap((frame) => encodeFrames(frame.map((item) => JSON.stringify(item)))),
      );
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const reader = new FrameReader();
      const read = places.slice(1).flatMap((end, index) => reader.push(bytes.subarray(places[index], end)));
      assert.deepEqual(read, frames);
    }),
  );
});

test('much that goes out at once is cut into several frames', () => {
  const big = JSON.stringify('x'.repeat(1_500_000));
  const frames = encodeFrames([big, big, big, '1']);
  assert.ok(frames.length > 1 && frames.every((frame) => frame.length < MAX_FRAME_BYTES));
  const reader = new FrameReader();
  assert.equal((frames.flatMap((frame) => reader.push(frame)) as unknown[][]).flat().length, 4);
});

test('bytes that are no frames are refused before they are stored', () => {
  const sizes = [0, MAX_FRAME_BYTES + 1, 0xffffffff];
  for (const size of sizes) {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(size);
    assert.throws(() => new FrameReader().push(header), { code: 'bad-request' });
  }
  assert.throws(() => new FrameReader().push(Buffer.from('\0\0\0\u0001{')), { code: 'bad-request' });
});
