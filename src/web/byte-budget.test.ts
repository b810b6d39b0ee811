import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { type BudgetClaim, ByteBudget } from './byte-budget.ts';

const never = new AbortController().signal;
const open = (budget: ByteBudget) => budget.open(() => assert.fail('evicted'));

/** Whether the promise has resolved once everything that is ready has run. */
async function isGranted(grant: Promise<void>): Promise<boolean> {
  let granted = false;
  void grant.then(() => {
    granted = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return granted;
}

test('claims grow until only the reserve of one whole upload is left, then wait', async () => {
  const budget = new ByteBudget({ totalBytes: 100, largestClaimBytes: 40, clock: new FakeClock() });
  const [one, two, three] = [open(budget), open(budget), open(budget)];
  await one.grow(30, never);
  await two.grow(30, never);
  const favourite = three.grow(10, never);
  assert.ok(await isGranted(favourite), 'who waits longest draws on the reserve');
  const other = one.grow(1, never);
  assert.ok(!(await isGranted(other)));
  assert.ok(await isGranted(three.grow(30, never)), 'up to a whole upload');
  assert.equal(budget.usedBytes, 100);
  three[Symbol.dispose]();
  assert.ok(await isGranted(other), 'the next becomes the favourite');
});

test('what is disposed of is free for the next, in order', async () => {
  const budget = new ByteBudget({ totalBytes: 10, largestClaimBytes: 10, clock: new FakeClock() });
  const claims = Array.from({ length: 5 }, () => open(budget));
  const order: number[] = [];
  const all = claims.map(async (claim, index) => {
    await claim.grow(10, never);
    order.push(index);
    await new Promise((resolve) => setImmediate(resolve));
    claim[Symbol.dispose]();
  });
  await Promise.all(all);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.equal(budget.usedBytes, 0);
});

test('who gives up waiting leaves no trace', async () => {
  const budget = new ByteBudget({ totalBytes: 10, largestClaimBytes: 10, clock: new FakeClock() });
  const holder = open(budget);
  await holder.grow(10, never);
  const leaver = open(budget);
  const leaving = new AbortController();
  const left = leaver.grow(5, leaving.signal);
  const next = open(budget).grow(5, never);
  leaving.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  leaver[Symbol.dispose]();
  holder[Symbol.dispose]();
  assert.ok(await isGranted(next));
  assert.equal(budget.waiting, 0);
});

test('when nothing moves for two seconds, slow senders have to go, not who is fast, waits, or is done', async () => {
  const clock = new FakeClock();
  const budget = new ByteBudget({ totalBytes: 50, largestClaimBytes: 10, clock });
  const evicted: string[] = [];
  const claimOf = (name: string): BudgetClaim => {
    const claim: BudgetClaim = budget.open(() => {
      evicted.push(name);
      claim[Symbol.dispose]();
    });
    return claim;
  };
  const done = claimOf('done');
  await done.grow(10, never);
  done.complete();
  const fast = claimOf('fast');
  await fast.grow(10, never);
  const [slow, slower] = [claimOf('slow'), claimOf('slower')];
  await slow.grow(10, never);
  slow.received(1_000_000);
  await slower.grow(10, never);
  const favourite = claimOf('favourite');
  await favourite.grow(10, never);
  const waiting = claimOf('waiting').grow(5, never);
  const late = claimOf('late');
  fast.received(100_000);
  slow.received(30_000);
  slower.received(10_000);
  favourite.received(100_000);
  await clock.advance(1999);
  assert.deepEqual(evicted, []);
  await clock.advance(1);
  assert.deepEqual(evicted, ['slower', 'slow']);
  assert.ok(late.isReceiving);
  assert.ok(await isGranted(waiting));
  assert.equal(clock.sleeping, 0, 'nobody waits, so nobody watches');
});

test('property: the budget is never exceeded, everybody who keeps sending gets done, and nothing leaks', async () => {
  const upload = fc.record({
    blocks: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
    leaves: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(upload, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 0, max: 200 }),
      fc.scheduler(),
      async (uploads, spareBytes, scheduler) => {
        const largestClaimBytes = 120;
        const totalBytes = largestClaimBytes + spareBytes;
        const budget = new ByteBudget({ totalBytes, largestClaimBytes, clock: new FakeClock() });
        let finished = 0;
        for (const [index, { blocks, leaves }] of uploads.entries()) {
          const claim = open(budget);
          const leaving = new AbortController();
          const turn = () => scheduler.schedule(Promise.resolve(), `upload ${index}`);
          const send = async () => {
            for (const bytes of blocks) {
              await claim.grow(bytes, leaving.signal);
              assert.ok(budget.usedBytes <= totalBytes);
              await turn();
            }
          };
          const leave = async () => {
            await turn();
            leaving.abort();
            claim[Symbol.dispose]();
          };
          const end = () => {
            claim[Symbol.dispose]();
            finished++;
          };
          void send().then(end, end);
          if (leaves) void leave();
        }
        await scheduler.waitIdle();
        assert.equal(finished, uploads.length);
        assert.equal(budget.usedBytes, 0);
        assert.equal(budget.waiting, 0);
      },
    ),
    { numRuns: 200 },
  );
});
