import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { samplePictures } from '../support/face-pictures.ts';
import { freePort } from '../support/free-port.ts';
import { PrivateSystemd } from './private-systemd.ts';

/** The units under a real systemd, hardening and all, on the sources of this repository. */
let machine: PrivateSystemd;
let url: string;

before(async () => {
  machine = await PrivateSystemd.boot();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  await machine.write('/etc/facefleet/facefleet.env', `FACEFLEET_PORT=${port}\n`);
  // A minute of patience is right for a service and long for a test.
  await machine.write(
    '/etc/systemd/system/facefleet-broker.service.d/test.conf',
    '[Service]\nWatchdogSec=3\n',
  );
});
after(() => machine[Symbol.asyncDispose]());

test('installed as one service it recognises faces, and logs JSON lines to the journal', async () => {
  await installed();
  assert.equal(await machine.property('facefleet.service', 'StatusText'), `serving ${url}`);
  assert.match(await recognise(), /^\w+:unknown$/);
  const { stdout } = await machine.run('journalctl', '-u', 'facefleet', '-o', 'cat', '-t', 'facefleet');
  const lines = stdout.trim().split('\n');
  assert.ok(lines.length > 3);
  for (const line of lines) JSON.parse(line);
});

test('installing it again changes nothing, and its status says how it fares', async () => {
  const again = await machine.facefleet('systemd', 'install');
  assert.equal(again.stdout, 'nothing to do\n');
  const { code, stdout } = await machine.facefleet('systemd', 'status', '--json');
  assert.equal(code, 0);
  const [unit] = JSON.parse(stdout) as { unit: string; restarts: number; pid: number }[];
  assert.equal(unit?.unit, 'facefleet.service');
  assert.equal(unit?.restarts, 0);
});

test('stopped, it leaves nothing behind', async () => {
  await machine.run('systemctl', 'stop', 'facefleet');
  assert.equal(await machine.property('facefleet.service', 'Result'), 'success');
  const { stdout } = await machine.run('pgrep', '-u', 'facefleet');
  assert.equal(stdout, '');
});

test('tier by tier it takes the place of the one, and recognises the same', async () => {
  await installed('broker', 'controller', 'web');
  assert.notEqual(await machine.property('facefleet.service', 'UnitFileState'), 'enabled');
  assert.match(await recognise(), /^\w+:unknown$/);
});

test('a tier that hangs is killed by the watchdog and started again; the others go on', async () => {
  const broker = 'facefleet-broker.service';
  const pid = await machine.property(broker, 'MainPID');
  await machine.run('kill', '-STOP', pid);
  const isRestarted = async () =>
    (await machine.property(broker, 'NRestarts')) === '1' &&
    (await machine.property(broker, 'ActiveState')) === 'active';
  await eventually('another broker', isRestarted, 60);
  assert.notEqual(await machine.property(broker, 'MainPID'), pid);
  assert.match(await recognise(), /^\w+:unknown$/);
});

test('a controller that is restarted leaves the workers alone', async () => {
  const workers = async () => (await machine.run('pgrep', '-f', 'facefleet.js worker')).stdout;
  assert.match(await recognise(), /^\w+:unknown$/);
  const before = await workers();
  assert.notEqual(before, '');
  await machine.run('systemctl', 'restart', 'facefleet-controller');
  assert.equal(await workers(), before);
});

test('what only a person can mend is said, and not tried again', async () => {
  const web = 'facefleet-web.service';
  await machine.write(`/etc/systemd/system/${web}.d/test.conf`, '[Service]\nEnvironment=FACEFLEET_TYPO=1\n');
  await machine.run('systemctl', 'daemon-reload');
  await machine.run('systemctl', 'restart', web);
  await eventually('it has given up', async () => (await machine.property(web, 'ActiveState')) === 'failed');
  assert.equal(await machine.property(web, 'ExecMainStatus'), '78');
  assert.equal(await machine.property(web, 'NRestarts'), '0');
  const { stdout } = await machine.run('journalctl', '-u', web, '-o', 'cat', '-n', '20');
  assert.match(stdout, /FACEFLEET_TYPO/);
});

