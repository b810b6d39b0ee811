import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { Gate } from '../../test/support/gate.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import type { Machine, ReclaimNotice } from '../ports/machine.ts';

/** A machine whose notices the test gives. */
class FakeMachine implements Machine {
  readonly #given = Promise.withResolvers<ReclaimNotice>();

  give(notice: ReclaimNotice): void {
    this.#given.resolve(notice);
  }

  async identity() {
    return { id: 'i-1', slot: 1, generation: 1 };
  }

  async privateAddress() {
    return '10.0.0.1';
  }

  async *notices(signal: AbortSignal): AsyncGenerator<ReclaimNotice> {
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const notice = await Promise.race([this.#given.promise, stopped]);
    if (notice !== undefined) yield notice;
  }
}

async function busyWorker(harness: WorkerHarness) {
  const recogniser = new FakeRecogniser();
  const working = new Gate();
  recogniser.before = () => working.pass();
  const machine = new FakeMachine();
  const jobId = await harness.submit('paul');
  const worker = harness.start({ recogniser, machine });
  await working.reached;
  return { jobId, worker, machine, working };
}

test('a worker whose machine is likely to be taken finishes what it has and ends', async () => {
  await using harness = await WorkerHarness.open();
  const { jobId, worker, machine, working } = await busyWorker(harness);
  machine.give({ kind: 'rebalance' });
  working.open();
  assert.equal(await harness.ended(worker), 'reclaimed');
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('a worker that finishes before its machine goes does not wait for that', async () => {
  await using harness = await WorkerHarness.open();
  const { jobId, worker, machine, working } = await busyWorker(harness);
  const start = harness.clock.now();
  machine.give({ kind: 'interruption', at: new Date(start + 120_000) });
  working.open();
  assert.equal(await harness.ended(worker), 'reclaimed');
  assert.equal((await harness.result(jobId))?.status, 'done');
  assert.ok(harness.clock.now() < start + 100_000);
});

test('what is not finished when the machine goes is given back before, for others to begin at once', async () => {
  await using harness = await WorkerHarness.open();
  const { worker, machine } = await busyWorker(harness);
  const takenAt = harness.clock.now() + 120_000;
  machine.give({ kind: 'interruption', at: new Date(takenAt) });
  await harness.clock.advance(114_000);
  assert.equal((await harness.queues.requests.depth()).visible, 0);
  assert.equal(await harness.ended(worker), 'reclaimed');
  assert.equal((await harness.queues.requests.depth()).visible, 1);
  assert.ok(harness.clock.now() < takenAt, 'and not because its time was up');
  harness.forget(worker);
});
