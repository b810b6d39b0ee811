import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Config,
  type ConfigInput,
  childEnvironment,
  loadConfig,
  SETTINGS,
  writeServiceFile,
} from './config.ts';
import { FacefleetError } from './errors.ts';

const load = (input: ConfigInput) => loadConfig({ dotenvFolder: false, environment: {}, ...input });

test('flags win over the environment, that over .env, that over defaults', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facefleet-config-'));
  try {
    writeFileSync(join(folder, '.env'), 'FACEFLEET_PREFIX=from-dotenv\nPORT=8000\nFACEFLEET_MAX_WORKERS=7\n');
    const { config, sources } = load({
      flags: { prefix: 'from-flag' },
      environment: { FACEFLEET_PREFIX: 'from-environment', FACEFLEET_MAX_WORKERS: '9' },
      dotenvFolder: folder,
    });
    assert.equal(config.prefix, 'from-flag');
    assert.equal(config.maxWorkers, 9);
    assert.equal(config.port, 8000);
    assert.equal(config.dialect, 'native');
    assert.deepEqual(
      [sources.prefix, sources.maxWorkers, sources.port, sources.dialect],
      ['flag', 'environment', '.env', 'default'],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a command that joins takes the service’s own prefix and dialect, unless it is told others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facefleet-config-'));
  try {
    const flags = { 'data-dir': folder };
    assert.equal(load({ flags, joinsService: true }).sources.dialect, 'default', 'no service was ever there');
    writeServiceFile(load({ flags: { ...flags, dialect: 'course', prefix: '1234567890' } }).config);

    const joined = load({ flags, joinsService: true });
    assert.deepEqual([joined.config.dialect, joined.config.prefix], ['course', '1234567890']);
    assert.deepEqual([joined.sources.dialect, joined.sources.prefix], ['service', 'service']);
    assert.equal(
      load({ flags: { ...flags, dialect: 'native' }, joinsService: true }).config.dialect,
      'native',
    );
    assert.equal(
      load({ flags }).config.dialect,
      'native',
      'who starts a service is not told by the last one',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a service file that is broken is named, and is no concern of whoever is told everything', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facefleet-config-'));
  try {
    const flags = { 'data-dir': folder };
    for (const text of ['', '{"prefix":', 'null', '{"dialect":"klingon"}']) {
      writeFileSync(join(folder, 'service.json'), text);
      const error = caught(() => load({ flags, joinsService: true }));
      assert.equal(error.code, 'config-invalid', text);
      assert.ok(error.message.includes(join(folder, 'service.json')), error.message);
      const told = { ...flags, prefix: 'abc', dialect: 'course' };
      assert.equal(load({ flags: told, joinsService: true }).config.prefix, 'abc');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('our own variable wins over the general one', () => {
  assert.equal(load({ environment: { PORT: '8000', FACEFLEET_PORT: '9000' } }).config.port, 9000);
});

test('units are derived once', () => {
  const { config } = load({ environment: { FACEFLEET_MAX_UPLOAD_MB: '2', FACEFLEET_MAX_MEGAPIXELS: '1.5' } });
  assert.equal(config.maxUploadBytes, 2 * 1024 * 1024);
  assert.equal(config.maxPixels, 1_500_000);
});

test('all problems are listed at once, each with its variable and value', () => {
  const environment = {
    PORT: 'eighty',
    FACEFLEET_DIALECT: 'klingon',
    FACEFLEET_PROT: '1',
    FACEFLEET_FPIR: '2',
  };
  const error = caught(() => load({ environment }));
  assert.equal(error.code, 'config-invalid');
  for (const fact of ['PORT', 'eighty', 'klingon', 'FACEFLEET_PROT', 'FACEFLEET_FPIR'])
    assert.ok(error.message.includes(fact), fact);
});

test('settings that contradict each other are a problem', () => {
  const error = caught(() =>
    load({ environment: { FACEFLEET_MIN_WORKERS: '5', FACEFLEET_MAX_WORKERS: '2' } }),
  );
  assert.ok(error.message.includes('FACEFLEET_MIN_WORKERS'));
});

test('lists are split at commas', () => {
  const { config } = load({ environment: { FACEFLEET_API_KEYS: ' one , two,' } });
  assert.deepEqual(config.apiKeys, ['one', 'two']);
});

test('the config cannot be changed', () => {
  assert.ok(Object.isFrozen(load({}).config));
});

test('a child process comes to the same config', () => {
  const environment = childEnvironment({ prefix: 'abc', 'max-workers': '3' });
  const { config } = load({
    environment: {
      FACEFLEET_PREFIX: environment.FACEFLEET_PREFIX,
      FACEFLEET_MAX_WORKERS: environment.FACEFLEET_MAX_WORKERS,
    },
  });
  assert.equal(config.prefix, 'abc');
  assert.equal(config.maxWorkers, 3);
});

test('half a pair of AWS keys is a problem on AWS, and nobody’s business locally', () => {
  const environment = { AWS_ACCESS_KEY_ID: 'AKIA1' };
  assert.equal(load({ environment }).config.on, 'local');
  const error = caught(() => load({ environment: { ...environment, FACEFLEET_ON: 'aws' } }));
  assert.ok(error.message.includes('AWS_SECRET_ACCESS_KEY'));
});

test('an endpoint that is no URL is a problem, and a local service has no EC2 fleet', () => {
  for (const environment of [
    { AWS_ENDPOINT_URL_S3: '127.0.0.1:9000' },
    { AWS_ENDPOINT_URL: 'ftp://127.0.0.1' },
    { FACEFLEET_FLEET: 'ec2' },
  ]) {
    assert.equal(caught(() => load({ environment })).code, 'config-invalid', JSON.stringify(environment));
  }
});

test('credentials have no flag: it would show in the list of processes', () => {
  const { config } = load({ environment: { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'secret' } });
  assert.equal(config.awsSecretAccessKey, 'secret');
  assert.equal(SETTINGS.awsSecretAccessKey.flag, undefined);
  assert.equal(SETTINGS.awsSecretAccessKey.secret, true);
});

function caught(act: () => unknown): FacefleetError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof FacefleetError);
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('where workers are machines of their own, defaults are theirs', () => {
  const load = (environment: Record<string, string>) =>
    loadConfig({ environment: { FACEFLEET_ON: 'aws', ...environment }, dotenvFolder: false }).config;
  const scalingOf = (config: Config) => [
    ...[config.sloSeconds, config.idleSeconds, config.bootSeconds, config.billingMinimumSeconds],
    ...[config.maxWorkers, config.controllerPort],
  ];
  assert.deepEqual(scalingOf(load({})), [60, 2, 40, 60, 20, 3002]);
  assert.equal(load({ FACEFLEET_BOOT_SECONDS: '30' }).bootSeconds, 30);
  const onThisMachine = load({ FACEFLEET_FLEET: 'process', FACEFLEET_MAX_WORKERS: '3' });
  assert.deepEqual(scalingOf(onThisMachine), [2, 10, 1, 0, 3, 0]);
});
