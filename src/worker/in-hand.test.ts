import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { InHand } from './in-hand.ts';

function open(concurrency: number) {
  const clock = new FakeClock();
  return { clock, inHand: new InHand({ concurrency, clock }) };
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
  const jobs = Array.from({ length: 8 }, () => inHand.add());
  assert.equal(inHand.wanted, 0);
  for (const job of jobs.slice(0, 7)) job.moveTo('finishing');
  assert.equal(inHand.wanted, 1);
  jobs[7]?.moveTo('finishing');
  assert.equal(inHand.wanted, 0);
  for (const job of jobs) job[Symbol.dispose]();
  assert.equal(inHand.wanted, 1);
});

test('a job with nothing behind it finishes at once', async () => {
  const { inHand } = open(1);
  using job = inHand.add();
  job.moveTo('finishing');
  await job.finishTogether();
});

test('with more to do three finish together, or as many as there are when nothing more comes or time is up', async () => {
  const { inHand, clock } = open(1);
  const busy = inHand.add();
  busy.moveTo('working');
  let finished = 0;
  const finish = () => {
    const job = inHand.add();
    job.moveTo('finishing');
    return job.finishTogether().then(() => {
      finished++;
      job[Symbol.dispose]();
    });
  };
  const three = [finish(), finish()];
  await clock.advance(49);
  assert.equal(finished, 0);
  await Promise.all([...three, finish()]);
  assert.equal(finished, 3);

  void finish();
  await clock.advance(49);
  assert.equal(finished, 3);
  await clock.advance(1);
  assert.equal(finished, 4);

  const last = finish();
  busy[Symbol.dispose]();
  await last;
  assert.equal(clock.sleeping, 0);
});

test('the service time is what a session gives to a job, whether or not the next one waits beside it', async () => {
  const { inHand, clock } = open(1);
  for (let job = 0; job < 3; job++) {
    using one = inHand.add();
    one.moveTo('working');
    await clock.advance(20);
    one.moveTo('finishing');
    await clock.advance(5);
  }
  assert.equal(inHand.serviceSeconds, 0.02);
  const [first, second] = [inHand.add(), inHand.add()];
  first.moveTo('working');
  second.moveTo('working');
  await clock.advance(20);
  first.moveTo('finishing');
  await clock.advance(20);
  second.moveTo('finishing');
  assert.equal(inHand.serviceSeconds, 0.02);
});

test('it knows how long it has been idle, and how long the slowest job takes', async () => {
  const { inHand, clock } = open(1);
  await clock.advance(100);
  assert.equal(inHand.idleMs, 100);
  {
    using job = inHand.add();
    assert.equal(inHand.idleMs, 0);
    job.moveTo('working');
    await clock.advance(50);
    assert.equal(inHand.longestWorkMs, 50);
  }
  await clock.advance(10);
  assert.equal(inHand.idleMs, 10);
  assert.equal(inHand.longestWorkMs, 0);
});
