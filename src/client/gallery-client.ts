import type {
  Batch,
  CreatedPerson,
  DoneResult,
  EnrolledFace,
  EnrolledPictures,
  ErasureReceipt,
  FacesPage,
  JobPage,
  JobSummary,
  MovedFace,
  Operations,
  PendingJob,
  PeoplePage,
  Person,
} from './operations.ts';
import { batchLines, formOf, type NamedPicture, type Picture } from './pictures.ts';
import { doneOrThrow, FacefleetApiError } from './problem.ts';
import type { Ask, OperationId, Transport } from './transport.ts';
import { waitForResult } from './waiting.ts';

/** What any call takes. */
export interface CallOptions {
  /** Ends the call, its retries and its waiting; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface RepeatableOptions extends CallOptions {
  /** The same key again is answered by the first request's job, for 24 hours. Made up where none is given. */
  readonly idempotencyKey?: string | undefined;
}

/** Whom the service is to call when the job is finished. */
export interface WebhookOptions {
  readonly webhook?: { readonly url: string; readonly secret: string } | undefined;
}

export type RecogniseOptions = RepeatableOptions & Operations['recognise']['query'];
export type StartOptions = RecogniseOptions & WebhookOptions;
export type BatchOptions = RepeatableOptions & WebhookOptions & Operations['createBatch']['query'];
export type AddFacesOptions = RepeatableOptions &
  Operations['addFaces']['query'] & {
    /** Seconds to wait for verdicts, 55 at most; 0: not at all. Those that are not there are `pending`. */
    readonly waitSeconds?: number | undefined;
  };
/** A face of a picture that was recognised before. */
export type FaceOfJob = NonNullable<Operations['addFaces']['json']>;

/** Operations that every gallery has, under the ids that they have for the default one. */
export type GalleryOperationId = {
  [Id in OperationId]: `${Id}InGallery` extends OperationId ? Id : never;
}[OperationId];

/** One gallery: who is in a picture, its people, and their faces. */
export class GalleryClient {
  /** Undefined: the default one. */
  readonly galleryName: string | undefined;
  readonly #transport: Transport;

  constructor(transport: Transport, galleryName?: string) {
    this.#transport = transport;
    this.galleryName = galleryName;
  }

