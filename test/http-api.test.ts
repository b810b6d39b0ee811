import assert from 'node:assert/strict';
import { test } from 'node:test';

import { httpApiPage } from '../scripts/http-api.ts';

test('docs/http-api.md lists every operation that there is (node scripts/http-api.ts writes it)', async () => {
  const { current, wanted } = await httpApiPage();
  assert.equal(current, wanted);
});