/** How the worker's unit answers to each exit code, with a shell in its place. */
for (const { code, restarted, poweredOff } of [
  { code: 0, restarted: false, poweredOff: false },
  { code: 75, restarted: true, poweredOff: false },
  { code: 76, restarted: false, poweredOff: true },
  { code: 78, restarted: false, poweredOff: true },
]) {
  const what = restarted ? 'is started again' : poweredOff ? 'powers its machine off' : 'stays down';
  test(`a worker on EC2 that ends with ${code} ${what}`, async () => {
    const worker = 'facefleet-worker.service';
    await machine.run('systemctl', 'stop', worker, 'poweroff.target');
    await machine.facefleet('systemd', 'install', 'worker', '--power-off', '--no-start');
    const stand = `[Service]\nExecStart=\nExecStart=/bin/sh -c 'systemd-notify --ready; sleep 0.2; exit ${code}'\nRestartSec=60\n`;
    await machine.write(`/etc/systemd/system/${worker}.d/stand-in.conf`, stand);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', worker);
    const sub = await eventually('it has ended', async () => {
      const state = await machine.property(worker, 'SubState');
      return ['dead', 'failed', 'auto-restart'].includes(state) && state;
    });
    assert.equal(sub === 'auto-restart', restarted);
    if (poweredOff) {
      await eventually('the machine is told to go', () => isPoweringOff());
    } else {
      assert.equal(await isPoweringOff(), false);
    }
    // Should the controller never end it.
    const timer = 'facefleet-power-off.timer';
    assert.equal((await machine.property(timer, 'ActiveState')) === 'active', code === 0);
    await machine.run('systemctl', 'stop', timer);
  });
}

/** STS's answer, by a program with the CLI's name: the real one is not at hand. It shows what it was called with. */
const STAND_IN_CLI = `#!/bin/sh
[ "$1 $2" = "sts assume-role" ] || exit 3
case "$*" in *"--role-arn arn:aws:iam::123456789012:role/web"*) ;; *) exit 4 ;; esac
echo '{"Version": 1, "AccessKeyId": "AKIDWEB", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}'
`;

test('on EC2 the web tier gets its role from a unit of its own, and nobody else reads it', async () => {
  const credentials = '/run/facefleet-web-role/credentials.json';
  const ec2 = '/opt/facefleet/deploy/systemd/ec2';
  await machine.write('/etc/facefleet/facefleet.env', 'AWS_REGION=us-east-1\n');
  await machine.write('/etc/facefleet/web-role.env', 'WEB_ROLE_ARN=arn:aws:iam::123456789012:role/web\n');
  await machine.write('/var/cli/aws', STAND_IN_CLI);
  await machine.run('chmod', '755', '/var/cli/aws');
  await machine.write(
    '/etc/systemd/system/facefleet-web-role.service.d/test.conf',
    '[Service]\nEnvironment=PATH=/var/cli:/usr/bin:/bin\n',
  );
  await machine.run('systemd-sysusers', `${ec2}/facefleet-web.sysusers.conf`);
  for (const unit of ['service', 'timer']) {
    await machine.run('cp', `${ec2}/facefleet-web-role.${unit}`, '/etc/systemd/system/');
  }
  await machine.run('systemctl', 'daemon-reload');
  const { code, stderr } = await machine.run('systemctl', 'start', 'facefleet-web-role.service');
  const log = code === 0 ? '' : (await machine.run('journalctl', '-n', '20', '-o', 'cat')).stdout;
  assert.equal(code, 0, stderr + log);
  const readBy = (user: string) =>
    machine.run('setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', 'cat', credentials);
  assert.equal(JSON.parse((await readBy('facefleet-web')).stdout).AccessKeyId, 'AKIDWEB');
  assert.notEqual((await readBy('facefleet')).code, 0);
  await machine.run('rm', credentials);
  await machine.run('systemctl', 'start', 'facefleet-web-role.timer');
  const isThere = async () => (await machine.run('test', '-e', credentials)).code === 0;
  await eventually('the timer brings them anew', isThere);
  await machine.run('systemctl', 'stop', 'facefleet-web-role.timer', 'facefleet-web-role.service');
  await machine.run(
    'rm',
    '/etc/systemd/system/facefleet-web-role.service',
    '/etc/systemd/system/facefleet-web-role.timer',
  );
  await machine.run('systemctl', 'daemon-reload');
});

test('uninstalled, nothing but settings and data is left', async () => {
  assert.equal((await machine.facefleet('systemd', 'uninstall')).code, 0);
  const { stdout } = await machine.run('systemctl', 'list-unit-files', 'facefleet*', '--no-legend');
  assert.equal(stdout, '');
  assert.equal((await machine.run('test', '-e', '/etc/facefleet/facefleet.env')).code, 0);
  assert.equal((await machine.run('test', '-d', '/var/lib/facefleet/models')).code, 0);
});

async function isPoweringOff(): Promise<boolean> {
  return (await machine.property('poweroff.target', 'ActiveState')) === 'active';
}

async function installed(...units: string[]): Promise<void> {
  const { code, stderr } = await machine.facefleet('systemd', 'install', ...units);
  const log = code === 0 ? '' : (await machine.run('journalctl', '-n', '60', '-o', 'cat')).stdout;
  assert.equal(code, 0, stderr + log);
}

async function recognise(): Promise<string> {
  const form = new FormData();
  form.set('inputFile', new Blob([readFileSync(samplePictures[0]!)]), 'sample.jpg');
  const response = await fetch(`${url}/`, {
    method: 'POST',
    body: form,
    signal: AbortSignal.timeout(60_000),
  });
  return response.text();
}
