import { courseOutputKey } from '../../src/jobs/course-names.ts';
import type { DoneResult, FaceResult, JobRecord, JobResult } from '../../src/jobs/job.ts';
import { encodeAnswer, parseMessage } from '../../src/jobs/messages.ts';
import { ensureJobQueues } from '../../src/jobs/queues.ts';
import { readRecord } from '../../src/jobs/record.ts';
import { createResult, nameOf, readResult } from '../../src/jobs/results.ts';
import { pictureBucket, resultBucket } from '../../src/jobs/stores.ts';
import type { Queue, QueueMessage } from '../../src/ports/queue.ts';
import type { MemoryDeployment } from './memory-deployment.ts';

/** What the worker finds in a picture; by default nobody. */
export type Recognise = (record: JobRecord, picture: Buffer) => JobResult | Promise<JobResult>;

/** A worker that goes through all the motions of the real one but looks at no picture. */
export class FakeWorker implements AsyncDisposable {
  /** The jobs it has worked off, in order, repeats included. */
  readonly jobIds: string[] = [];
  /** How many of the next results get no answer. */
  answersToLose = 0;
  readonly #deployment: MemoryDeployment;
  readonly #requests: Queue;
  readonly #recognise: Recognise;
  readonly #stop = new AbortController();
  readonly #working: Promise<void>;

  private constructor(deployment: MemoryDeployment, requests: Queue, recognise: Recognise) {
    this.#deployment = deployment;
    this.#requests = requests;
    this.#recognise = recognise;
    this.#working = this.#work();
  }

  static async start(
    deployment: MemoryDeployment,
    recognise: Recognise = (record) => doneResult(record),
  ): Promise<FakeWorker> {
    const { requests } = await ensureJobQueues(deployment.queues, deployment.loaded.config);
    return new FakeWorker(deployment, requests, recognise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const options = { max: 10, waitSeconds: 20, visibilityTimeoutSeconds: 30, signal: this.#stop.signal };
      const messages = await this.#requests.receive(options);
      await Promise.all(messages.map((message) => this.#handle(message)));
    }
  }

  async #handle(message: QueueMessage): Promise<void> {
    const { jobId, replyQueue } = parseMessage(message.body);
    const record = await readRecord(this.#deployment, jobId);
    if (record === undefined) throw new Error(`a message without a record: ${jobId}`);
    const bucket = resultBucket(this.#deployment, record.dialect);
    if ((await readResult(bucket, jobId)) === undefined) {
      const picture = await pictureBucket(this.#deployment, record.dialect, record.task.kind).get(
        record.inputKey,
      );
      if (picture === undefined) throw new Error(`a record without a picture: ${record.inputKey}`);
      const result = await this.#recognise(record, await picture.bytes());
      if (record.dialect === 'course' && result.status === 'done') await this.#mirror(record, result);
      await createResult(bucket, result);
    }
    this.jobIds.push(jobId);
    if (this.answersToLose > 0) this.answersToLose--;
    else if (replyQueue !== undefined) {
      const answer = encodeAnswer({ version: 1, jobId, status: 'done' });
      await this.#deployment.queues.open(replyQueue).send(answer);
    }
    await this.#requests.delete(message.receipt);
  }

  async #mirror(record: JobRecord, result: DoneResult): Promise<void> {
    const options = { contentType: 'text/plain; charset=utf-8' };
    await this.#deployment.output.put(courseOutputKey(record.inputKey), Buffer.from(nameOf(result)), options);
  }
}

/** A result that names these people, the largest face first. */
export function doneResult(record: JobRecord, ...names: (string | null)[]): DoneResult {
  return {
    ...resultBase(record),
    status: 'done',
    picture: { width: 64, height: 64, format: 'jpeg' },
    faces: names.map((name) => faceOf(name)),
    facesCut: 0,
    packId: 'fast',
    galleryVersion: 1,
    timings: { queueMs: 1, fetchMs: 1, decodeMs: 1, detectMs: 5, embedMs: 5, matchMs: 1 },
  };
}

export function failedResult(
  record: JobRecord,
  code: (JobResult & { status: 'failed' })['error']['code'],
  message = 'told to fail',
): JobResult {
  return { ...resultBase(record), status: 'failed', error: { code, message } };
}

function resultBase(record: JobRecord) {
  return {
    version: 1,
    jobId: record.jobId,
    fileName: record.fileName,
    kind: record.task.kind,
    submittedAt: record.submittedAt,
    finishedAt: record.submittedAt + 18,
    traceId: record.traceId,
    instanceId: 'fake',
  };
}

function faceOf(name: string | null): FaceResult {
  const point = { x: 1, y: 1 };
  return {
    box: { x: 0, y: 0, width: 40, height: 40 },
    landmarks: [point, point, point, point, point],
    detectionScore: 0.9,
    quality: { overall: 0.8, sizePx: 40, embeddingNorm: 70, yawDegrees: 0, rollDegrees: 0, sharpness: 100 },
    person: name === null ? null : { id: `person-${name}`, name },
    similarity: 0.7,
    margin: 0.3,
    threshold: 0.4,
    candidates: [],
  };
}
