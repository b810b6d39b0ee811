import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';

import { HttpProblem } from '../problem.ts';
import { checkValue, faultsOf } from './validation.ts';

const Schema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    rate: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    kind: Type.Optional(Type.Enum(['a', 'b'])),
    to: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
    items: Type.Optional(Type.Array(Type.Object({ x: Type.Number() }, { additionalProperties: false }))),
  },
  { additionalProperties: false },
);

test('each wrong value is named with its place, itself, and what was expected', () => {
  const cases: [unknown, string, string | undefined, RegExp][] = [
    [{}, 'name', undefined, /text of 1 to 200 characters/],
    [{ name: '' }, 'name', '""', /text of 1 to 200 characters/],
    [{ name: 'x', count: 1.5 }, 'count', '1.5', /whole number from 1 to 100/],
    [{ name: 'x', count: 0 }, 'count', '0', /whole number from 1 to 100/],
    [{ name: 'x', rate: 0 }, 'rate', '0', /between 0 and 1/],
    [{ name: 'x', kind: 'c' }, 'kind', '"c"', /one of "a", "b"/],
    [{ name: 'x', to: 'me' }, 'to', '"me"', /a UUID or null/],
    [{ name: 'x', nmae: 1 }, 'nmae', '1', /only name, count/],
    [{ name: 'x', items: [{ x: 1 }, { x: 'one' }] }, 'items/1/x', '"one"', /a number/],
    [{ name: 'x', items: [{ x: 1, 'a/b': 2 }] }, 'items/0/a~1b', '2', /only x/],
    [{ name: 'x', items: 5 }, 'items', '5', /a list/],
    [[], '', '[]', /an object/],
    ['x', '', '"x"', /an object/],
  ];
  for (const [value, field, quoted, expected] of cases) {
    const [fault, ...others] = faultsOf(Schema, value, 'body');
    assert.deepEqual(others, [], JSON.stringify(value));
    assert.equal(fault?.in, 'body');
    assert.equal(fault?.field, field);
    assert.equal(fault?.value, quoted);
    assert.match(fault?.expected ?? '', expected);
  }
});

test('several faults are told together, and long values are cut off', () => {
  const faults = faultsOf(Schema, { name: 'x'.repeat(1000), count: -1, toString: 1 }, 'query');
  assert.deepEqual(faults.map(({ field }) => field).sort(), ['count', 'name', 'toString']);
  assert.ok(faults.every(({ value = '' }) => value.length <= 81));
  assert.throws(
    () => checkValue(Schema, { name: 1 }, 'query'),
    (error: HttpProblem) =>
      error instanceof HttpProblem && error.status === 400 && error.faults?.length === 1,
  );
  checkValue(Schema, { name: 'x', to: null, count: 7 }, 'query');
});
