import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import busboy from 'busboy';

import { errorCode } from '../errors.ts';
import { runWorkload, type WorkloadOptions } from './generator.ts';
import type { PictureSource } from './pictures.ts';
import { parsePredictions } from './predictions.ts';
import { reportText } from './report.ts';

interface Upload {
  readonly fileName: string;
  readonly contentType: string;
  readonly body: string;
  readonly request: IncomingMessage;
}

type Reply = (response: ServerResponse, upload: Upload) => void;

const nameReply: Reply = (response, { fileName, body }) => {
  response.setHeader('content-type', 'text/plain').end(`${fileName.replace(/\.\w+$/, '')}:${body}`);
};

/** A server that takes the form apart and lets the test answer. */
async function serve(reply: Reply) {
  const server = createServer((request, response) => {
    const form = busboy({ headers: request.headers });
    form.on('file', (field, stream, { filename, mimeType }) => {
      assert.equal(field, 'inputFile');
      void stream.toArray().then((chunks) => {
        const body = Buffer.concat(chunks).toString();
        reply(response, { fileName: filename ?? '', contentType: mimeType, body, request });
      });
    });
    request.pipe(form);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Pictures whose bytes are the name of who is on them. */
function picturesOf(...names: string[]): PictureSource {
  return {
    count: names.length,
    load: async (index) => ({
      fileName: `test_0${index}.jpg`,
      contentType: 'image/jpeg',
      body: Buffer.from(names[index] ?? ''),
    }),
  };
}

const run = (options: Partial<WorkloadOptions> & { url: string }) =>
  runWorkload({
    pictures: picturesOf('Paul', 'Zoë', 'unknown'),
    concurrency: 4,
    timeoutSeconds: 30,
    ...options,
  });

describe('workload', () => {
  test('every picture is sent, in turn, and names are checked', async () => {
    const seen: string[] = [];
    await using target = await serve((response, upload) => {
      seen.push(upload.fileName);
      assert.equal(upload.contentType, 'image/jpeg');
      nameReply(response, upload);
    });
    const predictions = parsePredictions('Image,Results\ntest_00,Paul\ntest_01.jpg,Zoe', 'names.csv');
    let progress = 0;
    const report = await run({
      url: target.url,
      requests: 10,
      predictions,
      onFinished: ({ finished }) => {
        progress = finished;
      },
    });
    assert.equal(progress, 10);
    assert.deepEqual([report.requests, report.successes, report.failures], [10, 10, 0]);
    assert.deepEqual([report.rightNames, report.wrongNames], [4, 3]);
    assert.deepEqual(report.wrongExamples[0], { picture: 'test_01.jpg', expected: 'Zoe', got: 'Zoë' });
    assert.equal(seen.filter((name) => name === 'test_00.jpg').length, 4);
    assert.ok(report.latencyMs.p50 > 0 && report.latencyMs.max >= report.latencyMs.p99);
    assert.match(reportText(report, true), /wrong names 3\n {2}test_01.jpg: Zoë, expected Zoe/);
  });

  test('never more than the concurrency at once, over kept connections', async () => {
    let [open, most] = [0, 0];
    const sockets = new Set<unknown>();
    await using target = await serve((response, upload) => {
      most = Math.max(most, ++open);
      sockets.add(upload.request.socket);
      setImmediate(() => {
        open--;
        nameReply(response, upload);
      });
    });
    const report = await run({ url: target.url, requests: 60, concurrency: 5 });
    assert.equal(report.successes, 60);
    assert.ok(most <= 5);
    assert.ok(sockets.size <= 5, `${sockets.size} connections`);
  });

  test('failures are counted by kind', async () => {
    const replies: Reply[] = [
      (response) => response.writeHead(503).end('busy'),
      (response, upload) => nameReply(response, { ...upload, fileName: 'other.jpg' }),
      (response) => response.end('no answer'),
      (response, upload) => response.end(JSON.stringify({ message: `test_00:${upload.body}` })),
      (response) => response.destroy(),
      (response) => response.end('x'.repeat(100_000)),
    ];
    let count = 0;
    await using target = await serve((response, upload) => replies[count++]?.(response, upload));
    const report = await run({ url: target.url, requests: 6, concurrency: 1, pictures: picturesOf('Paul') });
    assert.deepEqual([report.successes, report.jsonAnswers, report.failures], [1, 1, 5]);
    assert.deepEqual(report.failuresByReason, {
      'an answer that is no stem:Name': 2,
      'status 503': 1,
      "another picture's answer": 1,
      'connection broken': 1,
    });
    assert.match(reportText(report, false), /1 answers were JSON/);
  });

  test('a server that is not there, one that never answers, a picture that is gone', async () => {
    await using silent = await serve(() => {});
    const timedOut = await run({ url: silent.url, requests: 1, timeoutSeconds: 0.05 });
    assert.deepEqual(timedOut.failuresByReason, { 'timed out': 1 });
    let url = '';
    {
      await using gone = await serve(nameReply);
      url = gone.url;
    }
    const refused = await run({ url, requests: 2 });
    assert.deepEqual(refused.failuresByReason, { 'connection refused': 2 });
    const pictures = { count: 1, load: () => Promise.reject(new Error('gone')) };
    const unread = await run({ url, requests: 1, pictures });
    assert.deepEqual(unread.failuresByReason, { 'a picture that could not be read': 1 });
    await assert.rejects(run({ url: 'ftp://x', requests: 1 }), (error) => errorCode(error) === 'bad-request');
  });

  test('aborting ends the run with what there is', async () => {
    const abort = new AbortController();
    let count = 0;
    await using target = await serve((response, upload) => {
      if (++count <= 5) nameReply(response, upload);
      else abort.abort();
    });
    const report = await run({ url: target.url, requests: 100, concurrency: 1, signal: abort.signal });
    assert.deepEqual([report.requests, report.failures, report.interrupted], [5, 0, 1]);
  });

  test('an open loop sends at its rate, and ends with its duration', async () => {
    await using target = await serve(nameReply);
    const report = await run({ url: target.url, ratePerSecond: 200, durationSeconds: 0.2, concurrency: 50 });
    assert.equal(report.requests, 40);
    assert.ok(report.durationSeconds >= 0.19);
  });

  test('in an open loop, time spent waiting for a free connection counts', async () => {
    const held: (() => void)[] = [];
    await using target = await serve((response, upload) => {
      const answer = () => nameReply(response, upload);
      // The first answer comes only when three more requests are overdue by 50 ms at least.
      if (held.push(answer) === 1) setTimeout(answer, 150);
      else answer();
    });
    const report = await run({ url: target.url, ratePerSecond: 100, requests: 10, concurrency: 1 });
    assert.equal(report.successes, 10);
    assert.ok(report.latencyMs.p50 > 50, `p50 ${report.latencyMs.p50}`);
  });

  test('an API key goes along', async () => {
    await using target = await serve((response, upload) => {
      assert.equal(upload.request.headers.authorization, 'Bearer secret');
      nameReply(response, upload);
    });
    assert.equal((await run({ url: target.url, requests: 1, apiKey: 'secret' })).successes, 1);
  });
});
