import type { Request } from 'express';
import type { TObject, TSchema } from 'typebox';

import { HttpProblem, isVersioned } from '../problem.ts';
import type { Contract } from './contract.ts';
import { type PlainSchema, plain } from './expectation.ts';
import { isJson, readJsonBody } from './json-body.ts';
import { checkValue } from './validation.ts';

export interface Inputs {
  readonly params: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly body: unknown;
}

/** Everything that a request says, converted and checked; uploads stay unread. @throws HttpProblem 400, 413, 415. */
export async function readInputs(contract: Contract, request: Request): Promise<Inputs> {
  const params = checked(contract.params, request.params, 'path');
  const query = checkedQuery(contract, request);
  return { params, query, body: await readBody(contract, request) };
}

function checkedQuery(contract: Contract, request: Request): Record<string, unknown> {
  const query = request.query as Record<string, unknown>;
  if (contract.query !== undefined) return checked(contract.query, query, 'query');
  const [name] = Object.keys(query);
  // A misspelt option that is passed over gives answers to another question; elsewhere a cache breaker is welcome.
  if (name !== undefined && isVersioned(request.path)) {
    const faults = [{ in: 'query', field: name, expected: 'no query at this address' }] as const;
    throw new HttpProblem(400, `query ${JSON.stringify(name)} is not known, expected no query here`, {
      faults,
    });
  }
  return {};
}

function checked(
  schema: TObject | undefined,
  texts: Readonly<Record<string, unknown>>,
  place: 'path' | 'query',
): Record<string, unknown> {
  if (schema === undefined) return {};
  const { properties = {} } = plain(schema);
  const values: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) values[name] = converted(properties[name], text);
  for (const [name, { default: fallback }] of Object.entries(properties)) {
    if (values[name] === undefined && fallback !== undefined) values[name] = fallback;
  }
  checkValue(schema, values, place);
  return values;
}

/** The text as what its schema asks for; as it is when it can't be that, which the check then tells. */
function converted(schema: PlainSchema | undefined, text: unknown): unknown {
  if (schema?.type === 'array') {
    return [text].flat().map((one) => converted(schema.items, one));
  }
  if (typeof text !== 'string') return text;
  switch (schema?.type) {
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
    case 'boolean':
      if (text === 'true' || text === '1' || text === '') return true;
      return text === 'false' || text === '0' ? false : text;
    default:
      return text;
  }
}

async function readBody({ body }: Contract, request: Request): Promise<unknown> {
  if (body?.json === undefined) return undefined;
  if (!isJson(request) && body.upload !== undefined) return undefined;
  return readJson(body.json, request);
}

async function readJson(schema: TSchema, request: Request): Promise<unknown> {
  const value = await readJsonBody(request);
  checkValue(schema, value, 'body');
  return value;
}
