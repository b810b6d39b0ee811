import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { Releasers } from '../../../shutdown.ts';
import { BrokerClock } from './broker-clock.ts';
import { BrokerDatabase } from './database.ts';
import type { QueueRequest, RequestOf } from './protocol.ts';
import { QueueEngine } from './queue-engine.ts';
import { type Answer, TurnRunner } from './turn-runner.ts';

const OWNER = {};

/** Turns on a database that fails when the body `poison` is stored. */
async function startTurns() {
  const releasers = new Releasers();
  const folder = releasers.use('folder', temporaryFolder());
  const database = await BrokerDatabase.open({ folder: folder.path, waitSeconds: 0, maxBytes: 1024 ** 3 });
  releasers.push('database', () => database[Symbol.dispose]());
  const clock = new BrokerClock(database);
  const engine = new QueueEngine(database, clock);
  const failing = "CREATE TEMP TRIGGER failing BEFORE INSERT ON messages WHEN new.body = 'poison'";
  database.prepare(`${failing} BEGIN SELECT raise(FAIL, 'told to fail'); END`).run();
  const turns = new TurnRunner({ database, engine, clock });
  const run = (...requests: QueueRequest[]) =>
    turns.run(requests.map((request) => ({ owner: OWNER, request }))).map(summary);
  return { turns, run, [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose]() };
}

const ensure = (id: number): QueueRequest => ({ id, op: 'ensure', queue: 'q', settings: {} });
const send = (id: number, ...bodies: string[]): QueueRequest => ({
  id,
  op: 'send',
  queue: 'q',
  bodies,
  delayMs: 0,
});
const receive = (id: number, waitMs: number): RequestOf<'receive'> => ({
  id,
  op: 'receive',
  queue: 'q',
  max: 1,
  waitMs,
  visibilityMs: 60_000,
  token: id,
  isRetry: false,
});

function summary({ request, outcome }: Answer): string {
  if ('error' in outcome) return `${request.id} ${outcome.error.code}`;
  if (request.op !== 'receive') return `${request.id} done`;
  const [message] = outcome.value as { body: string }[];
  return `${request.id} got ${message?.body ?? 'nothing'}`;
}

test('a send and the receives that wait for it are answered in one turn, first come, first served', async () => {
  await using turns = await startTurns();
  assert.deepEqual(turns.run(ensure(1), receive(2, 20_000), receive(3, 20_000), receive(4, 20_000)), [
    '1 done',
  ]);
  assert.deepEqual(turns.run(send(5, 'a', 'b')), ['5 done', '2 got a', '3 got b']);
  assert.deepEqual(turns.run({ id: 6, op: 'cancel', receive: 4 }), ['4 got nothing']);
  assert.equal(turns.turns.msToNextTurn(), undefined);
});

test('a request that is refused does not concern the others of its turn', async () => {
  await using turns = await startTurns();
  turns.run(ensure(1));
  assert.deepEqual(turns.run(send(2, 'a'), send(3, 'b', ''), send(4, 'c')), [
    '2 done',
    '3 bad-request',
    '4 done',
  ]);
  assert.deepEqual(turns.run(receive(5, 0), receive(6, 0), receive(7, 0)), [
    '5 got a',
    '6 got c',
    '7 got nothing',
  ]);
});

test('a turn that fails is as if it had not been, and everybody is told, those that wait too', async () => {
  await using turns = await startTurns();
  turns.run(ensure(1), receive(2, 20_000));
  assert.deepEqual(turns.run(send(3, 'a'), send(4, 'poison'), send(5, 'c')).sort(), [
    '2 unavailable',
    '3 unavailable',
    '4 unavailable',
    '5 unavailable',
  ]);
  assert.equal(turns.turns.msToNextTurn(), undefined);
  assert.deepEqual(turns.run(send(6, 'd'), receive(7, 0), receive(8, 0)), [
    '6 done',
    '7 got d',
    '8 got nothing',
  ]);
});

test('what its owner held goes to the next in line, in the turn that hears of the loss', async () => {
  await using turns = await startTurns();
  turns.run(ensure(1), send(2, 'a'));
  const [answer] = turns.turns.run([{ owner: OWNER, request: receive(3, 0) }]);
  assert.ok(answer !== undefined && 'value' in answer.outcome);
  const [message] = answer.outcome.value as { receipt: string }[];
  turns.run(receive(4, 20_000));
  const held = [
    { queue: 'q', receipt: message?.receipt ?? '' },
    { queue: 'gone', receipt: '1.1' },
  ];
  const answers = turns.turns.run([{ owner: {}, held }]);
  assert.deepEqual(answers.map(summary), ['4 got a']);
});
