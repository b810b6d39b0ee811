import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { silentLogger } from '../../src/logger.ts';
import { emptyFleetState, emptySlot, FleetStateStore } from '../../src/scaling/fleet-state.ts';
import { Releasers } from '../../src/shutdown.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'facefleet.js');

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `facefleet fleet …` as an operator calls it. */
function facefleetFleet(dataDir: string, ...words: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const args = [LAUNCHER, 'fleet', ...words, '--data-dir', dataDir];
    execFile(process.execPath, args, { cwd: dataDir }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A data folder without a controller, whose books have one worker, a brake and costs. */
async function withBooks() {
  const releasers = new Releasers();
  const dataDir = releasers.use('folder', temporaryFolder()).path;
  releasers.use('broker', await startBroker({ dataDir, logger: silentLogger }));
  const flags = { 'data-dir': dataDir, 'log-level': 'silent' };
  const loaded = loadConfig({ flags, environment: {}, dotenvFolder: false });
  const deployment = releasers.use('deployment', await connect(loaded, { component: 'test' }));
  const store = new FleetStateStore(deployment.state);
  const at = Date.now();
  const window = { start: at - (at % 3_600_000), instanceSeconds: 120 };
  await store.save(
    {
      ...emptyFleetState(),
      epoch: 3,
      brakes: [{ kind: 'cost', since: at - 5000, reason: '120 of 150 are spent' }],
      spending: { at, hour: window, day: { ...window, start: at - (at % 86_400_000) } },
      caps: { perHour: 150, perDay: null },
      slots: [{ ...emptySlot(2), generation: 4, phase: 'running', since: at, instanceId: 'i-42' }],
    },
    undefined,
  );
  return { dataDir, store, [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose]() };
}

test('an operator sees what holds launches back and what the fleet costs', async () => {
  await using place = await withBooks();
  const shown = await facefleetFleet(place.dataDir);
  assert.equal(shown.code, 0);
  assert.match(shown.stdout, /held back \(cost, since .*\): 120 of 150 are spent/);
  assert.match(shown.stdout, /12\d of 150 instance-seconds this hour, 12\d this day/);
  assert.match(shown.stdout, /^2 +4 +running .* i-42/m);
  const report = JSON.parse((await facefleetFleet(place.dataDir, '--json')).stdout);
  assert.equal(report.brakes[0].kind, 'cost');
  assert.equal(report.spending.hour.cap, 150);
  assert.equal(report.spending.day.cap, null);
});

test('an operator pauses, resumes and drains while no controller lives', async () => {
  await using place = await withBooks();
  const { dataDir, store } = place;
  assert.equal((await facefleetFleet(dataDir, 'pause')).code, 0);
  assert.notEqual((await store.load()).state.pausedAt, null);
  assert.match((await facefleetFleet(dataDir)).stdout, /paused since/);
  const again = await facefleetFleet(dataDir, 'pause', '--json');
  assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, { paused: true, outcome: 'already' }]);
  assert.equal((await facefleetFleet(dataDir, 'resume')).code, 0);
  assert.equal((await store.load()).state.pausedAt, null);

  const drained = await facefleetFleet(dataDir, 'drain', '2', '--json');
  assert.equal(drained.code, 0);
  assert.equal(JSON.parse(drained.stdout).instanceId, 'i-42');
  assert.equal((await store.load()).state.slots[0]?.mustDrain, true);
  const empty = await facefleetFleet(dataDir, 'drain', '7');
  assert.deepEqual([empty.code, empty.stdout], [1, '']);
  assert.match(empty.stderr, /slot 7/);
  assert.equal((await facefleetFleet(dataDir, 'drain', 'two')).code, 2);
  assert.equal((await facefleetFleet(dataDir, 'drain')).code, 2);
});
