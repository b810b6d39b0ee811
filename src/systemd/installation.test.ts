import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeMachine } from '../../test/support/fake-machine.ts';
import {
  carryOut,
  checkMachine,
  type InstallRequest,
  planInstall,
  planUninstall,
  readStatus,
} from './installation.ts';
import type { UnitWord } from './units.ts';

const layout = { root: '/srv/face fleet', node: '/srv/node' };

async function install(
  machine: FakeMachine,
  units: readonly UnitWord[],
  changes: Partial<InstallRequest> = {},
) {
  const steps = await planInstall(machine, { units, layout, powerOff: false, start: true, ...changes });
  for (const step of steps) await carryOut(machine, step);
  return steps;
}

test('a fresh machine gets account, settings and a unit that names the program where it lies', async () => {
  const machine = new FakeMachine();
  await install(machine, ['up']);
  assert.match(
    machine.read('/etc/systemd/system/facefleet.service') ?? '',
    /^ExecStart=\/srv\/node \/srv\/face\\x20fleet\/bin\/facefleet\.js up --json$/m,
  );
  assert.equal(machine.modes.get('/etc/facefleet/facefleet.env'), 0o600);
  assert.deepEqual(machine.commands, [
    'systemd-sysusers /etc/sysusers.d/facefleet.conf',
    'systemctl daemon-reload',
    'systemctl enable facefleet.service',
    'systemctl start facefleet.service',
  ]);
});

test('again there is nothing to do, and what somebody wrote into the settings stays', async () => {
  const machine = new FakeMachine();
  await install(machine, ['broker', 'web']);
  await machine.write('/etc/facefleet/facefleet.env', 'FACEFLEET_PORT=8000\n', 0o600);
  assert.deepEqual(await install(machine, ['broker', 'web']), []);
});

test('a unit file that differs is replaced, and the service restarted', async () => {
  const machine = new FakeMachine();
  await install(machine, ['web']);
  machine.commands.length = 0;
  await install(machine, ['web'], { layout: { root: '/srv/newer', node: '/srv/node' } });
  assert.deepEqual(machine.commands, ['systemctl daemon-reload', 'systemctl restart facefleet-web.service']);
});

test('one unit for all takes the place of one a tier', async () => {
  const machine = new FakeMachine();
  await install(machine, ['broker', 'web']);
  machine.commands.length = 0;
  await install(machine, ['up']);
  assert.ok(machine.commands.includes('systemctl disable --now facefleet-broker.service'));
  assert.ok(machine.commands.includes('systemctl disable --now facefleet-web.service'));
});

test('a worker powers its machine off only where that was asked for', async () => {
  const path = '/etc/systemd/system/facefleet-worker.service.d/power-off.conf';
  const server = new FakeMachine();
  await install(server, ['worker']);
  assert.equal(server.read(path), undefined);
  const instance = new FakeMachine();
  await install(instance, ['worker'], { powerOff: true, start: false });
  assert.match(instance.read(path) ?? '', /poweroff/);
  assert.ok(!instance.commands.some((command) => command.startsWith('systemctl start')));
});

test('what cannot work is refused before anything is done', async () => {
  const refused: [Partial<FakeMachine>, Partial<InstallRequest>, string][] = [
    [{}, { units: ['up', 'web'] }, 'bad-request'],
    [{}, { layout: { root: '/home/ada/facefleet', node: '/srv/node' } }, 'bad-request'],
    [{ isOpenToAll: () => false }, {}, 'bad-request'],
  ];
  for (const [state, changes, code] of refused) {
    const machine = Object.assign(new FakeMachine(), state);
    await assert.rejects(install(machine, ['up'], changes), { code });
    assert.deepEqual(machine.commands, []);
  }
});

test('a machine without systemd and a user who is not root are told apart', () => {
  assert.throws(() => checkMachine(Object.assign(new FakeMachine(), { isBooted: false })), {
    code: 'unavailable',
  });
  assert.throws(() => checkMachine(Object.assign(new FakeMachine(), { isSuperuser: false })), {
    code: 'permission-denied',
  });
  assert.throws(() => checkMachine(Object.assign(new FakeMachine(), { hasProgram: () => false })), {
    code: 'unavailable',
  });
  checkMachine(new FakeMachine());
});

test('a service that does not start fails the installation, with where to look', async () => {
  const machine = new FakeMachine();
  machine.failNext = 'systemctl start facefleet.service';
  await assert.rejects(install(machine, ['up']), { code: 'unavailable' });
});

test('uninstalling leaves nothing but data and settings, and those only if they are to stay', async () => {
  const machine = new FakeMachine();
  await install(machine, ['broker', 'worker'], { powerOff: true });
  for (const step of await planUninstall(machine, { deleteData: false })) await carryOut(machine, step);
  assert.deepEqual([...machine.files.keys()].sort(), [
    '/etc/facefleet/facefleet.env',
    '/etc/sysusers.d/facefleet.conf',
  ]);
  assert.deepEqual(await planUninstall(machine, { deleteData: false }), []);
  for (const step of await planUninstall(machine, { deleteData: true })) await carryOut(machine, step);
  assert.deepEqual([...machine.files.keys()], []);
  assert.ok(machine.commands.includes('userdel facefleet'));
});

test('the status tells of each installed unit what systemd knows', async () => {
  const machine = new FakeMachine();
  await install(machine, ['web']);
  machine.properties.set('facefleet-web.service', {
    UnitFileState: 'enabled',
    ActiveState: 'failed',
    SubState: 'failed',
    Result: 'watchdog',
    NRestarts: '3',
    MemoryCurrent: '[not set]',
  });
  assert.deepEqual(await readStatus(machine), [
    {
      unit: 'facefleet-web.service',
      enabled: 'enabled',
      active: 'failed (failed)',
      status: 'ended: watchdog',
      pid: undefined,
      restarts: 3,
      memoryBytes: undefined,
    },
  ]);
});