  /**
   * Says who is in a picture; waits until that is known.
   *
   * @throws FacefleetApiError (415 no picture, 422 no face where one is required …), FacefleetJobError when the job failed
   *   after the service had stopped waiting for it.
   */
  async recognise(picture: Picture | NamedPicture, options: RecogniseOptions = {}): Promise<DoneResult> {
    const { signal, idempotencyKey, ...query } = options;
    const form = formOf([picture]);
    const answer = await this.call('recognise', { query, body: form, signal, idempotencyKey });
    const done = await finished(this.#transport, answer, signal);
    return query.requireFace === true ? withFace(done) : done;
  }

  /** Hands a picture in and doesn't wait: `waitForJob`, `followJob` or a webhook tell what came of it. */
  async startRecognition(
    picture: Picture | NamedPicture,
    options: StartOptions = {},
  ): Promise<PendingJob | DoneResult> {
    const { signal, idempotencyKey, webhook, ...query } = options;
    const headers = { prefer: 'respond-async', ...webhookHeaders(webhook) };
    return this.call('recognise', { query, body: formOf([picture]), headers, signal, idempotencyKey });
  }

  /**
   * Says who is in many pictures, 20,000 at most: a ZIP archive of them, or each by itself. In Node, `fs.openAsBlob` gives an
   * archive without taking it into memory. `getBatchResults` has what comes of it.
   */
  async createBatch(
    pictures: Blob | Iterable<Picture | NamedPicture>,
    options: BatchOptions = {},
  ): Promise<Batch> {
    const { signal, idempotencyKey, webhook, ...query } = options;
    const isArchive = pictures instanceof Blob;
    const headers = {
      'content-type': isArchive ? 'application/zip' : 'application/x-ndjson',
      ...webhookHeaders(webhook),
    };
    const body = isArchive ? pictures : await batchLines(pictures);
    return this.call('createBatch', { query, body, headers, signal, idempotencyKey });
  }

  /** A page of jobs, newest first: of this gallery, or of the whole service where no gallery was named. */
  listJobs(query: Operations['listJobs']['query'] = {}, { signal }: CallOptions = {}): Promise<JobPage> {
    return this.call('listJobs', { query, signal });
  }

  /** Jobs page after page, newest first, as `listJobs` has them. */
  jobs(
    query: Omit<Operations['listJobs']['query'], 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<JobSummary> {
    return pages(async (cursor) => {
      const { jobs, nextCursor } = await this.listJobs({ ...query, cursor }, options);
      return { entries: jobs, nextCursor };
    });
  }

  /** A page of people, by name. */
  listPeople(
    query: Operations['listPeople']['query'] = {},
    { signal }: CallOptions = {},
  ): Promise<PeoplePage> {
    return this.call('listPeople', { query, signal });
  }

  /** All people that are found, by name, page after page; `limit` is the size of a page. */
  people(
    query: Omit<Operations['listPeople']['query'], 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<Person> {
    return pages(async (cursor) => {
      const { people, nextCursor } = await this.listPeople({ ...query, cursor }, options);
      return { entries: people, nextCursor };
    });
  }

  /** Creates a person, under an id that is made here unless you give one: so it is done once, however often it is sent. */
  createPerson(
    person: Operations['createPerson']['json'],
    { signal, idempotencyKey }: RepeatableOptions = {},
  ): Promise<CreatedPerson> {
    const json = { ...person, id: person.id ?? crypto.randomUUID() };
    return this.call('createPerson', { json, signal, idempotencyKey });
  }

  getPerson(personId: string, { signal }: CallOptions = {}): Promise<Person> {
    return this.call('getPerson', { params: { personId }, signal });
  }

  changePerson(
    personId: string,
    change: Operations['changePerson']['json'],
    { signal }: CallOptions = {},
  ): Promise<Person> {
    return this.call('changePerson', { params: { personId }, json: change, signal });
  }

  /** Says that two people are one: the other one's name stays. */
  mergePerson(personId: string, into: string, { signal }: CallOptions = {}): Promise<Person> {
    return this.call('mergePerson', { params: { personId }, json: { into }, signal });
  }

  /** Erases a person with all that is known of them, for good. */
  erasePerson(personId: string, { signal }: CallOptions = {}): Promise<ErasureReceipt> {
    return this.call('erasePerson', { params: { personId }, signal });
  }

  /** Adds faces of a person from pictures, 100 at most, or one of a picture that was recognised before. */
  addFaces(
    personId: string,
    faces: readonly (Picture | NamedPicture)[] | FaceOfJob,
    options: AddFacesOptions = {},
  ): Promise<EnrolledPictures> {
    const { signal, idempotencyKey, waitSeconds, ...query } = options;
    const headers = { prefer: preferenceOf(waitSeconds) };
    const what = isFaceOfJob(faces) ? { json: faces } : { body: formOf(faces) };
    return this.call('addFaces', { params: { personId }, query, headers, signal, idempotencyKey, ...what });
  }

  /** A page of a person's faces, oldest first. */
  listFaces(
    personId: string,
    query: Operations['listFaces']['query'] = {},
    { signal }: CallOptions = {},
  ): Promise<FacesPage> {
    return this.call('listFaces', { params: { personId }, query, signal });
  }

  /** All faces of a person, oldest first, page after page. */
  faces(
    personId: string,
    query: Omit<Operations['listFaces']['query'], 'cursor'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<EnrolledFace> {
    return pages(async (cursor) => {
      const { faces, nextCursor } = await this.listFaces(personId, { ...query, cursor }, options);
      return { entries: faces, nextCursor };
    });
  }

  /** A JPEG of 160 pixels. */
  async getThumbnail(personId: string, faceId: string, { signal }: CallOptions = {}): Promise<Blob> {
    const headers = { accept: 'image/jpeg' };
    return (await this.send('getThumbnail', { params: { personId, faceId }, headers, signal })).blob();
  }

  /** Says whose face it is: another person's, or nobody's (null). */
  moveFace(
    personId: string,
    faceId: string,
    to: string | null,
    { signal }: CallOptions = {},
  ): Promise<MovedFace> {
    return this.call('moveFace', { params: { personId, faceId }, json: { to }, signal });
  }

  eraseFace(personId: string, faceId: string, { signal }: CallOptions = {}): Promise<ErasureReceipt> {
    return this.call('eraseFace', { params: { personId, faceId }, signal });
  }

  /** The operation of this gallery. */
  protected async call<Id extends GalleryOperationId>(
    id: Id,
    ask: Ask<Id>,
  ): Promise<Operations[Id]['answer']> {
    return this.#transport.json(...this.#placed(id, ask));
  }

  protected send<Id extends GalleryOperationId>(id: Id, ask: Ask<Id>): Promise<Response> {
    return this.#transport.send(...this.#placed(id, ask));
  }

  #placed<Id extends GalleryOperationId>(id: Id, ask: Ask<Id>): [Id, Ask<Id>] {
    if (this.galleryName === undefined) return [id, ask];
    // It takes and gives the same, and has the gallery in its address.
    const params = { ...ask.params, gallery: this.galleryName };
    return [`${id}InGallery` as Id, { ...ask, params } as Ask<Id>];
  }
}

/** What came of a recognition, waited for as long as it takes. */
export async function finished(
  transport: Transport,
  answer: DoneResult | PendingJob,
  signal: AbortSignal | undefined,
): Promise<DoneResult> {
  if (answer.status === 'done') return answer;
  return doneOrThrow(await waitForResult(transport, answer.jobId, signal));
}

/** As the service has it for requests that it answers itself. */
export function withFace(done: DoneResult): DoneResult {
  if (done.faces.length > 0) return done;
  const { jobId } = done;
  throw new FacefleetApiError(`GET /v1/jobs/${jobId}`, 422, 'there is no face in the picture', { jobId });
}

/** Everything on all pages. */
export async function* pages<T>(
  page: (
    cursor: string | undefined,
  ) => Promise<{ readonly entries: readonly T[]; readonly nextCursor: string | undefined }>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const { entries, nextCursor } = await page(cursor);
    yield* entries;
    cursor = nextCursor;
  } while (cursor !== undefined);
}

function webhookHeaders(webhook: WebhookOptions['webhook']) {
  return { 'webhook-url': webhook?.url, 'webhook-secret': webhook?.secret };
}

function preferenceOf(waitSeconds: number | undefined): string | undefined {
  if (waitSeconds === undefined) return undefined;
  return waitSeconds <= 0 ? 'respond-async' : `wait=${Math.ceil(waitSeconds)}`;
}

function isFaceOfJob(faces: readonly (Picture | NamedPicture)[] | FaceOfJob): faces is FaceOfJob {
  return !Array.isArray(faces);
}
