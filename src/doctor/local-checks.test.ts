import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeCertificate } from '../../test/support/certificates.ts';
import { runCommand } from '../../test/support/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts';
import { loadConfig } from '../config.ts';
import type { Finding } from './finding.ts';
import { checkMachine } from './local-checks.ts';

async function findings(
  folder: TemporaryFolder,
  flags: Record<string, string> = {},
): Promise<readonly Finding[]> {
  const given = { 'data-dir': join(folder.path, 'data'), 'max-workers': '1', ...flags };
  const { config } = loadConfig({ flags: given, environment: {}, dotenvFolder: false });
  return checkMachine(config, {
    modelsDir: join(config.dataDir, 'models'),
    packId: config.pack,
    now: Date.now(),
    hasAdminKey: () => Promise.resolve(false),
  });
}

async function levelOf(
  check: string,
  folder: TemporaryFolder,
  flags?: Record<string, string>,
): Promise<string[]> {
  const found = await findings(folder, flags);
  return found.filter((one) => one.check === check && one.level !== 'ok').map(({ level }) => level);
}

test('a fresh machine has nothing that fails', async () => {
  await using folder = temporaryFolder();
  assert.deepEqual(
    (await findings(folder)).filter(({ level }) => level === 'fail'),
    [],
  );
});

test('a data folder that is a file, or open to others', async () => {
  await using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), '');
  chmodSync(join(folder.path, 'file'), 0o755);
  assert.deepEqual(await levelOf('data folder', folder, { 'data-dir': join(folder.path, 'file') }), ['fail']);
  mkdirSync(join(folder.path, 'data'));
  chmodSync(join(folder.path, 'data'), 0o755);
  assert.deepEqual(await levelOf('data folder', folder), ['warn']);
});

test('a model that was damaged, and a pack that is not there', async () => {
  await using folder = temporaryFolder();
  const models = join(folder.path, 'data', 'models');
  mkdirSync(models, { recursive: true });
  writeFileSync(join(models, 'onet.onnx'), 'damaged');
  assert.deepEqual(await levelOf('models', folder), ['warn']);
  assert.deepEqual(await levelOf('models', folder, { pack: 'nobody-has-it' }), ['fail']);
});

test('more workers than memory', async () => {
  await using folder = temporaryFolder();
  assert.deepEqual(await levelOf('memory', folder, { 'max-workers': '1000' }), ['warn']);
});

test('strangers without a key, a certificate that is no pair, one that expires soon', async () => {
  await using folder = temporaryFolder();
  assert.deepEqual(await levelOf('web tier', folder, { host: '0.0.0.0' }), ['fail']);
  const flags = { 'tls-cert': join(folder.path, 'cert.pem'), 'tls-key': join(folder.path, 'key.pem') };
  const { cert, key } = makeCertificate({ until: new Date(Date.now() + 3 * 86_400_000) });
  writeFileSync(flags['tls-cert'], cert);
  writeFileSync(flags['tls-key'], makeCertificate().key);
  assert.deepEqual(await levelOf('web tier', folder, flags), ['fail']);
  writeFileSync(flags['tls-key'], key);
  assert.deepEqual(await levelOf('web tier', folder, flags), ['warn']);
});

test('the verb: settings that are wrong one by one, AWS that does not answer, exit code and JSON', async () => {
  await using folder = temporaryFolder();
  const wrong = await runCommand(['doctor', '--json'], { FACEFLEET_PORT: 'x', FACEFLEET_TYPO: '1' });
  assert.equal(wrong.code, 1);
  const problems = JSON.parse(wrong.stdout) as Finding[];
  assert.deepEqual(
    problems.map(({ check, level }) => [check, level]),
    [
      ['settings', 'fail'],
      ['settings', 'fail'],
    ],
  );

  const nobody = await runCommand(['doctor', '--on', 'aws', '--json', '--data-dir', folder.path], {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'y',
    AWS_REGION: 'us-east-1',
  });
  assert.equal(nobody.code, 1);
  const found = JSON.parse(nobody.stdout) as Finding[];
  const credentials = found.find(({ check }) => check === 'credentials');
  assert.equal(credentials?.level, 'fail');
  assert.match(`${credentials?.what}`, /127\.0\.0\.1:1/);
  assert.match(`${credentials?.next}`, /AWS_ENDPOINT_URL/);
});
