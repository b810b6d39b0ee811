import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JobMessage } from './job.ts';
import { responseQueueName } from './keys.ts';
import {
  encodeAnswer,
  encodeMessage,
  isJobId,
  MAX_MESSAGE_BYTES,
  parseAnswer,
  parseMessage,
} from './messages.ts';

const message: JobMessage = {
  version: 1,
  jobId: '01890000-0000-7000-8000-000000000001',
  replyQueue: responseQueueName('p'.repeat(36), 'w'.repeat(20)),
  submittedAt: 1_700_000_000_000,
  deadline: 1_700_000_290_000,
  traceId: 'a'.repeat(32),
};

test('a message with the longest names comes back whole and fits the queue', () => {
  const text = encodeMessage(message);
  assert.deepEqual(parseMessage(text), message);
  assert.ok(Buffer.byteLength(text) <= MAX_MESSAGE_BYTES / 2);
});

test('a message over the limit is refused before it is sent', () => {
  assert.throws(() => encodeMessage({ ...message, replyQueue: 'x'.repeat(1024) }), {
    code: 'limit-exceeded',
  });
});

test('what is no message of ours is corrupt', () => {
  const broken = [
    '',
    '[]',
    'null',
    '"x"',
    '{"version":1}',
    JSON.stringify({ ...message, version: 0 }),
    JSON.stringify({ ...message, version: 3 }),
    JSON.stringify({ ...message, version: '1' }),
    JSON.stringify({ ...message, jobId: '../../etc' }),
    JSON.stringify({ ...message, deadline: 'soon' }),
  ];
  for (const text of broken) assert.throws(() => parseMessage(text), { code: 'data-corrupt' }, text);
});

test('a message of the next version is read, with what it adds', () => {
  const next = { ...message, version: 2, added: true };
  assert.deepEqual(parseMessage(JSON.stringify(next)), next);
});

test('an answer comes back whole', () => {
  const answer = { version: 1, jobId: message.jobId, status: 'done' } as const;
  assert.deepEqual(parseAnswer(encodeAnswer(answer)), answer);
});

test('job ids are lower-case UUIDs and nothing else', () => {
  assert.ok(isJobId(crypto.randomUUID()));
  for (const text of ['', 'x', `${crypto.randomUUID()}/`, crypto.randomUUID().toUpperCase()]) {
    assert.ok(!isJobId(text), text);
  }
});
