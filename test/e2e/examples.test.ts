import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { examples, runExample } from '../support/example.ts';
import { Service } from '../support/service.ts';

// examples/python needs what npm does not bring: `npm run test:api` runs it.

test('the examples introduce somebody and find them', async () => {
  await using service = await Service.start();
  const curl = ['sh', join(examples, 'shell', 'recognise.sh')];
  const shell = await runExample(service, curl, { name: 'Ada', sitter: 0 });
  assert.equal(shell.at(-1), 'picture:Ada');
  const script = join(examples, 'typescript', 'recognise.ts');
  const node = [process.execPath, '--conditions', 'facefleet-source', script];
  const lines = await runExample(service, node, { name: 'Bob', sitter: 1 });
  assert.match(lines[0]!, /^Bob: enrolled/);
  assert.match(lines.at(-1)!, /^Bob 0\.\d+$/);
});
