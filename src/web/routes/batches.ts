import { createHash, randomUUIDv7 } from 'node:crypto';
import type { Request, Response } from 'express';
import { Type } from 'typebox';

import {
  type Batch,
  cancelBatch,
  createBatch,
  MAX_BATCH_PICTURES,
  newBatch,
  readBatch,
  stateOf,
} from '../../batches/batch.ts';
import { storePictures } from '../../batches/batch-intake.ts';
import type { BatchLimits } from '../../batches/batch-source.ts';
import { openNdjson } from '../../batches/ndjson-source.ts';
import { openZip } from '../../batches/zip-source.ts';
import { errorCode, errorMessage } from '../../errors.ts';
import { BATCHES, WEBHOOKS } from '../../jobs/chores.ts';
import { bindIdempotencyKey } from '../../jobs/idempotency.ts';
import type { JobTask } from '../../jobs/job.ts';
import { galleryOf } from '../../jobs/job-gallery.ts';
import { idTimeOf } from '../../jobs/job-time.ts';
import { isJobId } from '../../jobs/messages.ts';
import { contentTypeOf } from '../../picture-files.ts';
import { callForChore } from '../../scaling/controller-client.ts';
import { oweCall, type Webhook } from '../../webhooks/webhook.ts';
import { sendBatchResults } from '../batch-results.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { looksLikePicture } from '../picture-kind.ts';
import { HttpProblem } from '../problem.ts';
import { isWithinReach } from '../reach.ts';
import { IDEMPOTENCY_HEADER, WEBHOOK_HEADERS } from '../schemas/requests.ts';
import { spoolBody } from '../spooled-body.ts';
import { factsOf, idempotencyOf } from '../submission.ts';
import { webhookOf } from '../webhook-headers.ts';
import { DEFAULT_PLACE, type GalleryPlace, NAMED_PLACE } from './gallery-place.ts';

/** Batches read in at once by one process: each takes a file of its size, and the memory of a picture. */
const MOST_AT_ONCE = 2;
/** Pictures are packed already, so unpacked they take hardly more. */
const UNPACKED_FACTOR = 2;
const ZIP_TYPES: readonly (string | undefined)[] = ['application/zip', 'application/x-zip-compressed'];
const NDJSON_TYPES: readonly (string | undefined)[] = ['application/x-ndjson', 'application/jsonl'];
const Binary = Type.String({ format: 'binary' });

const BatchSchema = Type.Object(
  {
    batchId: Type.String({ format: 'uuid' }),
    status: Type.Enum(['running', 'done', 'cancelling', 'cancelled'], {
      description: '`cancelling`: what is not finished yet is being cancelled',
    }),
    kind: Type.Enum(['zip', 'ndjson']),
    total: Type.Integer({ description: 'Pictures, each a job' }),
    skipped: Type.Integer({ description: 'Files of the archive that were not meant to be pictures' }),
    sent: Type.Integer({ description: 'Jobs that were handed to the workers' }),
    finished: Type.Integer({ description: 'Jobs that have their result, counted in order' }),
    failed: Type.Integer({ description: 'Of those, how many failed' }),
    createdAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
    finishedAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
    galleryId: Type.Optional(Type.String({ description: 'Which gallery; absent for the default one' })),
  },
  { title: 'Batch' },
);

/** `/v1/batches`: many pictures at once, worked off beside everything else. */
export function batchRoutes(context: WebContext): Route[] {
  const intake = { open: 0 };
  return [
    createRoute(context, DEFAULT_PLACE, intake),
    batchRoute(context),
    resultsRoute(context),
    cancelRoute(context),
    createRoute(context, NAMED_PLACE, intake),
  ];
}

