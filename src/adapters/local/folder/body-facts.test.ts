import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';

import { createInProcessLock } from '../../../../test/support/in-process-lock.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { FolderObjectStore } from '../folder-object-store.ts';
import { decodeFacts, encodeFacts, FOOTER_BYTES } from './body-facts.ts';

const metadata = fc.dictionary(
  fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,15}$/),
  fc.string({ maxLength: 200, unit: 'grapheme' }),
  { maxKeys: 6, noNullPrototype: true },
);

test('facts and body come out as they went in, however much of the file is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), metadata, fc.nat(2000), (body, some, tailBytes) => {
      const facts = { contentType: 'image/webp', metadata: some };
      const file = Buffer.concat([body, encodeFacts(facts)]);
      let found = decodeFacts(file.subarray(-Math.max(FOOTER_BYTES, tailBytes)), file.length);
      if (typeof found === 'number') found = decodeFacts(file.subarray(-found), file.length);
      assert.deepEqual(found, { facts, sizeBytes: body.length });
    }),
  );
});

test('a body that ends like facts is not taken for them', async () => {
  await using folder = temporaryFolder();
  const store = new FolderObjectStore({
    bucket: 'test',
    folder: folder.path,
    withLock: createInProcessLock(),
  });
  await store.put('first', Buffer.from('picture'), { metadata: { a: 'b' } });
  // A stored file as a body, and that as a body again: what somebody gets who uploads what lies in the folder.
  for (let depth = 0; depth < 3; depth++) {
    const file = await readFile(join(folder.path, depth === 0 ? 'first' : `stream${depth - 1}`));
    await store.put(`bytes${depth}`, file);
    await store.put(`stream${depth}`, Readable.from([file.subarray(0, 9), file.subarray(9)]), {
      maxBytes: file.length,
    });
    for (const key of [`bytes${depth}`, `stream${depth}`]) {
      const found = await store.get(key);
      assert.deepEqual([found?.info.sizeBytes, found?.info.metadata], [file.length, {}]);
      assert.ok((await found?.bytes())?.equals(file));
    }
  }
});

test('facts that were cut or spoilt are part of the body', () => {
  const whole = Buffer.concat([Buffer.from('body'), encodeFacts({ metadata: { name: 'value' } })]);
  for (let cut = 1; cut < whole.length; cut++) {
    const file = whole.subarray(0, -cut);
    assert.equal(decodeFacts(file, file.length), undefined, `cut by ${cut}`);
  }
  for (let at = 4; at < whole.length - FOOTER_BYTES; at++) {
    const file = Buffer.from(whole);
    file[at] = file[at]! ^ 1;
    assert.equal(decodeFacts(file, file.length), undefined, `spoilt at ${at}`);
  }
  const lying = Buffer.from(whole);
  lying.writeUInt32BE(1_000_000, lying.length - 8);
  assert.equal(decodeFacts(lying, lying.length), undefined);
});

test('what looks like facts and was made elsewhere is part of the body', () => {
  for (const json of ['no JSON', 'null', '[]', '5', '']) {
    const forged = encodeFacts({});
    const footer = Buffer.from(forged.subarray(-FOOTER_BYTES));
    footer.writeUInt32BE(Buffer.byteLength(json), FOOTER_BYTES - 8);
    footer.writeUInt32BE(crc32(json), FOOTER_BYTES - 4);
    const file = Buffer.concat([Buffer.from(json), footer]);
    assert.equal(decodeFacts(file, file.length), undefined, json);
  }
});

test('a large object with facts is read, streamed and listed without them', async () => {
  await using folder = temporaryFolder();
  const store = new FolderObjectStore({
    bucket: 'test',
    folder: folder.path,
    withLock: createInProcessLock(),
  });
  const body = Buffer.alloc(300_000, 'picture ');
  const long = { name: `é${'e'.repeat(1300)}` };
  await store.put('large', body, { metadata: long });
  const found = await store.get('large');
  assert.deepEqual(found?.info.metadata, long);
  const chunks: Buffer[] = [];
  for await (const chunk of found?.stream() ?? []) chunks.push(chunk);
  assert.ok(Buffer.concat(chunks).equals(body));
  assert.ok((await (await store.get('large'))?.bytes())?.equals(body));
  for await (const entry of store.list()) assert.equal(entry.sizeBytes, body.length);
});
