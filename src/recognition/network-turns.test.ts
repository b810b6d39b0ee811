import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Runnable } from './model.ts';
import { NetworkTurns } from './network-turns.ts';

function network(name: string): Runnable {
  const unused = () => assert.fail('turns run no network themselves');
  return { name, run: unused, release: unused };
}

const [finder, embedder] = [network('finder'), network('embedder')];

/** Pictures that take a turn at each network, one after the other. */
function takeTurns(turns: NetworkTurns, names: readonly string[], log: string[]): Promise<void>[] {
  return names.map(async (name) => {
    const picture = turns.forPicture();
    for (const one of [finder, embedder]) {
      await picture.take(one, async () => {
        log.push(`${name} has the ${one.name}`);
        await new Promise(setImmediate);
        log.push(`${name} leaves it`);
      });
    }
  });
}

test('one has the networks at a time, and those who want the one that ran last come first', async () => {
  const log: string[] = [];
  await Promise.all(takeTurns(new NetworkTurns(), ['a', 'b', 'c'], log));
  const expected = [finder, embedder].flatMap((one) =>
    ['a', 'b', 'c'].flatMap((name) => [`${name} has the ${one.name}`, `${name} leaves it`]),
  );
  assert.deepEqual(log, expected);
});

test('a turn that fails is over, and only its picture is told', async () => {
  const turns = new NetworkTurns();
  const log: string[] = [];
  const failing = turns.take(finder, async () => {
    await new Promise(setImmediate);
    throw new Error('no memory');
  });
  const others = takeTurns(turns, ['a'], log);
  await assert.rejects(failing, /no memory/);
  await Promise.all(others);
  assert.equal(log.length, 4);
});

test('waiting for a turn is not counted', async () => {
  const turns = new NetworkTurns();
  const [first, second] = [turns.forPicture(), turns.forPicture()];
  await Promise.all([first.take(finder, () => sleep(200)), second.take(finder, async () => {})]);
  assert.ok(first.spentMs > 150, `${first.spentMs}`);
  assert.ok(second.spentMs < 150, `${second.spentMs}`);
});