/** `intake`: how many are being read in. */
function createRoute(context: WebContext, place: GalleryPlace, intake: { open: number }): Route {
  return route(
    {
      method: 'post',
      path: place.path('/batches'),
      id: place.id('createBatch'),
      tag: 'Batches',
      scope: 'recognise',
      summary: 'Say who is in many pictures, given as a ZIP archive or line by line',
      description:
        'A ZIP archive of pictures, or one JSON object a line, `{"fileName": "a.jpg", "picture": "<base64>"}`. It is looked through before it is taken: archives in it, encrypted files, links and names that lead elsewhere are refused. A file that is no picture fails by itself.',
      params: place.params({}),
      query: Type.Object(
        { topK: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) },
        { additionalProperties: false },
      ),
      headers: { ...IDEMPOTENCY_HEADER, ...WEBHOOK_HEADERS },
      body: { upload: { 'application/zip': Binary, 'application/x-ndjson': Binary } },
      answers: {
        202: {
          description: 'Every picture is stored, and will be worked on',
          schema: BatchSchema,
          headers: { Location: 'Where to ask how far it is' },
        },
      },
      problems: [404, 408, 413, 415, 422, 429],
    },
    async ({ params, query: { topK }, request, response }) => {
      const kind = kindOf(request);
      if (intake.open >= MOST_AT_ONCE) {
        const headers = { 'Retry-After': '10' };
        throw new HttpProblem(429, `${MOST_AT_ONCE} batches are being read in already`, { headers });
      }
      intake.open++;
      try {
        const { task: about } = await context.galleries.find(params.gallery);
        const task: JobTask = { kind: 'recognise', ...(topK !== undefined && { topK }), ...about };
        const webhook = webhookOf(context, request);
        const batch = await takeIn(context, { kind, task, webhook }, request, response);
        const headers = { Location: `/v1/batches/${batch.batchId}` };
        return { status: 202, headers, body: stateOf(batch) };
      } finally {
        intake.open--;
      }
    },
  );
}

/** Stores pictures first and the batch last: what dies in between was not accepted, and is safe to repeat. */
async function takeIn(
  context: WebContext,
  { kind, task, webhook }: { kind: Batch['kind']; task: JobTask; webhook: Webhook | undefined },
  request: Request,
  response: Response,
): Promise<Batch> {
  const { config, deployment, logger } = context;
  const { state, clock } = deployment;
  const facts = factsOf(response);
  const claim = idempotencyOf(request, facts);
  await using body = await spoolBody(request, config.maxBatchBytes);
  const limits: BatchLimits = {
    maxPictures: MAX_BATCH_PICTURES,
    maxPictureBytes: config.maxUploadBytes,
    maxTotalBytes: UNPACKED_FACTOR * config.maxBatchBytes,
  };
  try {
    await using source = await (kind === 'zip' ? openZip : openNdjson)(body.path, limits);
    let batchId: string = randomUUIDv7();
    if (claim !== undefined) {
      const bodyHash = createHash('sha256')
        .update(JSON.stringify([body.sha256, kind, task]))
        .digest('hex');
      ({ jobId: batchId } = await bindIdempotencyKey(state, clock, claim, { jobId: batchId, bodyHash }));
      const known = await readBatch(state, batchId);
      if (known !== undefined) return known.batch;
    }
    const createdAt = Number(idTimeOf(batchId) >> 12n);
    const { traceId } = facts;
    const { dialect } = config;
    const looks = { looksLikePicture, contentTypeOf };
    const options = { buckets: deployment, clock, dialect, batchId, createdAt, traceId, task, ...looks };
    await storePictures(source.pictures(), options);
    const { count: total, skipped } = source;
    const batch = newBatch({ batchId, kind, task, traceId, createdAt, total, skipped });
    // Before it is accepted: then the call is owed.
    if (webhook !== undefined) {
      await oweCall(state, webhook, { jobId: batchId, traceId, now: clock.now(), about: 'batch' });
    }
    await createBatch(state, batch);
    void callForChore(state, BATCHES);
    if (webhook !== undefined) void callForChore(state, WEBHOOKS);
    logger.info({ batchId, traceId, kind, total, skipped }, 'accepted a batch');
    return batch;
  } catch (error) {
    const status = { 'bad-request': 400, 'limit-exceeded': 413 }[errorCode(error) as string];
    if (status === undefined) throw error;
    throw new HttpProblem(status, errorMessage(error), { cause: error });
  }
}

