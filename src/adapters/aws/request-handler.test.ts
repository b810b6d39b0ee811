import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';

import { translateAwsError } from './errors.ts';
import { requestHandler } from './request-handler.ts';

test('an endpoint that takes connections and says nothing is given up, and named', async () => {
  const open = new Set<Socket>();
  const server = createServer((socket) => open.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const handler = requestHandler({ maxSockets: 1, silenceMs: 200 });
  const request = { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, path: '/', headers: {} };
  try {
    const error = await handler
      .handle({ ...request, query: {} } as Parameters<typeof handler.handle>[0])
      .then(
        () => assert.fail('nobody answers'),
        (reason: unknown) => reason,
      );
    const endpoint = `http://127.0.0.1:${port}`;
    const told = translateAwsError(error, { action: 's3:GetObject', context: { bucket: 'b' }, endpoint });
    assert.equal(told.code, 'unavailable');
    assert.ok(told.message.includes(endpoint), told.message);
  } finally {
    handler.destroy();
    for (const socket of open) socket.destroy();
    server.close();
  }
});
