import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ContainerReader, encodeContainer } from './container.ts';
import { decodeEntry, encodeEntry, type LogEntry, scrubbedEntry } from './entry.ts';

const body = [Buffer.from('first '), Buffer.from(''), Buffer.from('second')];
const whole = Buffer.concat([...encodeContainer({ kind: 'test', name: 'Zoë' }, body)]);

async function readAll(bytes: Iterable<Uint8Array>): Promise<{ header: object; body: string }> {
  const reader = new ContainerReader(bytes, 'a key');
  const header = await reader.header('test');
  const read = Buffer.from(await reader.read(12)).toString();
  await reader.finish();
  return { header, body: read };
}

describe('container', () => {
  test('comes back however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length)), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        const read = await readAll(pieces);
        assert.deepEqual(read, { header: { kind: 'test', name: 'Zoë' }, body: 'first second' });
      }),
    );
  });

  test('its body begins at a multiple of eight bytes', () => {
    for (const name of ['', 'a', 'ab', 'abcdefg']) {
      const [head] = [...encodeContainer({ kind: 'test', name }, [])];
      assert.equal(head!.length % 8, 0);
    }
  });

  test('a file that was cut off, altered or went on is corrupt, wherever', async () => {
    for (let length = 0; length < whole.length; length++)
      await assert.rejects(
        readAll([whole.subarray(0, length)]),
        { code: 'data-corrupt' },
        `cut at ${length}`,
      );
    for (let at = 0; at < whole.length; at++) {
      const altered = Buffer.from(whole);
      altered[at] = altered[at]! ^ 0x20;
      await assert.rejects(readAll([altered]), { code: 'data-corrupt' }, `altered at ${at}`);
    }
    await assert.rejects(readAll([whole, Buffer.from('x')]), { code: 'data-corrupt' });
  });

  test('another kind is refused', async () => {
    await assert.rejects(new ContainerReader([whole], 'a key').header('roster'), { code: 'data-corrupt' });
  });
});

describe('log entry', () => {
  test('comes back with its vectors to the bit', async () => {
    const vector = Float32Array.of(0.25, -1e-30, Math.fround(1 / 3));
    const entry: LogEntry = {
      sequence: 7,
      writtenAt: 1_700_000_000_000,
      ops: [
        { op: 'add-person', personId: 'p', name: 'Zoë' },
        {
          op: 'add-face',
          ...{ personId: 'p', faceId: 'f', packId: 'fast', vector, addedAt: 1 },
          ...{ sizePx: 41.5, embeddingNorm: 70, pictureSha256: '00', source: 'a.jpg' },
        },
        { op: 'add-template', faceId: 'f', packId: 'accurate', vector: Float32Array.of(1) },
        { op: 'remove-person', personId: 'p', at: 2, seal: { salt: 's', digest: 'd' } },
      ],
    };
    assert.deepEqual(await decodeEntry(encodeEntry(entry), 'a key'), entry);
  });

  test('a scrubbed one is no entry', async () => {
    assert.equal(await decodeEntry(scrubbedEntry(), 'a key'), undefined);
  });
});
