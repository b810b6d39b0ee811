import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runBatch } from '../../test/support/fault-world/batch.ts';

/**
 * The reconciler in worlds where everything fails, freezes, dies and lies. What it promises is checked by
 * `test/support/fault-world/judge.ts` and `fault-world.ts`; `npm run prove:scaling` runs many more of them.
 */
describe('in random worlds', () => {
  it('the reconciler keeps its promises', async (context) => {
    const seed = Date.now() % 1_000_000_000;
    context.diagnostic(`seed ${seed}`);
    const { failure, passed } = await runBatch({ seed, count: 500 });
    const again = `npm run prove:scaling -- --seed ${failure?.seed} --path ${failure?.path}`;
    assert.equal(failure, undefined, `${failure?.reason}; again: ${again}`);
    assert.equal(passed, 500);
  });
});