function batchRoute({ deployment }: WebContext): Route {
  return route(
    {
      method: 'get',
      path: '/v1/batches/{batchId}',
      id: 'getBatch',
      tag: 'Batches',
      scope: 'recognise',
      summary: 'How far a batch is',
      params: Type.Object({ batchId: Type.String() }),
      answers: { 200: { description: 'As of a second ago', schema: BatchSchema } },
      problems: [404],
    },
    async ({ params: { batchId }, response }) => ({
      status: 200,
      body: stateOf(await find(deployment, response, batchId)),
    }),
  );
}

function resultsRoute(context: WebContext): Route {
  return route(
    {
      method: 'get',
      path: '/v1/batches/{batchId}/results',
      id: 'getBatchResults',
      tag: 'Batches',
      scope: 'recognise',
      summary: 'The results of a batch, one a line, in the order of its pictures',
      description:
        'Each line is `{"index", "jobId", "fileName", "status", "result"}`. It ends before the first picture that has no result yet; with `follow` it waits for it, and says nothing but empty lines meanwhile. The index of the last whole line plus one is the `offset` to go on with.',
      params: Type.Object({ batchId: Type.String() }),
      query: Type.Object(
        {
          offset: Type.Integer({
            minimum: 0,
            default: 0,
            description: 'Index of the first picture to tell of',
          }),
          follow: Type.Boolean({ default: false }),
        },
        { additionalProperties: false },
      ),
      answers: {
        200: { description: 'The lines', content: { 'application/x-ndjson': Type.String() } },
      },
      problems: [404],
    },
    async ({ params: { batchId }, query, request, response }) => {
      const batch = await find(context.deployment, response, batchId);
      response.status(200).set('Content-Type', 'application/x-ndjson; charset=utf-8');
      if (request.method === 'HEAD') response.end();
      else await sendBatchResults(context, response, batch, query);
      return undefined;
    },
  );
}

function cancelRoute({ deployment, logger }: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/v1/batches/{batchId}/cancel',
      id: 'cancelBatch',
      tag: 'Batches',
      scope: 'recognise',
      summary: 'Cancel what is not finished of a batch',
      description:
        'Its jobs without a result are cancelled, one after the other, as `status` tells: `cancelling`, then `cancelled`. Results that are there stay.',
      params: Type.Object({ batchId: Type.String() }),
      answers: { 200: { description: 'It will be, or is', schema: BatchSchema } },
      problems: [404, 409],
    },
    async ({ params: { batchId }, response }) => {
      await find(deployment, response, batchId);
      const batch = await cancelBatch(deployment.state, batchId, deployment.clock.now());
      if (batch === undefined) throw new HttpProblem(404, 'there is no such batch');
      if (batch.cancelledAt === undefined) throw new HttpProblem(409, 'the batch is finished');
      logger.info({ batchId, traceId: batch.traceId, caller: factsOf(response).caller }, 'cancel a batch');
      void callForChore(deployment.state, BATCHES);
      return { status: 200, body: stateOf(batch) };
    },
  );
}

/** @throws HttpProblem 404, also for a batch of a gallery that the caller's key does not reach. */
async function find(
  { state }: Pick<WebContext['deployment'], 'state'>,
  response: Response,
  batchId: string,
): Promise<Batch> {
  const stored = isJobId(batchId) ? await readBatch(state, batchId) : undefined;
  if (stored === undefined || !isWithinReach(response, galleryOf(stored.batch.task))) {
    throw new HttpProblem(404, 'there is no such batch');
  }
  return stored.batch;
}

/** @throws HttpProblem 415 */
function kindOf({ headers }: Request): Batch['kind'] {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (ZIP_TYPES.includes(type)) return 'zip';
  if (NDJSON_TYPES.includes(type)) return 'ndjson';
  throw new HttpProblem(
    415,
    'the body has another Content-Type, expected application/zip or application/x-ndjson',
  );
}
