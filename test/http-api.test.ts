import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientTypes } from '../scripts/client-types.ts';
import { httpApiPage } from '../scripts/http-api.ts';

test('docs/http-api.md lists every operation that there is (node scripts/http-api.ts writes it)', async () => {
  const { current, wanted } = await httpApiPage();
  assert.equal(current, wanted);
});

test('src/client/operations.ts is what the contracts say (node scripts/client-types.ts writes it)', async () => {
  const { current, wanted } = await clientTypes();
  assert.equal(current, wanted);
});
