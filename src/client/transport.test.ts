import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FacefleetClient, FacefleetConnectionError } from './index.ts';
import { eventsOf, linesOf } from './streams.ts';

type Call = { readonly url: string; readonly method: string; readonly headers: Headers };
type Reply = Error | (() => Response);

/** A service that gives these answers, one after the other, and the last one for ever. */
function scripted(...replies: Reply[]) {
  const calls: Call[] = [];
  const answer: typeof fetch = async (input, init) => {
    init?.signal?.throwIfAborted();
    const call = { url: String(input), method: init?.method ?? 'GET', headers: new Headers(init?.headers) };
    const reply = replies[Math.min(calls.length, replies.length - 1)]!;
    calls.push(call);
    if (reply instanceof Error) throw reply;
    return reply();
  };
  const retries = { firstPauseSeconds: 0.001 };
  const client = new FacefleetClient({ url: 'http://127.0.0.1:1/base/', fetch: answer, retries });
  return { client, calls };
}

const busy =
  (retryAfter: string, status = 503) =>
  () =>
    new Response('{}', { status, headers: { 'retry-after': retryAfter } });
const json = (value: unknown) => () => Response.json(value);
const text = (value: string) => () => new Response(value);
const healthy = json({ status: 'ok' });
const picture = new Uint8Array([1]);
const done = { status: 'done', jobId: 'j', faces: [] };

test('busy answers are waited out, and a path before ours is kept', async () => {
  const { client, calls } = scripted(busy('0'), busy('0', 429), new TypeError('fetch failed'), healthy);
  assert.deepEqual(await client.getHealth(), { status: 'ok' });
  assert.equal(calls.length, 4);
  assert.equal(calls[0]?.url, 'http://127.0.0.1:1/base/healthz');
});

test('tries are bounded, and so are the pauses that a service may ask for', async () => {
  const endless = scripted(busy('0'));
  await assert.rejects(endless.client.getHealth(), { status: 503 });
  assert.equal(endless.calls.length, 5);
  const long = scripted(busy('61'));
  await assert.rejects(long.client.getHealth(), { status: 503, retryAfterSeconds: 61 });
  assert.equal(long.calls.length, 1);
  const gone = scripted(new TypeError('fetch failed'));
  await assert.rejects(gone.client.getHealth(), FacefleetConnectionError);
  assert.equal(gone.calls.length, 5);
});

test('every try of a picture has the same key, yours if you give one', async () => {
  const { client, calls } = scripted(busy('0'), json(done));
  await client.recognise(picture);
  const keys = calls.map(({ headers }) => headers.get('idempotency-key'));
  assert.equal(keys.length, 2);
  assert.ok(keys[0]);
  assert.equal(keys[0], keys[1]);
  const own = scripted(json(done));
  await own.client.recognise(picture, { idempotencyKey: 'mine' });
  assert.equal(own.calls[0]?.headers.get('idempotency-key'), 'mine');
});

test('what may not be done twice is sent again only when nothing was done', async () => {
  const order = { name: 'kiosk', scopes: ['recognise'] } as const;
  const unsure = scripted(busy('0'), json({}));
  await assert.rejects(unsure.client.createKey(order), { status: 503 });
  assert.equal(unsure.calls.length, 1);
  const refused = scripted(busy('0', 429), json({}));
  await refused.client.createKey(order);
  assert.equal(refused.calls.length, 2);
  const fault = scripted(() => new Response('', { status: 500 }));
  await assert.rejects(fault.client.getHealth(), { status: 500 });
  assert.equal(fault.calls.length, 1);
});

test('a signal ends a call while it pauses', async () => {
  const { client } = scripted(busy('30'));
  await assert.rejects(client.getHealth({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
  const waiting = scripted(() => Response.json({ status: 'pending', jobId: 'j' }, { status: 202 }));
  const signal = AbortSignal.timeout(20);
  await assert.rejects(waiting.client.waitForJob('j', { signal }), { name: 'TimeoutError' });
});

test('an id cannot lead to another address', async () => {
  const { client, calls } = scripted(json({}));
  await client.getPerson('a/../b?c#d');
  assert.equal(calls[0]?.url, 'http://127.0.0.1:1/base/v1/people/a%2F..%2Fb%3Fc%23d');
  for (const wrong of ['', '.', '..']) await assert.rejects(client.getPerson(wrong), TypeError);
  assert.throws(() => new FacefleetClient({ url: 'file:///etc/passwd' }), TypeError);
});

test('events go on where the connection broke off, until there are no more', async () => {
  const first =
    'id: 1\nevent: queued\ndata: {"jobId":"j","submittedAt":1}\n\n: still here\n\nid: 2\nevent: sta';
  const second = `id: 5\nevent: done\ndata: ${JSON.stringify(done)}\n\n`;
  const { client, calls } = scripted(text(first), text(second));
  const types: string[] = [];
  for await (const { type } of client.followJob('j')) types.push(type);
  assert.deepEqual(types, ['queued', 'done']);
  assert.deepEqual(
    calls.map(({ headers }) => headers.get('last-event-id')),
    [null, '1'],
  );
});

test('lines go on after the last whole one', async () => {
  const line = (index: number) => `${JSON.stringify({ index, jobId: 'j', status: 'gone' })}\n`;
  const breaking = () => {
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ > 0) controller.error(new Error('cut off'));
        else controller.enqueue(new TextEncoder().encode(`${line(0)}\n${line(1).slice(0, 9)}`));
      },
    });
    return new Response(body);
  };
  const { client, calls } = scripted(json({ total: 3 }), breaking, text(line(1) + line(2)));
  const indices: number[] = [];
  for await (const { index } of client.getBatchResults('b', { follow: true })) indices.push(index);
  assert.deepEqual(indices, [0, 1, 2]);
  assert.deepEqual(
    calls.map(({ url }) => new URL(url).search),
    ['', '?offset=0&follow=true', '?offset=1&follow=true'],
  );
});

test('streams are read the same however they are cut', async () => {
  const stream = 'event: a\ndata: 1\ndata: é2\nid: 7\n\ndata:3\r\n\r\n: c\n\nevent: cut\n';
  const bytes = new TextEncoder().encode(stream);
  for (let size = 1; size < bytes.length; size++) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.slice(at * size, (at + 1) * size),
    );
    const events = await all(eventsOf(ReadableStream.from(pieces)));
    assert.deepEqual(events, [
      { type: 'a', data: '1\né2', lastId: '7' },
      { type: 'message', data: '3', lastId: '7' },
    ]);
    assert.equal((await all(linesOf(ReadableStream.from(pieces)))).length, 10);
  }
});

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of values) seen.push(value);
  return seen;
}
