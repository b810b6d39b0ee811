import type { TSchema } from 'typebox';

/** The keywords of JSON Schema that our contracts use. */
export interface PlainSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly PlainSchema[];
  readonly allOf?: readonly PlainSchema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: PlainSchema;
  readonly properties?: Readonly<Record<string, PlainSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | PlainSchema;
  readonly patternProperties?: Readonly<Record<string, PlainSchema>>;
  readonly default?: unknown;
  readonly $ref?: string;
}

export function plain(schema: TSchema): PlainSchema {
  return schema as PlainSchema;
}

/** What a value had to be, in words that end the sentence "expected …". */
export function expectationOf(schema: PlainSchema): string {
  const { anyOf, type } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return oneOf(schema.enum);
  if (anyOf !== undefined) {
    return anyOf.every((one) => one.const !== undefined)
      ? oneOf(anyOf.map((one) => one.const))
      : anyOf.map(expectationOf).join(' or ');
  }
  switch (type) {
    case 'integer':
      return `a whole number${rangeOf(schema)}`;
    case 'number':
      return `a number${rangeOf(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return textExpectation(schema);
    case 'array':
      return `a list${countOf(schema.minItems, schema.maxItems, 'entries')}`;
    case 'object':
      return 'an object';
    default:
      return type ?? 'something else';
  }
}

function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`;
}

function textExpectation({ format, pattern, minLength, maxLength }: PlainSchema): string {
  if (format === 'uuid') return 'a UUID';
  const length = countOf(minLength, maxLength, 'characters');
  if (format !== undefined) return `text in the format ${format}${length}`;
  return pattern === undefined ? `text${length}` : `text${length} that matches ${pattern}`;
}

function countOf(least: number | undefined, most: number | undefined, what: string): string {
  if (least === undefined && most === undefined) return '';
  if (most === undefined) return ` of at least ${least} ${what}`;
  return least === undefined ? ` of at most ${most} ${what}` : ` of ${least} to ${most} ${what}`;
}

function rangeOf(schema: PlainSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const from = minimum === undefined ? exclusiveMinimum : minimum;
  const to = maximum === undefined ? exclusiveMaximum : maximum;
  if (from === undefined && to === undefined) return '';
  if (to === undefined) return exclusiveMinimum === undefined ? ` from ${from} on` : ` above ${from}`;
  if (from === undefined) return ` up to ${to}`;
  return exclusiveMinimum === undefined && exclusiveMaximum === undefined
    ? ` from ${from} to ${to}`
    : ` between ${from} and ${to}`;
}
