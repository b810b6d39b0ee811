import { Type } from 'typebox';

import { type ApiKeyRecord, endOf } from '../../access/api-key.ts';
import { errorCode, errorMessage } from '../../errors.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';
import { ScopesSchema } from '../schemas/access.ts';
import { GALLERY_NAME, PRINTABLE } from '../schemas/people.ts';

const KEY_FIELDS = {
  id: Type.String({ description: 'The twelve characters behind `ff_` of the key itself' }),
  name: Type.String(),
  scopes: ScopesSchema,
  gallery: Type.Union([Type.String(), Type.Null()], {
    description: 'The only one within reach; null for all',
  }),
  requestsPerMinute: Type.Union([Type.Integer(), Type.Null()], { description: 'Null: without limit' }),
  createdAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
  expiresAt: Type.Union([Type.Integer(), Type.Null()]),
  state: Type.Union([Type.Literal('good'), Type.Literal('revoked'), Type.Literal('expired')]),
};
const ApiKeySchema = Type.Object(KEY_FIELDS, { title: 'ApiKey' });
const NewApiKeySchema = Type.Object(
  { ...KEY_FIELDS, key: Type.String({ description: 'Shown this once, and kept nowhere' }) },
  { title: 'NewApiKey' },
);

const OrderSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 100,
      pattern: PRINTABLE,
      description: 'Whose it is, or what for',
    }),
    scopes: ScopesSchema,
    gallery: Type.Optional(
      Type.String({ pattern: GALLERY_NAME, description: 'Keeps the key to one gallery; not with `admin`' }),
    ),
    requestsPerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    expiresAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
  },
  { additionalProperties: false, title: 'ApiKeyOrder' },
);

const KeyParams = Type.Object({ keyId: Type.String() });
const common = { tag: 'Keys', scope: 'admin' } as const;

/** `/v1/keys`: who may come in from outside, and what they may do. */
export function keyRoutes(context: WebContext): Route[] {
  return [createRoute(context), listRoute(context), revokeRoute(context)];
}

function createRoute({ keys, clock, logger }: WebContext): Route {
  return route(
    {
      ...common,
      method: 'post',
      path: '/v1/keys',
      id: 'createKey',
      summary: 'Make an API key',
      body: { json: OrderSchema },
      answers: { 201: { description: 'The key, this once', schema: NewApiKeySchema } },
    },
    async ({ body }) => {
      try {
        const { text, record } = await keys.store.create(body);
        logger.info({ keyId: record.id, name: record.name, scopes: record.scopes }, 'an API key was made');
        return { status: 201, body: { ...described(record, clock.now()), key: text } };
      } catch (error) {
        if (errorCode(error) === 'bad-request') throw new HttpProblem(400, errorMessage(error));
        throw error;
      }
    },
  );
}

function listRoute({ keys, clock }: WebContext): Route {
  return route(
    {
      ...common,
      method: 'get',
      path: '/v1/keys',
      id: 'listKeys',
      summary: 'All API keys, without the keys themselves',
      answers: {
        200: { description: 'Oldest first', schema: Type.Object({ keys: Type.Array(ApiKeySchema) }) },
      },
    },
    async () => {
      const records = await keys.store.list();
      return { status: 200, body: { keys: records.map((record) => described(record, clock.now())) } };
    },
  );
}

function revokeRoute({ keys, clock, logger }: WebContext): Route {
  return route(
    {
      ...common,
      method: 'delete',
      path: '/v1/keys/{keyId}',
      id: 'revokeKey',
      summary: 'End an API key for good',
      description: 'Every web process refuses it within five seconds, this one at once.',
      params: KeyParams,
      answers: { 200: { description: 'It is revoked', schema: ApiKeySchema } },
      problems: [404],
    },
    async ({ params: { keyId } }) => {
      try {
        const record = await keys.store.revoke(keyId);
        keys.ring.forget(record.id);
        logger.info({ keyId: record.id, name: record.name }, 'an API key was revoked');
        return { status: 200, body: described(record, clock.now()) };
      } catch (error) {
        if (errorCode(error) === 'not-found') throw new HttpProblem(404, errorMessage(error));
        throw error;
      }
    },
  );
}

function described(record: ApiKeyRecord, now: number) {
  const { id, name, scopes, gallery, requestsPerMinute, createdAt, expiresAt } = record;
  const state = endOf(record, now) ?? ('good' as const);
  return { id, name, scopes: [...scopes], gallery, requestsPerMinute, createdAt, expiresAt, state };
}
