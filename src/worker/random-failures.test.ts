import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { killableDeployment } from '../../test/support/killable-deployment.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { ThrottledError, UnavailableError } from '../errors.ts';
import type { JobResult } from '../jobs/job.ts';
import { resultKey } from '../jobs/keys.ts';

const OPERATIONS = ['get', 'put', 'head', 'delete', 'list'] as const;
const QUEUE_OPERATIONS = ['receive', 'deleteBatch', 'extend', 'release', 'sendBatch'] as const;
const BUCKETS = ['input', 'output', 'state'] as const;

const storeFailure = fc.record({
  kind: fc.constant('store' as const),
  bucket: fc.constantFrom(...BUCKETS),
  operation: fc.constantFrom(...OPERATIONS),
  /** Carried out, but the answer is lost. */
  afterwards: fc.boolean(),
});
const queueFailure = fc.record({
  kind: fc.constant('queue' as const),
  operation: fc.constantFrom(...QUEUE_OPERATIONS),
});
const death = fc.record({ kind: fc.constant('death' as const), worker: fc.nat(2) });
const repeat = fc.record({ kind: fc.constant('repeat' as const), job: fc.nat(20) });
const pause = fc.record({
  kind: fc.constant('pause' as const),
  milliseconds: fc.integer({ min: 1, max: 20_000 }),
});

type Mishap =
  | {
      kind: 'store';
      bucket: (typeof BUCKETS)[number];
      operation: (typeof OPERATIONS)[number];
      afterwards: boolean;
    }
  | { kind: 'queue'; operation: (typeof QUEUE_OPERATIONS)[number] }
  | { kind: 'death'; worker: number }
  | { kind: 'repeat'; job: number }
  | { kind: 'pause'; milliseconds: number };

/** Three workers that die and are replaced, on parts that fail. */
class Storm {
  readonly harness: WorkerHarness;
  readonly jobIds: string[] = [];
  readonly #deaths: AbortController[] = [];

  constructor(harness: WorkerHarness) {
    this.harness = harness;
    for (let worker = 0; worker < 3; worker++) this.#start(worker);
  }

  async strike(mishap: Mishap): Promise<void> {
    const { deployment, clock, answers, queues } = this.harness;
    switch (mishap.kind) {
      case 'store':
        return deployment[mishap.bucket].failNext(mishap.operation, new UnavailableError('a storm'), {
          afterwards: mishap.afterwards,
        });
      case 'queue':
        return deployment.queues.failNext(mishap.operation, new ThrottledError('a storm'), {
          queue: (mishap.operation === 'sendBatch' ? answers : queues.requests).name,
        });
      case 'death':
        this.#deaths[mishap.worker]?.abort();
        return this.#start(mishap.worker);
      case 'repeat': {
        const jobId = this.jobIds[mishap.job % this.jobIds.length];
        return jobId === undefined ? undefined : this.harness.send({ jobId });
      }
      case 'pause':
        return clock.advance(mishap.milliseconds);
    }
  }

  #start(worker: number): void {
    const dying = new AbortController();
    this.#deaths[worker] = dying;
    const running = this.harness.start({
      deployment: killableDeployment(this.harness.deployment, dying.signal),
    });
    // It never ends by itself any more.
    dying.signal.addEventListener('abort', () => this.harness.forget(running));
  }
}

test('property: whatever fails and whoever dies, every job ends with exactly one stored result', async () => {
  const pictures = fc.array(fc.constantFrom('paul', 'anna paul', 'nobody', 'bad-image', ''), {
    minLength: 1,
    maxLength: 8,
  });
  const mishaps = fc.array(fc.oneof(storeFailure, queueFailure, death, repeat, pause), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(pictures, mishaps, async (texts, storms) => {
      await using harness = await WorkerHarness.open({ people: ['paul', 'anna'] });
      const storm = new Storm(harness);
      for (const text of texts) storm.jobIds.push(await harness.submit(text));
      const first = new Map<string, JobResult>();
      const look = () => {
        for (const jobId of storm.jobIds) {
          const result = storedResult(harness, jobId);
          if (result === undefined) continue;
          if (!first.has(jobId)) first.set(jobId, result);
          assert.deepEqual(result, first.get(jobId), 'a result never changes');
        }
      };
      for (const mishap of storms) {
        await storm.strike(mishap);
        look();
      }
      // Every mishap costs a message a visibility timeout and a backoff at most.
      const deadline = harness.clock.monotonic() + (storms.length + 2) * 90_000;
      while (!(await isQuiet(harness)) && harness.clock.monotonic() < deadline) {
        await harness.clock.advance(5000);
        look();
      }
      assert.equal(first.size, texts.length, 'every job has its result');
      assert.ok(await isQuiet(harness), 'nothing is left in the queue');
    }),
    { numRuns: 60 },
  );
});

async function isQuiet({ queues }: WorkerHarness): Promise<boolean> {
  const { visible, inFlight, delayed } = await queues.requests.depth();
  return visible + inFlight + delayed === 0;
}

/** As it is in the bucket, past the failures that are lined up for the workers. */
function storedResult({ deployment }: WorkerHarness, jobId: string): JobResult | undefined {
  const bytes = deployment.output.peek(resultKey(jobId));
  return bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as JobResult);
}
