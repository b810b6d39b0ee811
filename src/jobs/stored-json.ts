import { type ErrorContext, FacefleetError } from '../errors.ts';
import { JOB_FORMAT_VERSION } from './job.ts';

type FieldType = 'string' | 'number' | 'object' | 'array';

/**
 * Parses one of our versioned JSON objects and checks that these fields are there.
 *
 * Versions from 1 to one above ours are read, since processes one version apart work side by side: a newer version
 * may only add fields.
 *
 * @throws FacefleetError `data-corrupt` naming what it is and what was expected.
 */
export function parseVersioned(
  text: string,
  what: string,
  fields: Readonly<Record<string, FieldType>>,
  context: ErrorContext = {},
): Readonly<Record<string, unknown>> {
  const value = parseObject(text, what, context);
  const version = value.version;
  if (typeof version !== 'number' || !(version >= 1 && version <= JOB_FORMAT_VERSION + 1)) {
    throw corrupt(`${what} has version ${JSON.stringify(version)}, expected ${JOB_FORMAT_VERSION}`, context);
  }
  expectFields(value, what, fields, context);
  return value;
}

/** @throws FacefleetError `data-corrupt` naming the first field that is missing or of another type. */
export function expectFields(
  value: Readonly<Record<string, unknown>>,
  what: string,
  fields: Readonly<Record<string, FieldType>>,
  context: ErrorContext = {},
): void {
  for (const [name, type] of Object.entries(fields)) {
    if (typeOf(value[name]) !== type) {
      throw corrupt(`${what} has a field ${name} that is ${typeOf(value[name])}, expected ${type}`, context);
    }
  }
}

export function parseObject(text: string, what: string, context: ErrorContext): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(`${what} is not JSON`, context, cause);
  }
  if (typeOf(value) !== 'object') throw corrupt(`${what} is ${typeOf(value)}, expected an object`, context);
  return value as Record<string, unknown>;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return value === null ? 'null' : typeof value;
}

function corrupt(message: string, context: ErrorContext, cause?: unknown): FacefleetError {
  return new FacefleetError('data-corrupt', message, { context, cause });
}
