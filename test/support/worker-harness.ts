import assert from 'node:assert/strict';
import { createHash, randomUUIDv7 } from 'node:crypto';
import type { JobAnswer, JobMessage, JobRecord, JobResult, JobTask } from '../../src/jobs/job.ts';
import { queueNames } from '../../src/jobs/keys.ts';
import { encodeMessage, parseAnswer } from '../../src/jobs/messages.ts';
import { ensureJobQueues, type JobQueues } from '../../src/jobs/queues.ts';
import { storeRecord } from '../../src/jobs/record.ts';
import { readResult } from '../../src/jobs/results.ts';
import { resultBucket } from '../../src/jobs/stores.ts';
import type { Queue } from '../../src/ports/queue.ts';
import type { EndReason } from '../../src/worker/ending.ts';
import { runWorker, type WorkerOptions } from '../../src/worker/worker.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeGallery, type FakeReplica } from './fake-gallery.ts';
import { FakeRecogniser } from './fake-recogniser.ts';
import { MemoryDeployment, type MemoryDeploymentOptions } from './memory-deployment.ts';

export interface Submitted {
  readonly task?: JobTask;
  readonly fileName?: string;
  readonly message?: Partial<JobMessage>;
}

/** Workers that read fake pictures (see FakeRecogniser) on a deployment in memory whose time the test owns, and what a client does with them. */
export class WorkerHarness implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly deployment: MemoryDeployment;
  readonly gallery: FakeGallery;
  readonly queues: JobQueues;
  readonly answers: Queue;
  readonly #running: RunningWorker[] = [];

  private constructor({ clock, deployment, queues, answers, people }: HarnessParts) {
    this.clock = clock;
    this.deployment = deployment;
    this.queues = queues;
    this.answers = answers;
    this.gallery = new FakeGallery(people);
  }

  static async open(
    options: Omit<MemoryDeploymentOptions, 'clock'> & { people?: readonly string[] } = {},
  ): Promise<WorkerHarness> {
    const clock = new FakeClock();
    const deployment = new MemoryDeployment({ ...options, clock });
    const { prefix } = deployment.loaded.config;
    const queues = await ensureJobQueues(deployment.queues, { prefix });
    const answers = await deployment.queues.ensure(queueNames(prefix).responses);
    return new WorkerHarness({ clock, deployment, queues, answers, people: options.people ?? [] });
  }

  /** Stores record and picture, and sends the message; resolves to the job's id. */
  async submit(picture: string | Uint8Array, { task, fileName, message }: Submitted = {}): Promise<string> {
    const jobId = message?.jobId ?? randomUUIDv7();
    const bytes = Buffer.from(picture);
    const draft: Omit<JobRecord, 'inputKey'> = {
      version: 1,
      jobId,
      fileName: fileName ?? 'test_00.jpg',
      contentType: 'image/jpeg',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
      submittedAt: this.deployment.clock.now(),
      traceId: 'trace',
      dialect: this.deployment.loaded.config.dialect,
      task: task ?? { kind: 'recognise' },
    };
    await storeRecord(this.deployment, this.deployment.clock, draft, {
      sizeBytes: bytes.length,
      sha256: draft.sha256,
      open: () => bytes,
    });
    await this.send({ jobId, ...message });
    return jobId;
  }

  async send(message: Partial<JobMessage> & { jobId: string }): Promise<void> {
    const now = this.deployment.clock.now();
    const rest = {
      replyQueue: this.answers.name,
      submittedAt: now,
      deadline: now + 55_000,
      traceId: 'trace',
    };
    await this.queues.requests.send(encodeMessage({ version: 1, ...rest, ...message }));
  }

  /** Receives the only message as so many workers would that then die, so that it comes again. */
  async receiveAndDie(times = 1): Promise<void> {
    const options = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
    for (let time = 1; time <= times; time++) {
      assert.equal((await this.queues.requests.receive(options)).length, 1);
      await this.clock.advance(30_000);
    }
  }

  /** Starts a worker; `ended` resolves to why it ended. */
  start(options: StartOptions = {}): RunningWorker {
    const { recogniser = new FakeRecogniser(), loading, ...rest } = options;
    const replica = this.gallery.openReplica();
    const drain = new AbortController();
    const ended = runWorker({
      deployment: this.deployment,
      recogniser: loading ?? recogniser,
      gallery: replica,
      galleryChanges: () => ({
        enrol: () => Promise.reject(new Error('enrolling was not expected')),
        addTemplate: () => Promise.reject(new Error('a template was not expected')),
      }),
      openRecogniser: async (packId) => new FakeRecogniser({ packId }),
      isolatedReader: () => new FakeRecogniser(),
      instance: { id: `instance-${this.#running.length + 1}`, slot: this.#running.length + 1, generation: 1 },
      drain: drain.signal,
      ...rest,
    });
    const worker = { recogniser, replica, ended, drain: () => drain.abort() };
    this.#running.push(worker);
    return worker;
  }

  /** It has ended in a way that the test has looked at. */
  forget(worker: RunningWorker): void {
    this.#running.splice(this.#running.indexOf(worker), 1);
  }

  /** Lets time pass until the worker has ended. */
  async ended(worker: RunningWorker): Promise<EndReason> {
    let reason: EndReason | undefined;
    const ending = worker.ended.then((ended) => {
      reason = ended;
    });
    while (reason === undefined) await Promise.race([ending, this.clock.advance(500)]);
    return reason;
  }

  /** The next answers, as many as that. */
  async answersTo(count: number): Promise<JobAnswer[]> {
    const answers: JobAnswer[] = [];
    while (answers.length < count) {
      const received = await this.answers.receive({ max: 10, waitSeconds: 20, visibilityTimeoutSeconds: 30 });
      await this.answers.deleteBatch(received.map(({ receipt }) => receipt));
      answers.push(...received.map(({ body }) => parseAnswer(body)));
    }
    return answers;
  }

  async result(jobId: string): Promise<JobResult | undefined> {
    const bucket = resultBucket(this.deployment, this.deployment.loaded.config.dialect);
    return (await readResult(bucket, jobId))?.result;
  }

  /** Drains whoever still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#running) worker.drain();
    for (const worker of this.#running) await this.ended(worker);
    await this.deployment[Symbol.asyncDispose]();
  }
}

export interface StartOptions extends Partial<Omit<WorkerOptions, 'recogniser'>> {
  readonly recogniser?: FakeRecogniser;
  /** Instead of a recogniser that is there at once. */
  readonly loading?: Promise<FakeRecogniser>;
}

interface HarnessParts {
  readonly clock: FakeClock;
  readonly deployment: MemoryDeployment;
  readonly queues: JobQueues;
  readonly answers: Queue;
  readonly people: readonly string[];
}

export interface RunningWorker {
  readonly recogniser: FakeRecogniser;
  readonly replica: FakeReplica;
  readonly ended: Promise<EndReason>;
  drain(): void;
}
