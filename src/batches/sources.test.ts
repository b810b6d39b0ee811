import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

import { buildZip, type ZipEntry } from '../../test/support/zip-builder.ts';
import type { BatchLimits, BatchPicture, BatchSource } from './batch-source.ts';
import { openNdjson } from './ndjson-source.ts';
import { openZip } from './zip-source.ts';

const LIMITS: BatchLimits = { maxPictures: 10, maxPictureBytes: 1000, maxTotalBytes: 3000 };
const picture = Buffer.from('a picture');

function fileOf(t: TestContext, content: Buffer | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'facefleet-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'body');
  writeFileSync(path, content);
  return path;
}

const zip = (t: TestContext, ...entries: ZipEntry[]) => openZip(fileOf(t, buildZip(entries)), LIMITS);
const ndjson = (t: TestContext, text: string) => openNdjson(fileOf(t, text), LIMITS);
const line = (fileName: string, content = picture) =>
  JSON.stringify({ fileName, picture: content.toString('base64') });

async function all(source: BatchSource): Promise<BatchPicture[]> {
  const pictures: BatchPicture[] = [];
  for await (const one of source.pictures()) pictures.push(one);
  return pictures;
}

test('the pictures of an archive come in order, packed or not, without folders and litter', async (t) => {
  await using source = await zip(
    t,
    { name: 'people/', content: Buffer.alloc(0) },
    { name: 'people/ünï.jpg', content: picture },
    { name: '__MACOSX/people/._a.jpg', content: picture },
    { name: 'people/.DS_Store', content: picture },
    { name: 'b.jpg', content: Buffer.alloc(900, 'b'), isStored: true },
  );
  assert.deepEqual({ count: source.count, skipped: source.skipped }, { count: 2, skipped: 3 });
  const found = await all(source);
  assert.deepEqual(
    found.map(({ fileName }) => fileName),
    ['ünï.jpg', 'b.jpg'],
  );
  assert.deepEqual(found[0]?.content, picture);
  assert.deepEqual(found[1]?.content, Buffer.alloc(900, 'b'));
});

test('archives that are not taken, and why', async (t) => {
  const content = picture;
  const refused: [string, RegExp, ...ZipEntry[]][] = [
    ['bad-request', /encrypted.*secret\.jpg/, { name: 'secret.jpg', content, isEncrypted: true }],
    ['bad-request', /another archive.*in\.zip/, { name: 'in.zip', content }],
    ['bad-request', /another archive/, { name: 'x/in.tar.GZ', content }],
    ['bad-request', /link/, { name: 'a.jpg', content: Buffer.from('/etc/passwd'), mode: 0o120777 }],
    ['bad-request', /\.\.\/evil/, { name: '../evil.jpg', content }],
    ['bad-request', /absolute/, { name: '/etc/evil.jpg', content }],
    ['bad-request', /characters/, { name: 'c:\\evil.jpg', content }],
    ['bad-request', /longer/, { name: `${'x'.repeat(300)}.jpg`, content }],
    ['bad-request', /no pictures/, { name: 'folder/', content: Buffer.alloc(0) }],
    ['limit-exceeded', /big\.jpg.*1001/, { name: 'big.jpg', content: Buffer.alloc(1001) }],
    [
      'limit-exceeded',
      /10 pictures/,
      ...Array.from({ length: 11 }, (_, index) => ({ name: `${index}.jpg`, content })),
    ],
    [
      'limit-exceeded',
      /3000 bytes/,
      ...Array.from({ length: 4 }, (_, index) => ({ name: `${index}.jpg`, content: Buffer.alloc(900) })),
    ],
  ];
  for (const [code, message, ...entries] of refused) {
    await assert.rejects(zip(t, ...entries), { code, message }, String(message));
  }
  await assert.rejects(openZip(fileOf(t, 'nothing of that kind'), LIMITS), { code: 'bad-request' });
  const whole = buildZip([{ name: 'a.jpg', content }]);
  await assert.rejects(openZip(fileOf(t, whole.subarray(0, -10)), LIMITS), { code: 'bad-request' });
  whole.fill(0, 45, 60);
  await assert.rejects(openZip(fileOf(t, whole), LIMITS), { code: 'bad-request' });
});

test('a bomb that says it is small is stopped where it passes what it said', async (t) => {
  await using source = await zip(
    t,
    { name: 'bomb.jpg', content: Buffer.alloc(50_000_000), claimedSize: 900 },
    { name: 'fine.jpg', content: picture },
  );
  const before = process.memoryUsage.rss();
  const [bomb, fine] = await all(source);
  assert.ok(process.memoryUsage.rss() - before < 40_000_000, 'it was not unpacked');
  assert.ok(bomb?.content instanceof Error && 'code' in bomb.content && bomb.content.code === 'bad-image');
  assert.deepEqual(fine?.content, picture);
});

test('one file that is damaged fails alone', async (t) => {
  await using source = await zip(
    t,
    { name: 'broken.jpg', content: Buffer.alloc(500, 'x'), isBroken: true },
    { name: 'fine.jpg', content: picture },
  );
  const [broken, fine] = await all(source);
  assert.ok(broken?.content instanceof Error);
  assert.deepEqual(fine?.content, picture);
});

test('lines of pictures come in order, blank ones and a missing last line feed do not matter', async (t) => {
  await using source = await ndjson(
    t,
    `${line('a.jpg')}\n\n${line('b.jpg', Buffer.from('b'))}\r\n${line('')}`,
  );
  assert.equal(source.count, 3);
  const found = await all(source);
  assert.deepEqual(
    found.map(({ fileName }) => fileName),
    ['a.jpg', 'b.jpg', ''],
  );
  assert.deepEqual(
    found.map(({ content }) => String(content)),
    ['a picture', 'b', 'a picture'],
  );
});

test('lines that are not taken are named', async (t) => {
  for (const [code, message, text] of [
    ['bad-request', /line 2 is not JSON/, `${line('a.jpg')}\n{`],
    ['bad-request', /line 1 has no picture/, '{"fileName":"a.jpg"}'],
    ['bad-request', /line 1 has no picture/, 'null'],
    ['bad-request', /line 1 has no picture/, '{"picture":"https://example.com/a.jpg"}'],
    ['bad-request', /line 1 has no picture/, '{"picture":"abc"}'],
    ['bad-request', /line 1 has a fileName/, '{"picture":"YWJj","fileName":7}'],
    ['bad-request', /no pictures/, '\n\n'],
    ['limit-exceeded', /line 1/, line('a.jpg', Buffer.alloc(1001))],
    ['limit-exceeded', /line 2 is longer/, `${line('a.jpg')}\n${'x'.repeat(100_000)}`],
    ['limit-exceeded', /10 pictures/, `${line('a.jpg')}\n`.repeat(11)],
  ] as const) {
    await assert.rejects(ndjson(t, text), { code, message }, String(message));
  }
});
