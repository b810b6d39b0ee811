import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

import { HttpProblem } from '../problem.ts';
import { expectationOf, type PlainSchema, plain } from './expectation.ts';
import type { Fault, Place } from './fault.ts';

const LONGEST_QUOTE = 80;
const MOST_FAULTS = 10;

interface Validator {
  Check(value: unknown): boolean;
  Errors(value: unknown): readonly SchemaError[];
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Compiled when first needed: a process that never gets a request of some kind doesn't pay for it. */
const validators = new WeakMap<TSchema, Validator>();

/** @throws HttpProblem 400 that names each field, its value and what was expected. */
export function checkValue(schema: TSchema, value: unknown, place: Place): void {
  const faults = faultsOf(schema, value, place);
  if (faults.length === 0) return;
  throw new HttpProblem(400, faults.map(faultText).join('; '), { faults });
}

/** Whether the value keeps to the schema: what it is told as is the caller's. */
export function faultsOf(schema: TSchema, value: unknown, place: Place): Fault[] {
  const validator = validatorFor(schema);
  if (validator.Check(value)) return [];
  const faults = new Map<string, Fault>();
  for (const error of validator.Errors(value)) {
    for (const path of pathsOf(error, value)) {
      if (!faults.has(path)) faults.set(path, faultAt(plain(schema), value, path, place));
    }
  }
  // A list is wrong because its entries are: the innermost says most.
  const paths = [...faults.keys()];
  const innermost = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
  return innermost.slice(0, MOST_FAULTS).map((path) => faults.get(path) as Fault);
}

function validatorFor(schema: TSchema): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema) as unknown as Validator;
    validators.set(schema, validator);
  }
  return validator;
}

function pathsOf({ keyword, instancePath, params }: SchemaError, value: unknown): string[] {
  if (keyword === 'required') {
    const owner = valueAt(value, instancePath) as Record<string, unknown>;
    const names = params.requiredProperties as readonly string[];
    return names
      .filter((name) => !Object.hasOwn(owner, name))
      .map((name) => `${instancePath}/${pointer(name)}`);
  }
  if (keyword === 'dependentRequired') {
    return (params.dependencies as readonly string[]).map((name) => `${instancePath}/${pointer(name)}`);
  }
  if (keyword === 'additionalProperties') {
    return (params.additionalProperties as readonly string[]).map(
      (name) => `${instancePath}/${pointer(name)}`,
    );
  }
  return [instancePath];
}

function faultAt(schema: PlainSchema, value: unknown, path: string, place: Place): Fault {
  const found = valueAt(value, path);
  const wanted = schemaAt(schema, path);
  return {
    in: place,
    field: path.slice(1),
    ...(found === undefined ? {} : { value: quote(found) }),
    expected: wanted === undefined ? unknownName(schemaAt(schema, parentOf(path))) : expectationOf(wanted),
  };
}

function faultText({ in: place, field, value, expected }: Fault): string {
  const what = field === '' ? `the ${place}` : `${place} ${field}`;
  return value === undefined
    ? `${what} is missing, expected ${expected}`
    : `${what} is ${value}, expected ${expected}`;
}

function unknownName(owner: PlainSchema | undefined): string {
  const names = Object.keys(owner?.properties ?? {});
  return names.length === 0 ? 'no such name' : `no such name, only ${names.join(', ')}`;
}

function valueAt(value: unknown, path: string): unknown {
  let found = value;
  for (const name of namesOf(path)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function schemaAt(schema: PlainSchema, path: string): PlainSchema | undefined {
  let found: PlainSchema | undefined = schema;
  for (const name of namesOf(path)) {
    const options: readonly PlainSchema[] = found?.anyOf ?? (found === undefined ? [] : [found]);
    found = options
      .map((one) => (one.type === 'array' ? one.items : ownProperty(one.properties, name)))
      .find((one) => one !== undefined);
  }
  return found;
}

function ownProperty(properties: PlainSchema['properties'], name: string): PlainSchema | undefined {
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function namesOf(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** A name as a JSON pointer writes it. */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}…`;
}
