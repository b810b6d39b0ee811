import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { settingsFor, TEST_KEY } from '../../../../test/support/aws-settings.ts';
import { AwsAccount } from './aws-account.ts';

interface Asked {
  readonly target: string;
  readonly body: unknown;
}

/** Service Quotas, as far as its signature and JSON go; answers what it is told to, in order. */
class FakeServiceQuotas implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server: Server;

  private constructor(answers: { status: number; body: object }[]) {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      assert.equal(signatureOf(request), signatureFor(request, text));
      this.asked.push({ target: String(request.headers['x-amz-target']), body: JSON.parse(text) });
      const { status, body } = answers.shift() ?? { status: 500, body: {} };
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
  }

  static async start(...answers: { status: number; body: object }[]): Promise<FakeServiceQuotas> {
    const fake = new FakeServiceQuotas(answers);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  account(): AwsAccount {
    const { port } = this.#server.address() as AddressInfo;
    return new AwsAccount(settingsFor({ servicequotas: `http://127.0.0.1:${port}` }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

function signatureOf({ headers }: IncomingMessage): string | undefined {
  return /Signature=([0-9a-f]+)/.exec(headers.authorization ?? '')?.[1];
}

/** By AWS's description of signature version 4. */
function signatureFor({ headers, method, url }: IncomingMessage, body: string): string {
  const { authorization = '' } = headers;
  const [, scope = ''] = /Credential=test\/([^,]+)/.exec(authorization) ?? [];
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  assert.ok(names.includes('host') && names.includes('x-amz-target'));
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = [method, url, '', canonicalHeaders, names.join(';'), sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const [date = '', region = '', service = ''] = scope.split('/');
  assert.deepEqual([region, service], ['us-east-1', 'servicequotas']);
  const key = hmac(
    hmac(hmac(hmac(`AWS4${TEST_KEY.secretAccessKey}`, date), region), service),
    'aws4_request',
  );
  return hmac(key, toSign).toString('hex');
}

const quota = (Value: number) => ({ status: 200, body: { Quota: { QuotaCode: 'L-1', Value } } });
const UNKNOWN = { status: 400, body: { __type: 'NoSuchResourceException', Message: 'no such quota' } };

test('the limit of the account is read, for on-demand and for spot', async () => {
  await using fake = await FakeServiceQuotas.start(quota(64), quota(5));
  await using account = fake.account();
  assert.deepEqual(await account.quotas.vcpus('on-demand'), { code: 'L-1216C47A', value: 64 });
  assert.deepEqual(await account.quotas.vcpus('spot'), { code: 'L-34B43A08', value: 5 });
  assert.deepEqual(fake.asked[0], {
    target: 'ServiceQuotasV20190624.GetServiceQuota',
    body: { ServiceCode: 'ec2', QuotaCode: 'L-1216C47A' },
  });
});

test('where nobody has changed it AWS’s own is read, and where there is none nothing is known', async () => {
  await using fake = await FakeServiceQuotas.start(UNKNOWN, quota(5), UNKNOWN, UNKNOWN);
  await using account = fake.account();
  assert.equal((await account.quotas.vcpus('on-demand'))?.value, 5);
  assert.equal(fake.asked[1]?.target, 'ServiceQuotasV20190624.GetAWSDefaultServiceQuota');
  assert.equal(await account.quotas.vcpus('on-demand'), undefined);
});

test('who may not ask is told which permission it takes', async () => {
  const Message =
    'User: arn:aws:iam::1:user/ada is not authorized to perform: servicequotas:GetServiceQuota because no policy allows it';
  await using fake = await FakeServiceQuotas.start({
    status: 400,
    body: { __type: 'com.amazonaws.servicequotas#AccessDeniedException', Message },
  });
  await using account = fake.account();
  await assert.rejects(account.quotas.vcpus('spot'), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'permission-denied');
    assert.match(error.message, /arn:aws:iam::1:user\/ada may not servicequotas:GetServiceQuota/);
    return true;
  });
});
