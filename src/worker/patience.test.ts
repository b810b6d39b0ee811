import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { QueueMessage } from '../ports/queue.ts';
import { Patience } from './patience.ts';

const NOW = 1_000_000;

function waited(ms: number, receiveCount = 1): QueueMessage {
  return { id: 'm', body: 'b', receipt: 'r', receiveCount, sentAt: new Date(NOW - ms) };
}

test('it is a share of what the newest of the jobs has waited, and none when nothing came', () => {
  const patience = new Patience();
  assert.equal(patience.ms, 0);
  patience.note([waited(600), waited(300)], NOW);
  assert.equal(patience.ms, 100);
  patience.note([], NOW);
  assert.equal(patience.ms, 0);
});

test('it has an end, and a clock that goes wrong makes no debt', () => {
  const patience = new Patience();
  patience.note([waited(3_600_000)], NOW);
  assert.equal(patience.ms, 300);
  patience.note([waited(-5000)], NOW);
  assert.equal(patience.ms, 0);
});

test('a job that comes again tells nothing of the queue', () => {
  const patience = new Patience();
  patience.note([waited(300)], NOW);
  patience.note([waited(60_000, 2)], NOW);
  assert.equal(patience.ms, 100);
});
