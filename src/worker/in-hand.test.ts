import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InHand } from './in-hand.ts';

function open(concurrency: number) {
  const time = { now: 0 };
  return { time, inHand: new InHand({ concurrency, monotonic: () => time.now }) };
}

test('it wants one job per free session, then one more for each', () => {
  const { inHand } = open(2);
  const wanted = [inHand.wanted];
  for (let job = 0; job < 4; job++) {
    inHand.add().moveTo('working');
    wanted.push(inHand.wanted);
  }
  assert.deepEqual(wanted, [2, 1, 2, 1, 0]);
});

test('finishing jobs make room, until too many pile up', () => {
  const { inHand } = open(1);
  const jobs = Array.from({ length: 4 }, () => inHand.add());
  assert.equal(inHand.wanted, 0);
  for (const job of jobs.slice(0, 3)) job.moveTo('finishing');
  assert.equal(inHand.wanted, 1);
  jobs[3]?.moveTo('finishing');
  assert.equal(inHand.wanted, 0);
  for (const job of jobs) job[Symbol.dispose]();
  assert.equal(inHand.wanted, 1);
});

test('the service time is what a session gives to a job, whether or not the next one waits beside it', () => {
  const { inHand, time } = open(1);
  for (let job = 0; job < 3; job++) {
    using one = inHand.add();
    one.moveTo('working');
    time.now += 20;
    one.moveTo('finishing');
    time.now += 5;
  }
  assert.equal(inHand.serviceSeconds, 0.02);
  const [first, second] = [inHand.add(), inHand.add()];
  first.moveTo('working');
  second.moveTo('working');
  time.now += 20;
  first.moveTo('finishing');
  time.now += 20;
  second.moveTo('finishing');
  assert.equal(inHand.serviceSeconds, 0.02);
});

test('it knows how long it has been idle, and how long the slowest job takes', () => {
  const { inHand, time } = open(1);
  time.now = 100;
  assert.equal(inHand.idleMs, 100);
  {
    using job = inHand.add();
    assert.equal(inHand.idleMs, 0);
    job.moveTo('working');
    time.now = 150;
    assert.equal(inHand.longestWorkMs, 50);
  }
  time.now = 160;
  assert.equal(inHand.idleMs, 10);
  assert.equal(inHand.longestWorkMs, 0);
});
