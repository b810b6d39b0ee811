import assert from 'node:assert/strict';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { leaderKey } from '../jobs/keys.ts';
import { silentLogger } from '../logger.ts';
import { announceGalleryVersion, callForChore, wakeController } from './controller-client.ts';
import type { Heartbeat, LeaderRecord } from './heartbeat.ts';
import { type ControllerDesk, type HeartbeatServer, startHeartbeatServer } from './heartbeat-server.ts';

const TOKEN = 'a token';
const BEAT: Heartbeat = {
  instanceId: 'i-1',
  slot: 1,
  generation: 1,
  pid: 1,
  state: 'running',
  busy: 0,
  done: 0,
  serviceSeconds: 0,
  concurrency: 1,
  galleryVersion: 0,
  residentBytes: 0,
  uptimeSeconds: 0,
};

class Desk implements ControllerDesk {
  isLeading = true;
  readonly beats: Heartbeat[] = [];
  readonly versions: number[] = [];
  readonly chores: string[] = [];
  wakes = 0;

  onHeartbeat(beat: Heartbeat) {
    this.beats.push(beat);
    return this.isLeading ? { order: 'run' as const, galleryVersion: 3, epoch: 2 } : undefined;
  }
  onWake() {
    this.wakes++;
    return this.isLeading;
  }
  onGalleryVersion(version: number) {
    this.versions.push(version);
    return this.isLeading;
  }
  onChore(name: string) {
    this.chores.push(name);
    return this.isLeading;
  }
  status() {
    return { isLeading: this.isLeading, workers: this.beats, galleryVersion: 3, instanceSeconds: 1.5 };
  }
}

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly token?: string;
  readonly body?: string;
}

let desk: Desk;
let server: HeartbeatServer;

beforeEach(async () => {
  desk = new Desk();
  server = await startHeartbeatServer({ desk, token: TOKEN, logger: silentLogger });
});
afterEach(() => server[Symbol.asyncDispose]());

function call({ path = '/heartbeat', method = 'POST', token = TOKEN, body = '' }: Call) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const sending = request(new URL(path, server.address), { method, headers }, (response) => {
      const chunks: string[] = [];
      response.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, text: chunks.join('') }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

describe('the heartbeat server', () => {
  it('tells how things are, also while it does not lead', async () => {
    desk.isLeading = false;
    desk.beats.push(BEAT);
    const { status, text } = await call({ path: '/status' });
    assert.equal(status, 200);
    const expected = { isLeading: false, workers: [BEAT], galleryVersion: 3, instanceSeconds: 1.5 };
    assert.deepEqual(JSON.parse(text), expected);
  });

  it('answers a heartbeat with order, gallery version and epoch', async () => {
    const { status, text } = await call({ body: JSON.stringify(BEAT) });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { order: 'run', galleryVersion: 3, epoch: 2 });
    assert.deepEqual(desk.beats, [BEAT]);
  });

  it('sends callers on when it does not lead', async () => {
    desk.isLeading = false;
    assert.equal((await call({ body: JSON.stringify(BEAT) })).status, 503);
    assert.equal((await call({ path: '/wake' })).status, 503);
    assert.equal((await call({ path: '/gallery', body: '{"version":1}' })).status, 503);
  });

  const refused: [name: string, call: Call, status: number][] = [
    ['a wrong token', { token: 'another', body: JSON.stringify(BEAT) }, 401],
    ['a token of the same length', { token: 'b token', body: JSON.stringify(BEAT) }, 401],
    ['another method', { method: 'GET' }, 405],
    ['another path', { path: '/elsewhere' }, 404],
    ['what is not JSON', { body: '{' }, 400],
    ['what is no object', { body: '7' }, 400],
    ['a heartbeat that is empty', { body: '{}' }, 400],
    ['a heartbeat in no state', { body: JSON.stringify({ ...BEAT, state: 'tired' }) }, 400],
    ['a negative number', { body: JSON.stringify({ ...BEAT, busy: -1 }) }, 400],
    ['a gallery version that is none', { path: '/gallery', body: '{"version":1.5}' }, 400],
    ['more than it wants to read', { body: JSON.stringify({ ...BEAT, more: 'x'.repeat(20_000) }) }, 400],
  ];
  for (const [name, attempt, expected] of refused) {
    it(`refuses ${name} with ${expected}`, async () => {
      assert.equal((await call(attempt)).status, expected);
      assert.deepEqual(desk.beats, []);
      assert.deepEqual(desk.versions, []);
    });
  }
});

describe('a hint', () => {
  const lead = async (state: MemoryObjectStore, { address }: HeartbeatServer, token = TOKEN) => {
    const record: LeaderRecord = {
      version: 1,
      address,
      epoch: 1,
      token,
      controllerId: 'c',
      leaseUntil: Date.now() + 15_000,
    };
    await state.put(leaderKey, Buffer.from(JSON.stringify(record)));
  };

  it('reaches the leader', async () => {
    const state = new MemoryObjectStore();
    await lead(state, server);
    assert.ok(await wakeController(state));
    assert.equal(desk.wakes, 1);
    assert.ok(await announceGalleryVersion(state, 12));
    assert.deepEqual(desk.versions, [12]);
    assert.ok(await callForChore(state, 'webhooks'));
    assert.ok(
      await callForChore(state, 'webhooks'),
      'each is told: what was listed a moment ago had not this',
    );
    assert.deepEqual(desk.chores, ['webhooks', 'webhooks']);
    const looks = state.calls.filter(({ operation }) => operation === 'get');
    assert.equal(looks.length, 1, 'who leads is looked up once');
  });

  it('is heard beside another one, with one look who leads', async () => {
    const state = new MemoryObjectStore();
    await lead(state, server);
    assert.deepEqual(await Promise.all([wakeController(state), callForChore(state, 'batches')]), [
      true,
      true,
    ]);
    assert.deepEqual(desk.chores, ['batches']);
    assert.equal(state.calls.filter(({ operation }) => operation === 'get').length, 1);
  });

  it('that comes at once after another is left out', async () => {
    const state = new MemoryObjectStore();
    await lead(state, server);
    await Promise.all(Array.from({ length: 50 }, () => wakeController(state)));
    assert.equal(desk.wakes, 1);
  });

  it('is not heard, and no failure, without a controller', async () => {
    assert.equal(await wakeController(new MemoryObjectStore()), false);
    const state = new MemoryObjectStore();
    await lead(state, { ...server, address: 'http://127.0.0.1:1' });
    assert.equal(await announceGalleryVersion(state, 1), false);
    const broken = new MemoryObjectStore();
    broken.failNext('get', new Error('out of order'));
    assert.equal(await announceGalleryVersion(broken, 1), false);
    const odd = new MemoryObjectStore();
    await odd.put(leaderKey, Buffer.from('{}'));
    assert.equal(await announceGalleryVersion(odd, 1), false);
  });

  it('finds the next leader', async () => {
    const state = new MemoryObjectStore();
    await lead(state, { ...server, address: 'http://127.0.0.1:1' });
    await announceGalleryVersion(state, 1);
    await lead(state, server);
    // Looking up is paced, so that a hint costs next to nothing while there is no controller.
    await eventually('the hint is heard', () => announceGalleryVersion(state, 2));
    assert.deepEqual(desk.versions, [2]);
  });
});
