import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { freePort } from '../../test/support/free-port.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { MemoryFleet, MemoryMachines } from '../../test/support/memory-fleet.ts';
import { systemClock } from '../adapters/local/system-clock.ts';
import { Gallery } from '../gallery/gallery.ts';
import { leaderKey, queueNames } from '../jobs/keys.ts';
import { Releasers } from '../shutdown.ts';
import { type Controller, startController } from './controller.ts';
import { announceGalleryVersion, wakeController } from './controller-client.ts';
import { FleetStateStore } from './fleet-state.ts';
import type { Heartbeat, HeartbeatReply, LeaderRecord } from './heartbeat.ts';
import { scalingTimings } from './timings.ts';

const basis = { listingLagMs: 1000, visibilityTimeoutSeconds: 30, bootSeconds: 1 };
const PATIENT = scalingTimings({ ...basis, roundMs: 3_600_000 });
const QUICK = scalingTimings({ ...basis, roundMs: 30 });

describe('a controller', () => {
  let deployment: MemoryDeployment;
  let fleet: MemoryFleet;
  let releasers: Releasers;
  beforeEach(() => {
    deployment = new MemoryDeployment({ flags: { 'idle-seconds': '0', 'max-workers': '2' } });
    fleet = new MemoryFleet({ machines: new MemoryMachines(systemClock) });
    releasers = new Releasers();
  });
  afterEach(() => releasers[Symbol.asyncDispose]());

  const start = async (timings = QUICK): Promise<Controller> => {
    const controller = await startController({ deployment, fleet, timings });
    return releasers.use('controller', controller);
  };
  const leading = async (timings = QUICK): Promise<Controller> => {
    const controller = await start(timings);
    await eventually('it leads', () => controller.isLeading);
    return controller;
  };
  const send = () =>
    deployment.queues.open(queueNames(deployment.loaded.config.prefix).requests).send('a job');
  const record = async (): Promise<LeaderRecord> =>
    JSON.parse(String(await (await deployment.state.get(leaderKey))?.bytes()));
  const launched = () => eventually('a launch', async () => (await fleet.list())[0]);

  /** As a worker does. */
  const beat = async (parts: Partial<Heartbeat> = {}): Promise<HeartbeatReply | number> => {
    const { address, token } = await record();
    const body: Heartbeat = {
      instanceId: 'i-0001',
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
      uptimeSeconds: 1,
      ...parts,
    };
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${address}/heartbeat`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return response.ok ? ((await response.json()) as HeartbeatReply) : response.status;
  };
  const replied = (what: string, parts: Partial<Heartbeat>, isIt: (reply: HeartbeatReply) => boolean) =>
    eventually(what, async () => {
      const reply = await beat(parts);
      return typeof reply === 'object' && isIt(reply) && reply;
    });

  it('launches at once when it is woken', async () => {
    await leading(PATIENT);
    await eventually(
      'the first round',
      async () => (await deployment.state.head('controller/fleet.json')) !== undefined,
    );
    await send();
    assert.ok(await wakeController(deployment.state));
    await launched();
  });

  it('launches soon when nobody wakes it', async () => {
    await leading();
    await send();
    await launched();
  });

  it('drains an idle instance and ends it once it has drained', async () => {
    await leading();
    await send();
    const { id } = await launched();
    await beat();
    await deployment.queues.remove(queueNames(deployment.loaded.config.prefix).requests);
    await deployment.queues.ensure(queueNames(deployment.loaded.config.prefix).requests);
    await replied('an order to drain', {}, ({ order }) => order === 'drain');
    await beat({ state: 'drained' });
    await eventually('its end', async () => (await fleet.list())[0]?.state === 'terminated');
    await eventually('an empty slot', async () => {
      const { state } = await new FleetStateStore(deployment.state).load();
      return state.slots[0]?.phase === 'empty' && state.slots[0].lastEnd?.reason === 'it has drained';
    });
    assert.equal(id, 'i-0001');
  });

  it('lets a worker run on that somebody else has started', async () => {
    await leading();
    const reply = await replied('an answer', { slot: 0, generation: 0 }, () => true);
    assert.equal(reply.order, 'run');
    assert.equal(reply.epoch, 1);
  });

  it('passes on the gallery version that it finds, that it is told, and that a worker has', async () => {
    const gallery = new Gallery({ state: deployment.state, clock: systemClock });
    const face = { packId: 'fast', embedding: new Float32Array(4).fill(0.5), sizePx: 100, embeddingNorm: 1 };
    const added = await gallery.addFace({
      ...face,
      person: 'Ada',
      pictureSha256: '00',
      crop: Buffer.from('crop'),
    });
    await leading();
    await replied('the version it found', {}, ({ galleryVersion }) => galleryVersion === added.version);
    assert.ok(await announceGalleryVersion(deployment.state, 40));
    await replied('the version it was told', {}, ({ galleryVersion }) => galleryVersion === 40);
    await announceGalleryVersion(deployment.state, 39);
    await replied('no older one', { galleryVersion: 41 }, ({ galleryVersion }) => galleryVersion === 41);
  });

  it('stands by while another leads, and follows at once when that one ends', async () => {
    const first = await leading();
    const second = await start();
    await send();
    const { id } = await launched();
    assert.ok(!second.isLeading);
    await first[Symbol.asyncDispose]();
    await eventually('the second leads', () => second.isLeading);
    const reply = await replied('an answer of the second', {}, ({ epoch }) => epoch === 2);
    assert.equal(reply.order, 'run');
    assert.equal((await record()).address, second.address);
    assert.deepEqual(
      (await fleet.list()).map((one) => [one.id, one.state]),
      [[id, 'running']],
      'the instance goes on',
    );
  });

  it('follows at once when nobody listens where the leader was', async () => {
    const abandoned: LeaderRecord = {
      version: 1,
      address: 'http://127.0.0.1:1',
      epoch: 6,
      token: 'token',
      controllerId: 'one that was killed',
      leaseUntil: Date.now() + 15_000,
    };
    await deployment.state.put(leaderKey, Buffer.from(JSON.stringify(abandoned)));
    await leading();
    assert.equal((await record()).epoch, 7);
  });

  it('follows at once when it starts again on the port where the leader was', async () => {
    const place = {
      host: '127.0.0.1',
      port: await freePort(),
      advertisedHost: '127.0.0.1',
      advertisedPort: undefined,
    };
    const before: LeaderRecord = {
      version: 1,
      address: `http://127.0.0.1:${place.port}`,
      epoch: 6,
      token: 'token',
      controllerId: `${hostname()}/1/killed`,
      leaseUntil: Date.now() + 15_000,
    };
    // Its lease would be waited for as long as the test's clock stands still: for ever.
    deployment = new MemoryDeployment({ clock: new FakeClock() });
    await deployment.state.put(leaderKey, Buffer.from(JSON.stringify(before)));
    const controller = await startController({ deployment, fleet, timings: QUICK, place });
    releasers.use('controller', controller);
    await eventually('it leads', async () => (await record()).epoch === 7);
    assert.equal((await record()).address, before.address);
  });

  it('leaves a leader alone that has the same address on another machine', async () => {
    const port = await freePort();
    const place = { host: '127.0.0.1', port, advertisedHost: '127.0.0.1', advertisedPort: undefined };
    const other: LeaderRecord = {
      version: 1,
      address: `http://127.0.0.1:${port}`,
      epoch: 6,
      token: 'token',
      controllerId: `not-${hostname()}/1/alive`,
      leaseUntil: Date.now() + 15_000,
    };
    await deployment.state.put(leaderKey, Buffer.from(JSON.stringify(other)));
    const reads = () =>
      deployment.state.calls.filter(({ operation, key }) => operation === 'get' && key === leaderKey).length;
    const controller = await startController({ deployment, fleet, timings: QUICK, place });
    releasers.use('controller', controller);
    await eventually('it has looked twice', () => reads() >= 2);
    assert.equal((await record()).epoch, 6);
  });

  it('leads no more once another has taken the leadership, and sends workers there', async () => {
    const timings = { ...QUICK, renewMs: 30 };
    const controller = await leading(timings);
    const { address, token } = await record();
    const usurper = {
      ...(await record()),
      epoch: 9,
      controllerId: 'another',
      leaseUntil: Date.now() + 15_000,
    };
    await deployment.state.put(leaderKey, Buffer.from(JSON.stringify(usurper)));
    await eventually('it has seen it', () => !controller.isLeading);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${address}/wake`, { method: 'POST', headers });
    assert.equal(response.status, 503);
  });
});
