import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts';
import { childEnvironment, notifyEnvironment } from '../config.ts';
import { silentLogger } from '../logger.ts';
import { Notifier } from './notifier.ts';

test('tells that it is ready, then beats several times in the watchdog time', async () => {
  await using folder = temporaryFolder();
  const systemd = fakeSystemd(folder);
  using notifier = notify(systemd.command, { socket: '/run/systemd/notify', watchdogMs: 150 });
  notifier.ready('serving\nhttp://127.0.0.1:3001');
  await eventually(
    'three beats',
    () => systemd.messages().filter((line) => line.includes('WATCHDOG=1')).length >= 3,
  );
  assert.equal(systemd.messages()[0], '/run/systemd/notify READY=1 STATUS=serving http://127.0.0.1:3001');
});

test('before it is ready and after its end nothing is told', async () => {
  await using folder = temporaryFolder();
  const systemd = fakeSystemd(folder);
  const notifier = notify(systemd.command, { socket: '/run/systemd/notify', watchdogMs: 5 });
  notifier.stopping();
  await eventually('the end is told', () => systemd.messages().length > 0);
  notifier[Symbol.dispose]();
  notifier.ready('too late');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(systemd.messages(), ['/run/systemd/notify STOPPING=1']);
});

test('without systemd nobody is called', async () => {
  await using folder = temporaryFolder();
  const systemd = fakeSystemd(folder);
  using notifier = notify(systemd.command, { socket: undefined, watchdogMs: 5 });
  notifier.ready('serving');
  notifier.stopping();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(systemd.messages(), []);
});

test('a system without systemd-notify is warned of, not died of', async () => {
  await using folder = temporaryFolder();
  const warned = Promise.withResolvers<object>();
  const logger = Object.assign(Object.create(silentLogger), { warn: warned.resolve });
  const command = join(folder.path, 'missing');
  using notifier = new Notifier({ environment: { socket: '/s', watchdogMs: undefined }, logger, command });
  notifier.ready('serving');
  assert.ok('error' in (await warned.promise));
});

test('a watchdog that is meant for another process is not ours', () => {
  const given = { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '60000000' };
  assert.deepEqual(notifyEnvironment({ ...given, WATCHDOG_PID: String(process.pid) }), {
    socket: '/s',
    watchdogMs: 60_000,
  });
  assert.equal(notifyEnvironment({ ...given, WATCHDOG_PID: '1' }).watchdogMs, undefined);
  assert.equal(notifyEnvironment({ WATCHDOG_USEC: '60000000' }).socket, undefined);
});

test('a child does not speak in its parent’s name', () => {
  process.env.NOTIFY_SOCKET = '/s';
  try {
    assert.equal(childEnvironment({}).NOTIFY_SOCKET, undefined);
  } finally {
    delete process.env.NOTIFY_SOCKET;
  }
});

function notify(
  command: string,
  environment: { socket: string | undefined; watchdogMs: number | undefined },
) {
  return new Notifier({ environment, logger: silentLogger, command });
}

/** Stands in for `systemd-notify`: writes down whom it would tell what. */
function fakeSystemd(folder: TemporaryFolder) {
  const command = join(folder.path, 'systemd-notify');
  const journal = join(folder.path, 'journal');
  writeFileSync(command, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${journal}\n`);
  chmodSync(command, 0o755);
  const messages = () =>
    existsSync(journal)
      ? readFileSync(journal, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  return { command, messages };
}
