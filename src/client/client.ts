import { type BatchLine, followBatch } from './batch-results.ts';
import {
  type CallOptions,
  finished,
  GalleryClient,
  type RepeatableOptions,
  withFace,
} from './gallery-client.ts';
import type {
  Access,
  ApiKey,
  ApiKeyOrder,
  Batch,
  DeadLetterReport,
  DoneResult,
  FailedResult,
  Fleet,
  FleetSample,
  Gallery,
  JobResult,
  NewApiKey,
  Operations,
  PendingJob,
  RemovedGallery,
  Version,
  Workload,
  WorkloadOrder,
} from './operations.ts';
import { formOf, type NamedPicture, type Picture } from './pictures.ts';
import { Transport, type TransportOptions } from './transport.ts';
import { followJob, type JobEvent, reconnecting, waitForBatch, waitForResult } from './waiting.ts';

type Selection = Operations['redriveDeadLetters']['json']['jobIds'];
type DetectOptions = RepeatableOptions & Operations['detect']['query'];
type CompareOptions = RepeatableOptions & Operations['compare']['query'];

/** What the fleet's stream tells: first what was in the last minutes, then what changes. */
export type FleetEvent =
  | { readonly type: 'history'; readonly samples: readonly FleetSample[] }
  | { readonly type: 'fleet'; readonly fleet: Fleet }
  | { readonly type: 'sample'; readonly sample: FleetSample };

/**
 * A Facefleet service. Methods are called as the operations of its interface (docs/http-api.md), and those of people and
 * faces are the default gallery's; `gallery(name)` has them for another.
 *
 * Every method rejects with a FacefleetApiError when the service says no, with a FacefleetConnectionError when nothing answers,
 * and with the reason of `signal` when that aborts.
 */
