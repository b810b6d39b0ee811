import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { launcher, runCommand } from '../../../test/support/service.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';

/** Answers every upload with its stem and this name, as soon as all of it has come. */
function answering(name: string): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const stem = /filename="([^".]+)/.exec(Buffer.concat(chunks).toString('latin1'))?.[1];
      response.end(`${stem}:${name}`);
    });
  };
}

async function scene(listener: RequestListener) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder()).path;
  for (const name of ['test_00.jpg', 'test_01.png', 'notes.txt']) writeFileSync(join(folder, name), name);
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { folder, url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('facefleet workload', () => {
  test('sends the pictures of a folder with the flags of the original', async () => {
    await using here = await scene(answering('Paul'));
    const csv = join(here.folder, 'names.csv');
    writeFileSync(csv, 'Image,Results\ntest_00,Paul\ntest_01,Paul\n');
    const words = ['--url', here.url, '--image_folder', here.folder, '--prediction_file', csv];
    const { code, stdout } = await runCommand(['workload', '--num_request', '5', ...words]);
    assert.equal(code, 0);
    assert.match(stdout, /requests {4}5\nsuccesses {3}5\nfailures {4}0\nright names 5\nwrong names 0\n/);
  });

  test('a wrong name, like a failure, is exit code 1, and the report still comes', async () => {
    await using here = await scene(answering('Zoe'));
    const csv = join(here.folder, 'names.csv');
    writeFileSync(csv, 'Image,Results\ntest_00.jpg,Paul\ntest_01.png,Zoe\n');
    const words = ['--url', here.url, '--image_folder', here.folder];
    const wrong = await runCommand(['workload', ...words, '--prediction_file', csv, '--json']);
    assert.equal(wrong.code, 1);
    const report = JSON.parse(wrong.stdout);
    assert.deepEqual([report.requests, report.rightNames, report.wrongNames], [2, 1, 1]);
    const nobody = await runCommand([
      'workload',
      '--image_folder',
      here.folder,
      '--url',
      'http://127.0.0.1:1/',
    ]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stdout, /2 × connection refused/);
  });

  test('called wrongly is exit code 2, a folder without pictures 1', async () => {
    await using empty = temporaryFolder();
    assert.equal((await runCommand(['workload'])).code, 2);
    assert.equal((await runCommand(['workload', '--image_folder', empty.path, '--rate', '-1'])).code, 2);
    assert.equal((await runCommand(['workload', '--image_folder', empty.path])).code, 1);
  });

  test('Ctrl-C prints what there is', async () => {
    const second = Promise.withResolvers<void>();
    const answer = answering('Paul');
    let count = 0;
    await using here = await scene((request, response) => {
      if (++count === 1) answer(request, response);
      else second.resolve();
    });
    const words = [
      'workload',
      '--url',
      here.url,
      '--image_folder',
      here.folder,
      '--concurrency',
      '1',
      '--json',
    ];
    const child = spawn(process.execPath, [launcher, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
    const output = child.stdout.toArray();
    await second.promise;
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await exited, [1, null]);
    const report = JSON.parse(Buffer.concat(await output).toString());
    assert.deepEqual([report.successes, report.failures, report.interrupted], [1, 0, 1]);
  });
});
