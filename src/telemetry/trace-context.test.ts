import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatTraceparent, newSpanId, newTraceId, parseTraceparent } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

test('a traceparent is read and written', () => {
  const context = { traceId, spanId, isSampled: true };
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), context);
  assert.equal(formatTraceparent(context), `00-${traceId}-${spanId}-01`);
  assert.equal(
    parseTraceparent(`00-${traceId}-${spanId}-02`)?.isSampled,
    false,
    'other flags say nothing of it',
  );
  assert.deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-01-of the future`), context);
});

test('what is no traceparent begins no trace', () => {
  const headers = [
    undefined,
    ['a'],
    '',
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-1`,
  ];
  for (const header of headers) assert.equal(parseTraceparent(header), undefined, String(header));
});

test('new ids have the length that the standard wants', () => {
  assert.match(newTraceId(), /^[0-9a-f]{32}$/);
  assert.match(newSpanId(), /^[0-9a-f]{16}$/);
  assert.notEqual(newSpanId(), newSpanId());
});
