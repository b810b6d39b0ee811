import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { ProcessInstances } from '../../../test/support/process-instances.ts';
import { type ProcessTable, systemProcessTable } from './process-table.ts';
import { openWorkerLog } from './worker-log.ts';

const REQUEST = { slot: 1, generation: 1, token: 'token' };

describe('ProcessFleet', () => {
  let instances: ProcessInstances;
  beforeEach(() => {
    instances = new ProcessInstances();
  });
  afterEach(() => instances[Symbol.asyncDispose]());

  const pidOf = async (id: string) => {
    const [pid] = await eventually(`${id} to start`, async () => {
      const pids = await instances.pids(id);
      return pids.length > 0 && pids;
    });
    assert.ok(pid !== undefined);
    return pid;
  };

  /** Runs a controller process that launches, until the moment it is to die. */
  const launcherThat = async (death: string): Promise<ChildProcess> => {
    const script = join(import.meta.dirname, '../../../test/support/dying-launcher.ts');
    const args = [script, death, JSON.stringify({ folder: instances.folder, launch: instances.launch })];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL');
    return child;
  };

  it('tells an instance who it is, in nothing but the environment it was given', async () => {
    const launch = { ...instances.launch, environment: { OTHER: 'kept', LEFT_OUT: undefined } };
    const { id } = await instances.fleet({ launch }).launch({ slot: 12, generation: 34, token: 'token' });
    const pid = await pidOf(id);
    assert.match(await instances.log(12), new RegExp(`started ${id} 12 34`));
    if (process.platform === 'linux') {
      const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter(Boolean);
      const names = environment
        .map((line) => line.split('=')[0])
        .filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name ?? ''));
      assert.deepEqual(names.sort(), [
        'FACEFLEET_INSTANCE_GENERATION',
        'FACEFLEET_INSTANCE_ID',
        'FACEFLEET_INSTANCE_SLOT',
        'OTHER',
      ]);
    }
  });

  it('appends to the log of the slot, and moves one aside that has grown large', async () => {
    const path = join(instances.folder, 'logs', 'worker-1.log');
    await (await openWorkerLog(path)).close();
    await writeFile(path, 'from before\n');
    await (await openWorkerLog(path, 100)).close();
    assert.equal(await readFile(path, 'utf8'), 'from before\n');
    await writeFile(path, 'x'.repeat(101));
    await (await openWorkerLog(path, 100)).close();
    assert.equal((await stat(path)).size, 0);
    assert.equal((await stat(`${path}.1`)).size, 101);
  });

  it('knows how a process ended that was killed before it was claimed', async () => {
    const processTable: ProcessTable = {
      startMarks: async (pids) => {
        const living = async () => (await systemProcessTable.startMarks(pids)).keys().toArray();
        for (const pid of await living()) process.kill(pid, 'SIGKILL');
        await eventually('it is gone', async () => (await living()).length === 0);
        return new Map();
      },
    };
    const fleet = instances.fleet({ processTable });
    const { id, state } = await fleet.launch(REQUEST);
    assert.equal(state, 'terminated');
    const [listed] = await fleet.list();
    assert.deepEqual([listed?.id, listed?.stateReason, listed?.endedBy], [id, 'ended by SIGKILL', 'others']);
  });

  it('finds the instances of a controller that was killed', async () => {
    await launcherThat('after launching');
    const [found, ...others] = await instances.fleet().list();
    assert.deepEqual(others, []);
    assert.equal(found?.state, 'running');
    const pid = await pidOf(found?.id ?? '');
    const again = await instances.fleet().launch(REQUEST);
    assert.equal(again.id, found?.id);
    assert.deepEqual(await instances.pids(), [pid]);
  });

  it('leaves no process behind when its controller is killed before the launch was claimed', async () => {
    await launcherThat('before the claim');
    const fleet = instances.fleet();
    assert.deepEqual(await fleet.list(), []);
    const { id } = await fleet.launch(REQUEST);
    const pid = await pidOf(id);
    // The gate of the first launch saw the claim of the second, which is not its own.
    assert.deepEqual(await instances.pids(), [pid]);
  });

  it('has launched when its controller is killed once the launch was claimed', async () => {
    await launcherThat('after the claim');
    const fleet = instances.fleet();
    const [found] = await fleet.list();
    const pid = await pidOf(found?.id ?? '');
    assert.equal((await fleet.launch(REQUEST)).id, found?.id);
    assert.deepEqual(await instances.pids(), [pid]);
  });

  it('does not take another process for an instance because it has its pid', async () => {
    const fleet = instances.fleet();
    const { id } = await fleet.launch(REQUEST);
    const pid = await pidOf(id);
    const claim = join(instances.folder, 'fleet', 'test', id, 'run-1');
    const text = await readFile(claim, 'utf8');
    await writeFile(claim, text.replace(/"startMark":"[^"]*"/, '"startMark":"of an earlier process"'));
    const later = instances.fleet();
    assert.equal((await later.list())[0]?.state, 'terminated');
    await later.terminate(id);
    assert.deepEqual(await instances.pids(), [pid]);
    process.kill(pid, 'SIGKILL');
  });

  it('does not take a claim that was cut off by a power failure for an instance', async () => {
    const fleet = instances.fleet();
    const { id } = await fleet.launch(REQUEST);
    await instances.crash(id);
    await eventually('its end', async () => (await instances.pids()).length === 0);
    await writeFile(join(instances.folder, 'fleet', 'test', id, 'run-1'), '');
    assert.deepEqual(await instances.fleet().list(), []);
  });

  it('ends an instance whose controller died between the asking and the killing signal', async () => {
    const clock = new FakeClock(Date.now());
    const slow = instances.fleet({ clock, graceSeconds: 3600 });
    const { id } = await slow.launch(REQUEST);
    await pidOf(id);
    await slow.terminate(id);
    assert.equal((await slow.list())[0]?.state, 'stopping');
    await clock.advance(3_601_000);
    await slow.list();
    await eventually('its end', async () => (await slow.list())[0]?.state === 'terminated');
  });

  it('asks only once', async () => {
    const fleet = instances.fleet({ graceSeconds: 3600 });
    const { id } = await fleet.launch(REQUEST);
    const pid = await pidOf(id);
    await Promise.all([fleet.terminate(id), fleet.terminate(id), instances.fleet().terminate(id)]);
    await eventually('the signal', async () => (await instances.log(1)).includes('asked to end'));
    await fleet.terminate(id);
    process.kill(pid, 'SIGKILL');
    assert.equal((await instances.log(1)).match(/asked to end/g)?.length, 1);
  });

  it('says how its own children ended, and whose doing it was', async () => {
    const ways: [script: string, reason: string, endedBy: string][] = [
      ['process.exit(7)', 'exit code 7', 'itself'],
      ['process.abort()', 'ended by SIGABRT', 'itself'],
      ["process.kill(process.pid, 'SIGKILL')", 'ended by SIGKILL', 'others'],
    ];
    for (const [index, [script, reason, endedBy]] of ways.entries()) {
      const launch = { command: process.execPath, args: ['-e', script], environment: {} };
      const fleet = instances.fleet({ launch });
      const { id } = await fleet.launch({ slot: index + 1, generation: 1, token: reason });
      const look = async () =>
        (await fleet.list()).find((one) => one.id === id && one.state === 'terminated');
      const ended = await eventually('its end', look);
      assert.equal(ended.stateReason, reason);
      assert.equal(ended.endedBy, endedBy);
      assert.deepEqual(await instances.fleet().list(), await fleet.list(), 'others know it then');
    }
  });

  it('lists a command that does not exist as an instance that has ended, and logs why', async () => {
    const launch = { command: '/nowhere/to/be/found', args: [], environment: {} };
    const fleet = instances.fleet({ launch });
    await fleet.launch(REQUEST);
    await eventually('its end', async () => (await fleet.list())[0]?.state === 'terminated');
    assert.match(await instances.log(1), /\/nowhere\/to\/be\/found/);
  });

  it('forgets what ended long ago, and the remains of launches that never happened', async () => {
    const clock = new FakeClock(Date.now());
    const fleet = instances.fleet({ clock });
    const { id } = await fleet.launch(REQUEST);
    await instances.crash(id);
    await eventually('its end', async () => (await fleet.list())[0]?.state === 'terminated');
    await launcherThat('before the claim');
    await clock.advance(11 * 60_000);
    assert.deepEqual(await fleet.list(), []);
    assert.deepEqual(await readdir(join(instances.folder, 'fleet', 'test')), []);
  });

  it('keeps its registry to its owner', async () => {
    const { id } = await instances.fleet().launch(REQUEST);
    const folder = join(instances.folder, 'fleet', 'test', id);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(folder, 'run-1'))).mode & 0o777, 0o600);
    await assert.rejects(access(join(instances.folder, 'fleet', 'other')));
  });
});
