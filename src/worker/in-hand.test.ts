import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { InHand } from './in-hand.ts';

function open(concurrency: number) {
  const clock = new FakeClock();
  return { clock, inHand: new InHand({ concurrency, clock }) };
}

/** What is received now has waited for so long. */
function noteQueue({ clock, inHand }: ReturnType<typeof open>, waitedMs: number): void {
  const sentAt = new Date(clock.now() - waitedMs);
  inHand.received([{ id: 'm', body: 'b', receipt: 'r', receiveCount: 1, sentAt }]);
}

/** So that it knows that a job takes it 20 ms. */
async function workOff({ clock, inHand }: ReturnType<typeof open>): Promise<void> {
  using one = inHand.add();
  one.moveTo('working');
  await clock.advance(20);
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
  const jobs = Array.from({ length: 20 }, () => inHand.add());
  assert.equal(inHand.wanted, 0);
  for (const job of jobs.slice(0, 19)) job.moveTo('finishing');
  assert.equal(inHand.wanted, 1);
  jobs[19]?.moveTo('finishing');
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

test('with a long queue it takes as many as it works off in the time that they may be kept, and again when half are done', async () => {
  const scene = open(1);
  const { inHand } = scene;
  await workOff(scene);
  noteQueue(scene, 300);
  const wanted = [inHand.wanted];
  const jobs = Array.from({ length: 5 }, () => inHand.add());
  for (const job of jobs) {
    wanted.push(inHand.wanted);
    job[Symbol.dispose]();
  }
  assert.deepEqual(wanted, [5, 0, 0, 0, 3, 4]);
  inHand.received([]);
  assert.equal(inHand.wanted, 1);
});

test('with the longest queue it takes no more than comes at once', async () => {
  const scene = open(1);
  await workOff(scene);
  noteQueue(scene, 1e6);
  assert.equal(scene.inHand.wanted, 10);
});

test('it says when there is room', async () => {
  const { inHand } = open(1);
  await inHand.room(new AbortController().signal);
  const jobs = [inHand.add(), inHand.add()];
  let isRoom = false;
  const room = inHand.room(new AbortController().signal).then(() => {
    isRoom = true;
  });
  for (const job of jobs) job.moveTo('working');
  await new Promise(setImmediate);
  assert.equal(isRoom, false);
  jobs[0]?.moveTo('finishing');
  await room;
  const stop = new AbortController();
  inHand.add();
  const stopped = inHand.room(stop.signal);
  stop.abort();
  await stopped;
});

describe('with more to do', () => {
  function finish({ inHand }: ReturnType<typeof open>, finished: string[], name: string): Promise<void> {
    const job = inHand.add();
    job.moveTo('finishing');
    return job.finishTogether().then(() => {
      finished.push(name);
      job[Symbol.dispose]();
    });
  }

  test('jobs finish at once where none waits in the queue', async () => {
    const scene = open(1);
    scene.inHand.add().moveTo('working');
    noteQueue(scene, 0);
    const finished: string[] = [];
    await finish(scene, finished, 'a');
    assert.deepEqual(finished, ['a']);
  });

  test('jobs finish together when the time is up that they may be kept', async () => {
    const scene = open(1);
    scene.inHand.add().moveTo('working');
    noteQueue(scene, 300);
    const finished: string[] = [];
    void finish(scene, finished, 'a');
    await scene.clock.advance(99);
    void finish(scene, finished, 'b');
    assert.deepEqual(finished, []);
    await scene.clock.advance(1);
    assert.deepEqual(finished, ['a', 'b']);
    void finish(scene, finished, 'c');
    await scene.clock.advance(99);
    assert.deepEqual(finished, ['a', 'b']);
    await scene.clock.advance(1);
    assert.deepEqual(finished, ['a', 'b', 'c']);
  });

  test('jobs finish together when there are ten, or nothing more comes', async () => {
    const scene = open(1);
    const busy = scene.inHand.add();
    busy.moveTo('working');
    noteQueue(scene, 300);
    const finished: string[] = [];
    await Promise.all([...'abcdefghij'].map((name) => finish(scene, finished, name)));
    assert.equal(finished.join(''), 'abcdefghij');
    const last = finish(scene, finished, 'k');
    busy[Symbol.dispose]();
    await last;
    assert.equal(scene.clock.sleeping, 0);
  });
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
