import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { examples, runExample } from '../support/example.ts';
import { Service } from '../support/service.ts';

test('examples/python introduces somebody and finds them', async () => {
  const python = process.env.TEST_API_PYTHON;
  assert.ok(python !== undefined, 'this check is run by `npm run test:api`');
  await using service = await Service.start();
  const command = [python, join(examples, 'python', 'recognise.py')];
  const lines = await runExample(service, command, { name: 'Grace', sitter: 0 });
  assert.match(lines[0]!, /^Grace: enrolled/);
  assert.match(lines.at(-1)!, /^Grace 0\.\d+$/);
});
