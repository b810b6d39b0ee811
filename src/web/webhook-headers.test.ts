import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { WatchedService } from '../../test/support/watched-service.ts';
import { formOf, pictureOf } from '../../test/support/web-service.ts';
import { isSigned, WebhookReceiver } from '../../test/support/webhook-receiver.ts';
import { webhookKey } from '../jobs/keys.ts';

const SECRET = 'a-secret-of-the-receiver';

test('whoever asked to be called is called when the job is done, with what the worker found', async () => {
  await using receiver = await WebhookReceiver.start();
  await using service = await WatchedService.start({ flags: { 'webhook-allowed-hosts': '127.0.0.1' } });
  const headers = { prefer: 'respond-async', 'webhook-url': receiver.url, 'webhook-secret': SECRET };
  const response = await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')), headers);
  const { jobId } = (await response.json()) as { jobId: string };
  await eventually('the call', () => receiver.calls.length > 0);
  const [call] = receiver.calls;
  assert.ok(call && isSigned(call, SECRET));
  const { data } = JSON.parse(call.body);
  assert.equal(data.jobId, jobId);
  assert.equal(data.status, 'done');
  await eventually('nothing is owed', async () => {
    return (await service.web.deployment.state.head(webhookKey(jobId))) === undefined;
  });
});

test('a controller that owes nobody a call looks rarely, and at once when it is told of one', async () => {
  await using receiver = await WebhookReceiver.start();
  await using service = await WatchedService.start({ flags: { 'webhook-allowed-hosts': '127.0.0.1' } });
  const { state } = service.web.deployment;
  const looks = () =>
    state.calls.filter(({ operation, key }) => operation === 'list' && key === 'webhooks/').length;
  await eventually('a first look', () => looks() === 1);
  const headers = { prefer: 'respond-async', 'webhook-url': receiver.url, 'webhook-secret': SECRET };
  await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')), headers);
  // By itself it would look after a minute.
  await eventually('the call', () => receiver.calls.length > 0, 30);
});

test('webhooks that would not be called are refused, before a picture is taken', async () => {
  await using service = await WatchedService.start({ works: false });
  for (const headers of [
    { 'webhook-url': 'https://example.com/' },
    { 'webhook-secret': SECRET },
    { 'webhook-url': 'https://example.com/', 'webhook-secret': 'short' },
    { 'webhook-url': 'http://example.com/', 'webhook-secret': SECRET },
    { 'webhook-url': 'https://169.254.169.254/', 'webhook-secret': SECRET },
    { 'webhook-url': `https://example.com/${'x'.repeat(3000)}`, 'webhook-secret': SECRET },
  ] as Record<string, string>[]) {
    const response = await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')), headers);
    assert.equal(response.status, 400, JSON.stringify(headers));
    assert.match(((await response.json()) as { detail: string }).detail, /webhook/i);
  }
  assert.equal(service.web.deployment.input.keys.length, 0);
});
