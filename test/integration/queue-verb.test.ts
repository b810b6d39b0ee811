import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { encodeDeadLetter } from '../../src/jobs/dead-letter.ts';
import { JobClient } from '../../src/jobs/job-client.ts';
import { queueNames } from '../../src/jobs/keys.ts';
import { parseMessage } from '../../src/jobs/messages.ts';
import { silentLogger } from '../../src/logger.ts';
import { Releasers } from '../../src/shutdown.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'facefleet.js');

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `facefleet queue …` as a user calls it. */
function facefleetQueue(dataDir: string, ...words: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const args = [LAUNCHER, 'queue', ...words, '--data-dir', dataDir];
    execFile(process.execPath, args, { cwd: dataDir }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A data folder whose broker has one dead letter, of a file with an evil name. */
async function withDeadLetter() {
  const releasers = new Releasers();
  const dataDir = releasers.use('folder', temporaryFolder()).path;
  releasers.use('broker', await startBroker({ dataDir, logger: silentLogger }));
  const flags = { 'data-dir': dataDir, 'log-level': 'silent' };
  const loaded = loadConfig({ flags, environment: {}, dotenvFolder: false });
  const deployment = releasers.use('deployment', await connect(loaded, { component: 'test' }));
  const { queues } = deployment;
  const client = releasers.use('client', await JobClient.open(deployment));
  const { jobId } = await client.submit({
    picture: Buffer.from('picture'),
    fileName: '\u001b[2Jevil.jpg',
    contentType: 'image/jpeg',
    task: { kind: 'recognise' },
    waitSeconds: 0,
  });
  const { requests, deadLetters } = queueNames(loaded.config.prefix);
  const receive = (name: string) =>
    queues.open(name).receive({ max: 1, waitSeconds: 5, visibilityTimeoutSeconds: 60 });
  const [message] = await receive(requests);
  assert.ok(message !== undefined);
  await queues.open(requests).delete(message.receipt);
  const letter = encodeDeadLetter({ message: message.body, reason: 'it crashes', diedAt: 0 });
  await queues.open(deadLetters).send(letter);
  return {
    dataDir,
    jobId,
    receiveRequest: async () => (await receive(requests))[0],
    [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose](),
  };
}

describe('facefleet queue', { concurrency: 3 }, () => {
  test('shows the depths of all queues, for people and programs', async () => {
    await using subject = await withDeadLetter();
    const { code, stdout } = await facefleetQueue(subject.dataDir, '--json');
    assert.equal(code, 0);
    const rows = JSON.parse(stdout) as { name: string; visible: number }[];
    const visible = Object.fromEntries(rows.map((row) => [row.name, row.visible]));
    assert.deepEqual([visible['facefleet-dead-queue'], visible['facefleet-req-queue']], [1, 0]);
    assert.match((await facefleetQueue(subject.dataDir)).stdout, /^QUEUE +VISIBLE/);
  });

  test('lists dead letters, and lets no file name steer the terminal', async () => {
    await using subject = await withDeadLetter();
    const { code, stdout } = await facefleetQueue(subject.dataDir, 'dead');
    assert.equal(code, 0);
    assert.ok(stdout.includes(subject.jobId) && stdout.includes('evil.jpg') && stdout.includes('it crashes'));
    assert.ok(!stdout.includes('\u001b'));
  });

  test('redrives one by its job id, and says when there is none', async () => {
    await using subject = await withDeadLetter();
    const { code } = await facefleetQueue(subject.dataDir, 'redrive', subject.jobId);
    assert.equal(code, 0);
    const message = parseMessage((await subject.receiveRequest())?.body ?? '');
    assert.deepEqual([message.jobId, message.redriven], [subject.jobId, true]);
    const again = await facefleetQueue(subject.dataDir, 'redrive', subject.jobId);
    assert.equal(again.code, 1);
    assert.ok(again.stderr.includes(subject.jobId));
  });

  test('called wrongly it exits with 2, without a broker with 1', async () => {
    await using folder = temporaryFolder();
    const calls = [['redrive'], ['drop', 'some-id', '--all'], ['nonsense']];
    const runs = await Promise.all(calls.map((words) => facefleetQueue(folder.path, ...words)));
    assert.deepEqual(
      runs.map(({ code }) => code),
      [2, 2, 2],
    );
    assert.equal((await facefleetQueue(folder.path)).code, 1);
  });
});
