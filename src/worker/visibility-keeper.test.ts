import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryQueueService } from '../../test/support/memory-queue.ts';
import { UnavailableError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { VisibilityKeeper } from './visibility-keeper.ts';

async function holdOne() {
  const clock = new FakeClock();
  const service = new MemoryQueueService({ clock });
  const queue = await service.ensure('q');
  await queue.send('a');
  const options = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
  const keeper = new VisibilityKeeper({ queue, timeoutSeconds: 30, clock, logger: silentLogger });
  const [message] = await queue.receive(options);
  assert.ok(message);
  return { clock, service, queue, keeper, hold: keeper.hold(message.receipt) };
}

test('a held message stays hidden, and comes back after it was let go', async () => {
  const { clock, queue, keeper, hold } = await holdOne();
  await using _keeper = keeper;
  await clock.advance(300_000);
  assert.equal((await queue.depth()).inFlight, 1);
  hold[Symbol.dispose]();
  await clock.advance(30_000);
  assert.equal((await queue.depth()).visible, 1);
});

test('two extensions may fail before anybody else gets it', async () => {
  const { clock, service, queue, keeper } = await holdOne();
  await using _keeper = keeper;
  await clock.advance(10_000);
  service.failNext('extend', new UnavailableError('no'));
  service.failNext('extend', new UnavailableError('no'));
  await clock.advance(25_000);
  assert.equal((await queue.depth()).inFlight, 1);
  await clock.advance(300_000);
  assert.equal((await queue.depth()).inFlight, 1);
});

test('once it is closed nothing keeps time', async () => {
  const { clock, keeper } = await holdOne();
  await keeper[Symbol.asyncDispose]();
  assert.equal(clock.sleeping, 0);
});