export class FacefleetClient extends GalleryClient {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    const transport = new Transport(options);
    super(transport);
    this.#transport = transport;
  }

  gallery(name: string): GalleryClient {
    return new GalleryClient(this.#transport, name);
  }

  /** Finds faces and looks for nobody. */
  async detect(picture: Picture | NamedPicture, options: DetectOptions = {}): Promise<DoneResult> {
    const { signal, idempotencyKey, ...query } = options;
    const ask = { query, body: formOf([picture]), signal, idempotencyKey };
    const done = await finished(this.#transport, await this.#transport.json('detect', ask), signal);
    return query.requireFace === true ? withFace(done) : done;
  }

  /** Compares each face of one picture with each of the other. */
  async compare(
    first: Picture | NamedPicture,
    second: Picture | NamedPicture,
    options: CompareOptions = {},
  ): Promise<DoneResult> {
    const { signal, idempotencyKey, ...query } = options;
    const ask = { query, body: formOf([first, second]), signal, idempotencyKey };
    const done = await finished(this.#transport, await this.#transport.json('compare', ask), signal);
    return query.requireFace === true ? withFace(done) : done;
  }

  /** The line of the original contract, `test_00:Paul`. */
  async nameLargestFace(
    picture: Picture | NamedPicture,
    { signal, idempotencyKey }: RepeatableOptions = {},
  ): Promise<string> {
    const headers = { accept: 'text/plain' };
    const ask = { body: formOf([picture]), headers, signal, idempotencyKey };
    return (await this.#transport.send('nameLargestFace', ask)).text();
  }

  /** What became of a job; `waitSeconds` (55 at most) waits for its end. */
  getJob(
    jobId: string,
    { signal, waitSeconds }: CallOptions & { readonly waitSeconds?: number | undefined } = {},
  ): Promise<JobResult | PendingJob> {
    const headers = { prefer: waitSeconds === undefined ? undefined : `wait=${Math.ceil(waitSeconds)}` };
    return this.#transport.json('getJob', { params: { jobId }, headers, signal });
  }

  /** Resolves when the job is finished, whatever came of it; `doneOrThrow` makes an error of a failure. */
  waitForJob(jobId: string, { signal }: CallOptions = {}): Promise<JobResult> {
    return waitForResult(this.#transport, jobId, signal);
  }

  /** What becomes of a job, as it happens; goes on where a connection broke off. */
  followJob(jobId: string, { signal }: CallOptions = {}): AsyncGenerator<JobEvent> {
    return followJob(this.#transport, jobId, signal);
  }

  cancelJob(jobId: string, { signal }: CallOptions = {}): Promise<FailedResult> {
    return this.#transport.json('cancelJob', { params: { jobId }, isRepeatable: true, signal });
  }

  /** Cancels what is not finished of a batch: `cancelling` at first. */
  cancelBatch(batchId: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.#transport.json('cancelBatch', { params: { batchId }, isRepeatable: true, signal });
  }

  /** Resolves when every picture of the batch has its result, or is cancelled. */
  waitForBatch(batchId: string, { signal }: CallOptions = {}): Promise<Batch> {
    return waitForBatch(this.#transport, batchId, signal);
  }

  getBatch(batchId: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.#transport.json('getBatch', { params: { batchId }, signal });
  }

  /**
   * The results of a batch in the order of its pictures, from `offset` on; with `follow` until all are there, over as many
   * connections as that takes.
   */
  getBatchResults(
    batchId: string,
    query: Operations['getBatchResults']['query'] = {},
    { signal }: CallOptions = {},
  ): AsyncGenerator<BatchLine> {
    return followBatch(this.#transport, batchId, query, signal);
  }

  listDeadLetters({ signal }: CallOptions = {}): Promise<Operations['listDeadLetters']['answer']> {
    return this.#transport.json('listDeadLetters', { signal });
  }

  /** Sends jobs that were given up to the workers again. */
  redriveDeadLetters(jobIds: Selection, { signal }: CallOptions = {}): Promise<DeadLetterReport> {
    return this.#transport.json('redriveDeadLetters', { json: { jobIds }, signal });
  }

  dropDeadLetters(jobIds: Selection, { signal }: CallOptions = {}): Promise<DeadLetterReport> {
    return this.#transport.json('dropDeadLetters', { json: { jobIds }, isRepeatable: true, signal });
  }

  getFleet({ signal }: CallOptions = {}): Promise<Operations['getFleet']['answer']> {
    return this.#transport.json('getFleet', { signal });
  }

  /** The fleet as it changes, until the signal aborts or nobody reads on; connects again by itself. */
  async *watchFleet({ signal }: CallOptions = {}): AsyncGenerator<FleetEvent> {
    const connect = () => ({ headers: { accept: 'text/event-stream' }, signal });
    for await (const { type, data } of reconnecting(this.#transport, 'watchFleet', connect, signal)) {
      if (type === 'history') yield { type, ...(data as { samples: FleetSample[] }) };
      else if (type === 'fleet') yield { type, fleet: data as Fleet };
      else if (type === 'sample') yield { type, sample: data as FleetSample };
    }
  }

  getWorkload({ signal }: CallOptions = {}): Promise<Operations['getWorkload']['answer']> {
    return this.#transport.json('getWorkload', { signal });
  }

  startWorkload(order: WorkloadOrder = {}, { signal }: CallOptions = {}): Promise<Workload> {
    return this.#transport.json('startWorkload', { json: order, signal });
  }

  async stopWorkload({ signal }: CallOptions = {}): Promise<void> {
    await this.#transport.send('stopWorkload', { signal });
  }

  async listGalleries({ signal }: CallOptions = {}): Promise<readonly Gallery[]> {
    return (await this.#transport.json('listGalleries', { signal })).galleries;
  }

  createGallery(name: string, { signal }: CallOptions = {}): Promise<Gallery> {
    return this.#transport.json('createGallery', { json: { name }, signal });
  }

  /** Erases everybody in it, and every picture and result that was about it. */
  removeGallery(name: string, { signal }: CallOptions = {}): Promise<RemovedGallery> {
    return this.#transport.json('removeGallery', { params: { gallery: name }, signal });
  }

  /** The key's text is told this once. */
  createKey(order: ApiKeyOrder, { signal }: CallOptions = {}): Promise<NewApiKey> {
    return this.#transport.json('createKey', { json: order, signal });
  }

  async listKeys({ signal }: CallOptions = {}): Promise<readonly ApiKey[]> {
    return (await this.#transport.json('listKeys', { signal })).keys;
  }

  revokeKey(keyId: string, { signal }: CallOptions = {}): Promise<ApiKey> {
    return this.#transport.json('revokeKey', { params: { keyId }, signal });
  }

  /** What the key that is shown may do. */
  getAccess({ signal }: CallOptions = {}): Promise<Access> {
    return this.#transport.json('getAccess', { signal });
  }

  getHealth({ signal }: CallOptions = {}): Promise<Operations['getHealth']['answer']> {
    return this.#transport.json('getHealth', { signal });
  }

  /** Whether queue and buckets answer; that they do not is an answer too. */
  getReadiness({ signal }: CallOptions = {}): Promise<Operations['getReadiness']['answer']> {
    return this.#transport.json('getReadiness', { alsoFine: [503], signal });
  }

  getVersion({ signal }: CallOptions = {}): Promise<Version> {
    return this.#transport.json('getVersion', { signal });
  }

  /** In the text format of Prometheus. */
  getMetrics(options: CallOptions = {}): Promise<string> {
    return this.#text('getMetrics', options);
  }

  /** The OpenAPI 3.1 document. */
  async getOpenApi({ signal }: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#transport.json('getOpenApi', { signal });
  }

  /** The interface as a page to read, in HTML. */
  getDocs(options: CallOptions = {}): Promise<string> {
    return this.#text('getDocs', options);
  }

  /** A form for one picture, in HTML. */
  getHome(options: CallOptions = {}): Promise<string> {
    return this.#text('getHome', options);
  }

  async #text(id: 'getMetrics' | 'getDocs' | 'getHome', { signal }: CallOptions): Promise<string> {
    return (await this.#transport.send(id, { headers: { accept: '*/*' }, signal })).text();
  }
}
