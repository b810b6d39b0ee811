import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { AnswerBook } from './answer-book.ts';
import { DoneBook } from './done-book.ts';
import type { FleetView } from './fleet-view.ts';
import { FleetWatch, LINGER_MS } from './fleet-watch.ts';

function viewAt(at: number, desired: number): FleetView {
  const instances = { starting: 0, idle: 0, busy: 0, draining: 0, ending: 0 };
  return {
    fleet: {
      hasController: true,
      desired,
      minWorkers: 0,
      maxWorkers: 2,
      pausedAt: null,
      brakes: [],
      instances: [],
      decisions: [],
    },
    sample: {
      at,
      waiting: 0,
      inFlight: 0,
      oldestAgeSeconds: null,
      deadLetters: 0,
      desired,
      instances,
      jobsPerSecond: null,
      answersPerSecond: 0,
      latencyMs: null,
    },
  };
}

function scene() {
  const clock = new FakeClock();
  const closing = new AbortController();
  const state = { looks: 0, desired: 0 };
  const watch = new FleetWatch({
    clock,
    closing: closing.signal,
    read: async () => {
      state.looks++;
      return viewAt(clock.now(), state.desired);
    },
  });
  return { clock, closing, state, watch };
}

const typeOf = (frame: Buffer) => /^event: (\w+)/.exec(frame.toString())?.[1];

test('any number of watchers share one look a second, and the very same bytes', async () => {
  const { clock, closing, state, watch } = scene();
  const heard = Array.from({ length: 50 }, (): Buffer[] => []);
  for (const frames of heard) watch.watch((frame) => frames.push(frame));
  await clock.advance(3000);
  closing.abort();
  assert.ok(state.looks >= 3 && state.looks <= 4, `${state.looks} looks`);
  assert.deepEqual(heard[0]?.map(typeOf).slice(0, 4), ['history', 'fleet', 'sample', 'sample']);
  const [one, other] = [heard[0]?.at(-1), heard[49]?.at(-1)];
  assert.ok(one !== undefined && one === other);
});

test('the fleet is told again only when it has changed, and late comers get all there is', async () => {
  const { clock, closing, state, watch } = scene();
  const frames: Buffer[] = [];
  watch.watch((frame) => frames.push(frame));
  await clock.advance(2000);
  state.desired = 2;
  await clock.advance(2000);
  assert.equal(frames.map(typeOf).filter((type) => type === 'fleet').length, 2);
  const late: Buffer[] = [];
  watch.watch((frame) => late.push(frame));
  closing.abort();
  assert.deepEqual(late.map(typeOf), ['history', 'fleet']);
  assert.match(late[1]!.toString(), /"desired":2/);
  assert.ok(late[0]!.toString().split('"at"').length >= 4);
});

test('soon after the last watcher has gone nobody looks any more', async () => {
  const { clock, closing, state, watch } = scene();
  const frames: Buffer[] = [];
  const watching = watch.watch((frame) => frames.push(frame));
  await clock.advance(1000);
  watching[Symbol.dispose]();
  const heard = frames.length;
  await clock.advance(LINGER_MS + 2000);
  const { looks } = state;
  await clock.advance(60_000);
  assert.equal(state.looks, looks);
  assert.equal(frames.length, heard);
  watch.watch((frame) => frames.push(frame));
  await clock.advance(1000);
  closing.abort();
  assert.ok(state.looks > looks);
});

test('rate and percentiles are those of the last seconds', async () => {
  const clock = new FakeClock();
  const book = new AnswerBook(clock);
  assert.deepEqual(book.figures(), { perSecond: 0, latencyMs: null });
  for (let ms = 1; ms <= 30; ms++) book.note(ms);
  assert.deepEqual(book.figures(), { perSecond: 10, latencyMs: { p50: 15, p95: 29 } });
  await clock.advance(5000);
  assert.equal(book.figures().perSecond, 0);
  assert.equal(book.figures().latencyMs?.p50, 15);
  await clock.advance(6000);
  assert.equal(book.figures().latencyMs, null);
});

test('jobs per second add up over workers that come and go', async () => {
  const clock = new FakeClock();
  const book = new DoneBook(clock);
  assert.equal(book.note([{ instanceId: 'a', done: 100 }]), 0);
  await clock.advance(1000);
  assert.equal(
    book.note([
      { instanceId: 'a', done: 108 },
      { instanceId: 'b', done: 4 },
    ]),
    3,
  );
  await clock.advance(1000);
  assert.equal(book.note([{ instanceId: 'b', done: 8 }]), 4);
  await clock.advance(10_000);
  assert.equal(book.note([]), 0);
});
