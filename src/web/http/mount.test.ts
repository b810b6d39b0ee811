import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';

import { MemoryDeployment } from '../../../test/support/memory-deployment.ts';
import { WebService } from '../../../test/support/web-service.ts';
import { JobClient } from '../../jobs/job-client.ts';
import { createContext } from '../app.ts';
import { createRoutes } from '../routes/index.ts';
import { route } from './contract.ts';
import { methodTable } from './mount.ts';
import { openApiDocument } from './openapi.ts';

interface Operation {
  readonly operationId: string;
  readonly security: unknown;
  readonly parameters?: { name: string; in: string; required: boolean; schema: { type?: string } }[];
  readonly requestBody?: { content: Record<string, unknown> };
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}
interface Document {
  readonly openapi: string;
  readonly info: { version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, unknown> };
}

test('the document describes every route, and every reference in it leads somewhere', async () => {
  await using service = await WebService.start();
  const response = await service.fetch('/openapi.json');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const text = await response.text();
  const document = JSON.parse(text) as Document;
  assert.equal(document.openapi, '3.1.0');
  assert.match(document.info.version, /^\d/);
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(operations.length >= 8);
  const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name ?? '');
  assert.ok(references.length > 20);
  for (const name of references) assert.ok(name in document.components.schemas, name);
  for (const [path, methods] of Object.entries(document.paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [], operationId } of Object.values(methods)) {
      const described = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      assert.deepEqual(described, inPath, operationId);
    }
  }
});

test('a recognition is described as it is', async () => {
  await using service = await WebService.start();
  const document = (await (await service.fetch('/openapi.json')).json()) as Document;
  const recognise = document.paths['/v1/recognitions']?.post;
  assert.ok(recognise !== undefined);
  assert.ok('multipart/form-data' in (recognise.requestBody?.content ?? {}));
  const topK = recognise.parameters?.find(({ name }) => name === 'topK');
  assert.equal(topK?.schema.type, 'integer');
  assert.equal(topK?.required, false);
  for (const status of ['200', '202', '400', '401', '413', '415', '503']) {
    assert.ok(status in recognise.responses, status);
  }
  assert.ok('application/problem+json' in (recognise.responses['400']?.content ?? {}));
  assert.ok('text/plain' in (document.paths['/']?.post?.responses['415']?.content ?? {}));
  assert.deepEqual(document.paths['/healthz']?.get?.security, []);
});

test('the page shows every operation and loads nothing from anywhere', async () => {
  await using service = await WebService.start();
  const response = await service.fetch('/docs');
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  const page = await response.text();
  for (const path of ['/v1/recognitions', '/v1/jobs/{jobId}', '/healthz', '/openapi.json']) {
    assert.ok(page.includes(`<code>${path}</code>`), path);
  }
  assert.doesNotMatch(page, /<script|\bsrc=|https?:\/\/|\sstyle=|\son\w+=/);
  assert.doesNotMatch(page, /undefined|\[object/);
});

test('queries are converted, refused with their name when wrong, and by name when unknown', async () => {
  await using service = await WebService.start();
  const refusals: [string, string][] = [
    ['/v1/recognitions?topK=ten', 'topK'],
    ['/v1/recognitions?topK=1&topK=2', 'topK'],
    ['/v1/recognitions?topk=5', 'topk'],
    ['/v1/recognitions?requireFace=perhaps', 'requireFace'],
  ];
  for (const [path, field] of refusals) {
    const response = await service.fetch(path, { method: 'POST' });
    assert.equal(response.status, 400, path);
    const problem = (await response.json()) as { detail: string; errors: { field: string; in: string }[] };
    assert.equal(problem.errors[0]?.field, field);
    assert.equal(problem.errors[0]?.in, 'query');
    assert.ok(problem.detail.includes(field));
  }
  const unknown = await service.fetch('/v1/jobs/x?verbose=1');
  assert.equal(unknown.status, 400);
  assert.equal((await service.fetch('/healthz?t=1')).status, 200);
});

test('paths know their methods, and no operation is there twice', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  const routes = createRoutes(createContext({ deployment, client }));
  assert.deepEqual(methodTable(routes).get('/'), ['GET', 'HEAD', 'POST']);
  const info = { version: '1.0.0', description: '' };
  const [first] = routes;
  assert.ok(first !== undefined);
  assert.throws(() => openApiDocument([first, first], info), /twice/);
  const clash = (title: string, path: string) =>
    route(
      {
        ...{ method: 'get', path, id: path, tag: 'T', scope: 'public', summary: '' },
        answers: {
          200: { description: '', schema: Type.Object({ [title]: Type.String() }, { title: 'Same' }) },
        },
      } as const,
      () => undefined,
    );
  assert.throws(() => openApiDocument([clash('a', '/a'), clash('b', '/b')], info), /Same/);
});
