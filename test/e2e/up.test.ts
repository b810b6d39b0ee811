import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { enrolSitters, inParallel, picturesOf, post } from '../prove/check.ts';
import { samplePictures } from '../support/face-pictures.ts';
import { eventually, processesOf, runCommand, Service, temporaryFolder } from '../support/service.ts';

const picture = readFileSync(samplePictures[0]!);
let dataDir: string;

beforeEach(() => {
  dataDir = temporaryFolder();
});
afterEach(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));

test('the first signal answers those who wait, ends the workers, and leaves nothing behind', async () => {
  const service = await Service.start({ dataDir });
  const waiting = inParallel(Array.from({ length: 4 }), 4, () => post(service.url, picture));
  await eventually('a worker has the pictures', () => service.workers().length > 0);
  const code = await service.stop();
  assert.equal(code, 0);
  assert.deepEqual(new Set((await waiting).map(({ status }) => status)), new Set([200]));
  assert.deepEqual(processesOf(dataDir), []);
});

test('a killed supervisor leaves nothing behind, and the next one carries on with what was queued', async () => {
  const service = await Service.start({ dataDir, flags: ['--min-workers', '1'] });
  await eventually('a worker runs', () => service.workers().length === 1);
  // Nobody polls while the worker stands still, so the job is accepted and waits.
  const [worker] = service.workers();
  process.kill(worker!, 'SIGSTOP');
  const accepted = await post(service.url, picture, {
    path: '/v1/recognitions',
    headers: { Prefer: 'respond-async' },
  });
  assert.equal(accepted.status, 202);
  await service.kill();
  process.kill(worker!, 'SIGCONT');
  await eventually('nothing is left', () => processesOf(dataDir).length === 0, 15);

  await using next = await Service.start({ dataDir });
  const job = new URL(accepted.headers.get('Location')!, next.url).pathname;
  await eventually('the queued job is done', async () => {
    const answer = (await (await fetch(next.url + job)).json()) as { status: string };
    return answer.status === 'done';
  });
});

test('a data folder in use and a port that is taken are said in one line each', async () => {
  await using service = await Service.start({ dataDir });
  const second = await runCommand(['up', '--data-dir', dataDir, '--port', '0', '--log-level', 'silent']);
  assert.equal(second.code, 1);
  assert.ok(second.stderr.includes(dataDir), second.stderr);

  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const port = String((taken.address() as AddressInfo).port);
  const other = temporaryFolder();
  const third = await runCommand(['up', '--data-dir', other, '--port', port, '--log-level', 'silent']);
  taken.close();
  await rm(other, { recursive: true, force: true });
  assert.equal(third.code, 1);
  assert.ok(third.stderr.includes(port), third.stderr);
  assert.equal((await fetch(`${service.url}/healthz`)).status, 200, 'the first one is unharmed');
});

test('commands that know only the data folder find a service with the course’s names', async () => {
  await using service = await Service.start({
    dataDir,
    flags: ['--dialect', 'course', '--prefix', '1234567890'],
  });
  const [sitter] = await enrolSitters(service);
  const [asked] = await picturesOf([sitter!], { count: 1, seed: 3, sidePx: 200 });
  const answer = await post(service.url, asked!.bytes, { fileName: 'test_00.jpg' });
  assert.equal(answer.text, `test_00:${sitter!.name}`);
  const { stdout } = await service.command('config', '--json');
  const dialect = (JSON.parse(stdout) as { name: string; value: unknown; source: string }[]).find(
    ({ name }) => name === 'dialect',
  );
  assert.deepEqual([dialect?.value, dialect?.source], ['course', 'service']);
});

test('npm start ends with the npm that runs it', async () => {
  const npm = spawn('npm', ['start', '--', '--json', '--port', '0', '--data-dir', dataDir], {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  try {
    await eventually('it runs', () => output.includes('"tiers"'), 60);
    npm.kill('SIGTERM');
    await eventually('nothing is left', () => processesOf(dataDir).length === 0, 60);
  } finally {
    for (const pid of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
  }
});
