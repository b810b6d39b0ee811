import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { claimCourseKey, courseOutputKey, courseSubstituteKey, stemOf } from './course-names.ts';

const ID = '01890000-0000-7000-8000-000000000001';

function setUp() {
  const clock = new FakeClock();
  const deployment = new MemoryDeployment({ clock, flags: { dialect: 'course' } });
  const claim = (fileName: string, sha256: string, jobId = ID) =>
    claimCourseKey(deployment, clock, { fileName, sha256, jobId });
  return { clock, deployment, claim };
}

test('stems, output keys and substitutes', () => {
  for (const [name, stem, substitute] of [
    ['test_00.jpg', 'test_00', `test_00~${ID}.jpg`],
    ['a.b.png', 'a.b', `a.b~${ID}.png`],
    ['plain', 'plain', `plain~${ID}`],
    ['.hidden', '.hidden', `.hidden~${ID}`],
  ] as const) {
    assert.equal(stemOf(name), stem);
    assert.equal(courseSubstituteKey(name, ID), substitute);
    assert.equal(courseOutputKey(substitute), `${stem}~${ID}`);
  }
});

test('a name belongs to its bytes; other bytes and other extensions get a substitute', async () => {
  const { claim } = setUp();
  assert.equal(await claim('a.jpg', '1'), 'a.jpg');
  assert.equal(await claim('a.jpg', '1'), 'a.jpg');
  assert.equal(await claim('a.jpg', '2'), `a~${ID}.jpg`);
  assert.equal(await claim('a.png', '1'), `a~${ID}.png`);
  assert.equal(await claim('a', '1'), `a~${ID}`);
  assert.equal(await claim('b.jpg', '2'), 'b.jpg');
});

test('of many at once one gets the name', async () => {
  const { claim } = setUp();
  const keys = await Promise.all(
    Array.from({ length: 50 }, (_, index) => claim('a.jpg', String(index), crypto.randomUUID())),
  );
  assert.equal(keys.filter((key) => key === 'a.jpg').length, 1);
  assert.equal(new Set(keys).size, 50);
});

test("nobody can aim at another job's object", async () => {
  const { claim } = setUp();
  const other = crypto.randomUUID();
  assert.equal(await claim(`a~${other}.jpg`, '1'), `a~${other}~${ID}.jpg`);
});

test('a picture without a name goes by its job', async () => {
  const { claim } = setUp();
  assert.equal(await claim('', '1'), ID);
});

test('names are free again when the bucket was emptied, but not while an upload may be under way', async () => {
  const { claim, clock, deployment } = setUp();
  assert.equal(await claim('a.jpg', '1'), 'a.jpg');
  clock.setNow(clock.now() + 60_000);
  assert.equal(await claim('a.jpg', '2'), `a~${ID}.jpg`);
  clock.setNow(clock.now() + 1);
  assert.equal(await claim('a.jpg', '2'), 'a.jpg');
  await deployment.input.put('a.jpg', Buffer.from('2'));
  clock.setNow(clock.now() + 600_000);
  assert.equal(await claim('a.jpg', '3'), `a~${ID}.jpg`);
});
