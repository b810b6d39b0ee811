import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { isDeepStrictEqual } from 'node:util';

import { ProblemSchema } from '../schemas/problem.ts';
import type { AnswerContract, Contract, Route } from './contract.ts';
import { type PlainSchema, plain } from './expectation.ts';

/** Statuses that any operation with something to check may answer with, and what they mean. */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'Something in the request is not as expected: `errors` names it',
  401: 'An API key is needed, or this one is not valid',
  403: 'The `Host` is not ours, the page that asks is of another origin, or the key may not do this',
  404: 'There is no such thing',
  405: 'Not with this method: `Allow` lists those that are',
  408: 'The upload was too slow',
  409: 'It contradicts what is there',
  410: 'It was erased',
  413: 'The body is larger than allowed',
  415: 'Not a picture we read, or not a body of this type',
  422: 'It was understood and cannot be done; with an `Idempotency-Key`: it was used with another request',
  429: 'Too many requests of this caller are open, or its key asks more often than it may: `Retry-After` says when to come again',
  500: 'Our fault; the log says more',
  503: 'A part does not answer, or more is waiting than can be worked off in time: `Retry-After` says when to come again',
  504: 'Not finished in time; the job goes on, under the id in `X-Job-Id`',
};

type Json = Record<string, unknown>;

export interface OpenApiInfo {
  readonly version: string;
  readonly description: string;
}

/** The OpenAPI 3.1 document of these routes. Schemas with a `title` become components of that name. */
export function openApiDocument(routes: readonly Route[], { version, description }: OpenApiInfo): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const { contract } of routes) {
    const operations = paths[contract.path] ?? {};
    assert(!(contract.method in operations), `${contract.method} ${contract.path} is there twice`);
    operations[contract.method] = operation(contract, components);
    paths[contract.path] = operations;
  }
  const tags = [...new Set(routes.map(({ contract }) => contract.tag))].map((name) => ({ name }));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Facefleet',
      version,
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      schemas: components.schemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
      },
    },
  };
}

function operation(contract: Contract, components: Components): Json {
  const { id, tag, summary, description, scope } = contract;
  const parameters = parametersOf(contract, components);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    // Without keys everything is open, on this machine alone: hence the empty alternative.
    security: scope === 'public' ? [] : [{ bearer: [] }, { header: [] }, {}],
    'x-scope': scope,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(contract.body === undefined ? {} : { requestBody: bodyOf(contract.body, components) }),
    responses: responsesOf(contract, components),
  };
}

function parametersOf({ params, query, headers = {} }: Contract, components: Components): Json[] {
  const described = (place: 'path' | 'query', schema: PlainSchema | undefined) =>
    Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
      name,
      in: place,
      required:
        place === 'path' || (property.default === undefined && schema?.required?.includes(name) === true),
      ...(property.description === undefined ? {} : { description: property.description }),
      schema: components.refer(withoutDescription(property)),
    }));
  return [
    ...described('path', params && plain(params)),
    ...described('query', query && plain(query)),
    ...Object.entries(headers).map(([name, { description, schema }]) => ({
      name,
      in: 'header',
      required: false,
      description,
      schema: components.refer(plain(schema)),
    })),
  ];
}

function bodyOf({ json, upload = {} }: NonNullable<Contract['body']>, components: Components): Json {
  const all = { ...(json === undefined ? {} : { 'application/json': json }), ...upload };
  return { required: true, content: contentOf(all, components) };
}

function responsesOf(contract: Contract, components: Components): Json {
  const responses: Json = {};
  for (const [status, answer] of Object.entries(contract.answers)) {
    responses[status] = responseOf(answer, components);
  }
  for (const status of problemsOf(contract)) {
    // Where the contract says itself what this status brings, that is what comes.
    responses[status] ??= problemOf(status, contract.path.startsWith('/v1/'), components);
  }
  return responses;
}

function problemsOf({ scope, params, query, body, path, problems = [] }: Contract): number[] {
  const hasInput =
    params !== undefined || query !== undefined || body !== undefined || path.startsWith('/v1');
  const ofJson = body?.json === undefined ? [] : [413, 415];
  const common = [
    ...(hasInput ? [400] : []),
    ...ofJson,
    ...(scope === 'public' ? [] : [401, 429]),
    403,
    500,
    503,
  ];
  return [...new Set([...common, ...problems])].sort((a, b) => a - b);
}

function responseOf(
  { description, schema, content, headers = {} }: AnswerContract,
  components: Components,
): Json {
  const all = schema === undefined ? content : { 'application/json': schema };
  const described = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(described.length === 0 ? {} : { headers: Object.fromEntries(described) }),
    ...(all === undefined ? {} : { content: contentOf(all, components) }),
  };
}

function problemOf(status: number, isVersioned: boolean, components: Components): Json {
  const description = PROBLEMS[status] ?? STATUS_CODES[status] ?? 'Error';
  const content = isVersioned
    ? { 'application/problem+json': { schema: components.refer(plain(ProblemSchema)) } }
    : { 'text/plain': { schema: { type: 'string' } } };
  return { description, content };
}

function contentOf(content: Readonly<Record<string, object>>, components: Components): Json {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      { schema: components.refer(schema as PlainSchema) },
    ]),
  );
}

function withoutDescription({ description: _, ...rest }: PlainSchema): PlainSchema {
  return rest;
}

/** Collects the schemas that have a title. */
class Components {
  readonly #schemas = new Map<string, Json>();

  /** The schema as it is written where it is used: by reference when it has a title. */
  refer(schema: PlainSchema): Json {
    const written = this.#rewrite(schema);
    const { title } = schema;
    if (title === undefined) return written;
    const known = this.#schemas.get(title);
    assert(known === undefined || isDeepStrictEqual(known, written), `two schemas are called ${title}`);
    this.#schemas.set(title, written);
    return { $ref: `#/components/schemas/${title}` };
  }

  schemas(): Json {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #rewrite(schema: PlainSchema): Json {
    const written: Json = { ...schema };
    if (schema.properties !== undefined) {
      written.properties = Object.fromEntries(
        Object.entries(schema.properties).map(([name, property]) => [name, this.refer(property)]),
      );
    }
    if (schema.items !== undefined) written.items = this.refer(schema.items);
    if (schema.anyOf !== undefined) written.anyOf = schema.anyOf.map((one) => this.refer(one));
    return written;
  }
}
