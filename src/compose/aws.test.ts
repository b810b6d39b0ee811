import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { loadConfig } from '../config.ts';
import { awsSettingsOf } from './aws.ts';

interface Places {
  readonly environment?: Readonly<Record<string, string>>;
  readonly dotenv?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
}

async function settingsOf({ environment = {}, dotenv = {}, flags = {} }: Places) {
  await using folder = temporaryFolder();
  const lines = Object.entries(dotenv).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder.path, '.env'), lines.join(''));
  return awsSettingsOf(
    loadConfig({ flags: { on: 'aws', ...flags }, environment, dotenvFolder: folder.path }),
  );
}

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'secret' };

test('the endpoint for one service wins over the one for all', async () => {
  const settings = await settingsOf({
    environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:2' },
    dotenv: { AWS_REGION: 'eu-west-1' },
  });
  assert.deepEqual(settings, {
    region: 'eu-west-1',
    endpointUrl: 'http://127.0.0.1:1',
    endpointUrls: { sqs: 'http://127.0.0.1:2' },
  });
});

test('keys of .env are handed to the SDK, those of the environment it finds itself', async () => {
  assert.deepEqual((await settingsOf({ dotenv: { ...KEYS, AWS_SESSION_TOKEN: 'token' } })).credentials, {
    accessKeyId: 'AKIA1',
    secretAccessKey: 'secret',
    sessionToken: 'token',
  });
  assert.equal((await settingsOf({ environment: KEYS })).credentials, undefined);
});

test('a profile yields to keys that were set in a stronger place, and wins otherwise', async () => {
  const profile = { AWS_PROFILE: 'work' };
  for (const [places, wins] of [
    [{ environment: profile, dotenv: KEYS }, true],
    [{ flags: { 'aws-profile': 'work' }, environment: KEYS }, true],
    [{ dotenv: profile }, true],
    [{ dotenv: profile, environment: KEYS }, false],
    [{ dotenv: { ...profile, ...KEYS } }, false],
  ] as const) {
    const { profile: taken } = await settingsOf(places);
    assert.equal(taken, wins ? 'work' : undefined, JSON.stringify(places));
  }
});
