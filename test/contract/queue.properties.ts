import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Queue, QueueMessage } from '../../src/ports/queue.ts';

type Step =
  | { readonly do: 'send'; readonly count: number }
  | { readonly do: 'receive'; readonly max: number }
  | {
      readonly do: 'delete' | 'delete-twice' | 'release' | 'extend' | 'use-stale-receipt';
      readonly pick: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('receive' as const), max: fc.integer({ min: 1, max: 10 }) }),
  fc.record({
    do: fc.constantFrom('delete', 'delete-twice', 'release', 'extend', 'use-stale-receipt'),
    pick: fc.nat(1000),
  }),
);

/** What must be true of the queue: who holds what, and what is still in it. */
interface Model {
  readonly present: Set<string>;
  readonly held: Map<string, QueueMessage>;
  readonly stale: QueueMessage[];
  sent: number;
}

/** Random calls with a timeout that never runs out during the test: every message is held by one receiver or by nobody. */
export async function queueBehavesLikeItsModel(
  freshQueue: () => Promise<Queue>,
  { runs = 20 }: { runs?: number } = {},
): Promise<void> {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const queue = await freshQueue();
    const model: Model = { present: new Set(), held: new Map(), stale: [], sent: 0 };
    for (const one of steps) await apply(one, queue, model);
    for (const message of model.held.values()) await queue.release(message.receipt);
    model.held.clear();
    while (model.held.size < model.present.size) await receive(queue, model, 10);
    const depth = await queue.depth();
    assert.equal(depth.visible, 0, 'nothing but what was sent and not deleted is left');
  });
  await fc.assert(property, { numRuns: runs });
}

async function apply(one: Step, queue: Queue, model: Model): Promise<void> {
  if (one.do === 'send') return send(queue, model, one.count);
  if (one.do === 'receive') return receive(queue, model, one.max);
  const held = [...model.held.values()];
  const message = held[one.pick % held.length];
  if (one.do === 'use-stale-receipt') return useStale(queue, model, one.pick);
  if (message === undefined) return;
  if (one.do === 'extend') return queue.extend(message.receipt, 600);
  if (one.do === 'release') {
    await queue.release(message.receipt);
  } else {
    await queue.delete(message.receipt);
    if (one.do === 'delete-twice') await queue.delete(message.receipt);
    model.present.delete(message.body);
  }
  model.held.delete(message.body);
  model.stale.push(message);
}

/** The receipt of a message that is gone or was delivered anew; one that is only released may still be known. */
async function useStale(queue: Queue, model: Model, pick: number): Promise<void> {
  const stale = model.stale.filter(({ body }) => model.held.has(body) || !model.present.has(body));
  const message = stale[pick % stale.length];
  if (message === undefined) return;
  await queue.release(message.receipt);
  await queue.extend(message.receipt, 1);
  await queue.delete(message.receipt);
}

async function send(queue: Queue, model: Model, count: number): Promise<void> {
  const bodies = Array.from({ length: count }, () => `message ${++model.sent}`);
  if (count === 1) await queue.send(bodies[0]!);
  else await queue.sendBatch(bodies);
  for (const body of bodies) model.present.add(body);
}

async function receive(queue: Queue, model: Model, max: number): Promise<void> {
  const free = model.present.size - model.held.size;
  const waitSeconds = free > 0 ? 20 : 0;
  for (const message of await queue.receive({ max, waitSeconds, visibilityTimeoutSeconds: 600 })) {
    assert.ok(model.present.has(message.body), `${message.body} was sent and not deleted`);
    assert.ok(!model.held.has(message.body), `${message.body} is held by nobody else`);
    model.held.set(message.body, message);
  }
}
