import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';

import { Destinations, isPublic } from './destinations.ts';

const addressesOf = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** What `http.request` would be told of the name. */
function lookUp(destinations: Destinations, name: string, all = true): Promise<string | LookupAddress[]> {
  return new Promise((resolve, reject) => {
    destinations.lookup(name, { all }, (error, address) =>
      error === null ? resolve(address) : reject(error),
    );
  });
}

/** Names that resolve to these addresses, and how often each was asked for. */
function resolving(...answers: LookupAddress[][]) {
  let asked = 0;
  return new Destinations([], (_name, _options, callback) => {
    callback(null, answers[Math.min(asked++, answers.length - 1)]!);
  });
}

test('what is public', () => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1']) {
    assert.equal(isPublic(address), true, address);
  }
  const others = [
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '169.254.170.2',
      '172.16.0.1',
    ],
    ...[
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '198.18.0.1',
      '192.0.0.192',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...[
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::a00:1',
    ],
    ...['2002:7f00:1::', '2001:0:7f00:1::', '2001:db8::1', 'ff02::1', 'not an address', ''],
  ];
  for (const address of others) assert.equal(isPublic(address), false, address);
});

test('addresses that no webhook may have', () => {
  const destinations = new Destinations();
  const refused = [
    'nothing',
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user:password@example.com/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'https://localhost./',
    'https://printer.local/',
    'https://metadata.google.internal/',
    'https://intranet/',
  ];
  for (const url of refused) assert.throws(() => destinations.check(url), { code: 'bad-request' }, url);
  assert.equal(destinations.check('https://example.com:8443/hook?x=1').port, '8443');
});

test('a name whose addresses are not all public is not called', async () => {
  await assert.rejects(lookUp(resolving(addressesOf('127.0.0.1')), 'evil.example'));
  await assert.rejects(lookUp(resolving(addressesOf('8.8.8.8', '10.0.0.1')), 'evil.example'));
  await assert.rejects(lookUp(resolving([]), 'empty.example'));
  assert.deepEqual(await lookUp(resolving(addressesOf('8.8.8.8')), 'fine.example'), addressesOf('8.8.8.8'));
  assert.equal(await lookUp(resolving(addressesOf('8.8.8.8')), 'fine.example', false), '8.8.8.8');
});

test('a name that changes between two looks is judged by the one that is connected to', async () => {
  const rebinding = resolving(addressesOf('8.8.8.8'), addressesOf('169.254.169.254'));
  assert.deepEqual(await lookUp(rebinding, 'evil.example'), addressesOf('8.8.8.8'));
  await assert.rejects(lookUp(rebinding, 'evil.example'), { code: 'bad-request' });
});

test('who is allowed may be called in plain HTTP, and nobody beside them', async () => {
  const destinations = new Destinations(
    ['Hooks.intranet', '10.1.0.0/16', '127.0.0.1'],
    (_name, _options, done) => done(null, addressesOf('10.2.0.1')),
  );
  for (const url of ['http://hooks.intranet/x', 'http://10.1.2.3/', 'http://127.0.0.1:8080/']) {
    assert.equal(destinations.check(url).href, url);
  }
  for (const url of ['http://10.2.0.1/', 'http://127.0.0.2/', 'http://other.intranet/']) {
    assert.throws(() => destinations.check(url), { code: 'bad-request' }, url);
  }
  assert.deepEqual(await lookUp(destinations, 'hooks.intranet'), addressesOf('10.2.0.1'));
  await assert.rejects(lookUp(destinations, 'other.example'));
});
