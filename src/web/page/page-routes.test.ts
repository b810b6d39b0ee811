import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';

import { type RawResponse, readResponse, WebService } from '../../../test/support/web-service.ts';
import type { PageFiles } from './page-files.ts';
import { PAGE_POLICY } from './page-routes.ts';

const SCRIPT = Buffer.from('console.log("a page")');

const files: PageFiles = new Map([
  [
    'index.html',
    { type: 'text/html', etag: '"i"', isHashed: false, bodies: new Map([['identity', Buffer.from('<p>')]]) },
  ],
  [
    'assets/main-1.js',
    {
      type: 'text/javascript',
      etag: '"m"',
      isHashed: true,
      bodies: new Map([
        ['identity', SCRIPT],
        ['br', brotliCompressSync(SCRIPT)],
        ['gzip', gzipSync(SCRIPT)],
      ]),
    },
  ],
]);

const withPage = (built: PageFiles | undefined = files) =>
  WebService.start({ recognise: false, page: { files: Promise.resolve(built) } });

/** As it comes over the wire: `fetch` would unpack it. */
async function getRaw(service: WebService, path: string, headers: string): Promise<RawResponse> {
  const socket = service.connect();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`);
  const response = await readResponse(socket);
  socket.destroy();
  assert.ok(response);
  return response;
}

test('the page comes with a policy that lets nothing in from elsewhere', async () => {
  await using service = await withPage();
  const response = await service.fetch('/ui/');
  assert.equal(await response.text(), '<p>');
  assert.equal(response.headers.get('content-security-policy'), PAGE_POLICY);
  assert.doesNotMatch(PAGE_POLICY, /unsafe|https?:|\*/);
  assert.equal(response.headers.get('cache-control'), 'no-cache');
  const again = await service.fetch('/ui/', { headers: { 'if-none-match': '"i"' } });
  assert.equal(again.status, 304);
});

test('what has a hash in its name is sent compressed and kept for good', async () => {
  await using service = await withPage();
  const brotli = await getRaw(service, '/ui/assets/main-1.js', 'Accept-Encoding: gzip, deflate, br\r\n');
  assert.match(brotli.head, /content-encoding: br/i);
  assert.match(brotli.head, /cache-control: public, max-age=31536000, immutable/i);
  assert.match(brotli.head, /vary: accept-encoding/i);
  assert.deepEqual(brotliDecompressSync(Buffer.from(brotli.body, 'latin1')), SCRIPT);
  const gzip = await getRaw(service, '/ui/assets/main-1.js', 'Accept-Encoding: gzip, br;q=0\r\n');
  assert.match(gzip.head, /content-encoding: gzip/i);
  const plain = await getRaw(service, '/ui/assets/main-1.js', 'Accept-Encoding: identity\r\n');
  assert.doesNotMatch(plain.head, /content-encoding/i);
  assert.equal(plain.body, SCRIPT.toString());
});

test('a browser that comes to / is led to the page, a program is not', async () => {
  await using service = await withPage();
  const browser = await service.fetch('/', {
    redirect: 'manual',
    headers: { accept: 'text/html,*/*;q=0.8' },
  });
  assert.equal(browser.status, 302);
  assert.equal(browser.headers.get('location'), '/ui/');
  const program = await service.fetch('/', { redirect: 'manual' });
  assert.equal(program.status, 200);
  const bare = await service.fetch('/ui', { redirect: 'manual' });
  assert.equal(bare.headers.get('location'), '/ui/');
});

test('what is not there is 404, whatever the path tries', async () => {
  await using service = await withPage();
  for (const path of [
    '/ui/nothing.js',
    '/ui/assets/',
    '/ui/%2e%2e/package.json',
    '/ui/samples/7.jpg',
    '/ui/samples/x.jpg',
  ]) {
    assert.equal((await service.fetch(path)).status, 404, path);
  }
});

test('the sample pictures are there', async () => {
  await using service = await withPage();
  const response = await service.fetch('/ui/samples/6.jpg');
  assert.equal(response.headers.get('content-type'), 'image/jpeg');
  assert.ok((await response.arrayBuffer()).byteLength > 100_000);
});

test('a page that could not be built is said so', async () => {
  await using service = await WebService.start({
    recognise: false,
    page: { files: Promise.resolve(undefined) },
  });
  assert.equal((await service.fetch('/ui/')).status, 503);
});

test('no key is asked for: the page asks its user for one', async () => {
  await using service = await WebService.start({
    recognise: false,
    page: { files: Promise.resolve(files) },
    flags: { 'api-keys': 'a-key' },
  });
  assert.equal((await service.fetch('/ui/')).status, 200);
  assert.equal((await service.fetch('/ui/assets/main-1.js')).status, 200);
  assert.equal((await service.fetch('/version')).status, 401);
});
