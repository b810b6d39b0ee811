import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { createProgress } from './progress.ts';

function fakeOutput(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => {
    written.push(String(text));
    return true;
  };
  return { isTTY, columns: 60, write, written };
}

test('off a terminal: a line every five seconds and one at the end', async () => {
  const output = fakeOutput(false);
  const clock = new FakeClock();
  {
    using progress = createProgress({ label: 'sending', total: 20, output, clock });
    for (let step = 0; step < 12; step++) {
      await clock.advance(1000);
      progress.advance();
    }
    progress.status('1 failed');
  }
  assert.deepEqual(output.written, [
    'sending  25 %  5/20  5 s  15 s left\n',
    'sending  50 %  10/20  10 s  10 s left\n',
    'sending  60 %  12/20  12 s  8 s left  1 failed\n',
  ]);
});

test('on a terminal: one line, redrawn at most ten times a second, never wider than the terminal', async () => {
  const output = fakeOutput(true);
  const clock = new FakeClock();
  const progress = createProgress({ label: 'enrolling', total: 1000, output, clock });
  for (let step = 0; step < 1000; step++) {
    await clock.advance(1);
    progress.advance();
  }
  progress.status('a status that is much longer than what is left of the line');
  progress.finish();
  progress.finish();
  assert.ok(output.written.length <= 13, `${output.written.length} draws`);
  for (const text of output.written.slice(0, -1)) {
    assert.ok(text.startsWith('\r') && !text.includes('\n'));
    assert.ok(text.length <= 1 + 59 + '\u001b[K'.length);
  }
  assert.match(output.written.at(-2) ?? '', /100 % {2}1000\/1000/);
  assert.equal(output.written.at(-1), '\n');
});

test('a note stays above the bar', () => {
  const output = fakeOutput(true);
  const progress = createProgress({ label: 'enrolling', total: 2, output, clock: new FakeClock() });
  progress.note('a.jpg: no face');
  assert.equal(output.written[1], '\r\u001b[Ka.jpg: no face\n');
  assert.match(output.written[2] ?? '', /^\renrolling/);
});

test('an unknown total counts, and an empty one is done', () => {
  const output = fakeOutput(false);
  createProgress({ label: 'reading', output, clock: new FakeClock() }).finish();
  createProgress({ label: 'reading', total: 0, output, clock: new FakeClock() }).finish();
  assert.deepEqual(output.written, ['reading  0  0 s\n', 'reading  100 %  0/0  0 s\n']);
});
