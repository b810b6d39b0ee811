import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';

import {
  type CertificateRequest,
  makeCertificate,
  type TestCertificate,
} from '../../test/support/certificates.ts';
import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts';
import { WebService } from '../../test/support/web-service.ts';
import { loadConfig } from '../config.ts';
import { readKeyPair } from './tls.ts';

const DAY_MS = 86_400_000;

test('with a certificate the web tier speaks TLS, and nothing else', async () => {
  await using folder = temporaryFolder();
  const files = store(folder, makeCertificate({ commonName: 'first' }));
  await using service = await WebService.start({ flags: flagsOf(files) });
  assert.match(service.tier.url, /^https:/);
  const answer = await get(service.tier.port, files.pair.cert);
  assert.equal(answer.subject.CN, 'first');
  assert.match(answer.text, /^HTTP\/1\.1 200 [\s\S]*"status":"ok"/);
  await assert.rejects(fetch(`http://127.0.0.1:${service.tier.port}/healthz`));
});

test('a renewed certificate is shown to the next connection', async () => {
  await using folder = temporaryFolder();
  const clock = new FakeClock(Date.now());
  const files = store(folder, makeCertificate({ commonName: 'first' }));
  await using service = await WebService.start({ flags: flagsOf(files), clock });
  const renewed = makeCertificate({ commonName: 'second' });
  // Half a renewal first: the new certificate with the old key.
  replace(files.certFile, renewed.cert);
  await clock.advance(10_000);
  assert.equal((await get(service.tier.port, files.pair.cert)).subject.CN, 'first');
  replace(files.keyFile, renewed.key);
  await clock.advance(10_000);
  const answer = await eventually('the new one', async () => {
    const got = await get(service.tier.port, renewed.cert).catch(() => undefined);
    return got?.subject.CN === 'second' && got;
  });
  assert.match(answer.text, / 200 /);
});

test('a certificate that cannot serve is refused at the start, with the file and why', async () => {
  await using folder = temporaryFolder();
  const good = store(folder, makeCertificate());
  const other = makeCertificate();
  const at = (pair: TestCertificate) => () => readKeyPair(store(folder, pair), Date.now());
  const dated = (request: CertificateRequest) => at(makeCertificate(request));
  const wrong: [string, () => unknown, RegExp][] = [
    ['missing', () => readKeyPair({ ...good, keyFile: join(folder.path, 'none') }, Date.now()), /none/],
    ['no certificate', at({ ...other, cert: 'hello' }), /cert\.pem/],
    ['no key', at({ ...other, key: 'hello' }), /key\.pem/],
    ['no pair', at({ cert: good.pair.cert, key: other.key }), /key\.pem/],
    ['expired', dated({ until: new Date(Date.now() - DAY_MS / 2) }), /cert\.pem/],
    ['not valid yet', dated({ from: new Date(Date.now() + DAY_MS) }), /cert\.pem/],
    ['encrypted', at({ ...other, key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n' }), /key\.pem/],
  ];
  for (const [what, look, facts] of wrong) {
    assert.throws(look, { code: 'config-invalid', message: facts }, what);
  }
  await assert.rejects(
    WebService.start({ flags: flagsOf(store(folder, { cert: good.pair.cert, key: other.key })) }),
    {
      code: 'config-invalid',
    },
  );
});

test('a certificate without its key is a problem of the configuration', () => {
  assert.throws(() => loadConfig({ flags: { 'tls-cert': '/a' }, environment: {}, dotenvFolder: false }), {
    code: 'config-invalid',
  });
});

interface StoredPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly pair: TestCertificate;
}

function store(folder: TemporaryFolder, pair: TestCertificate): StoredPair {
  const certFile = join(folder.path, 'cert.pem');
  const keyFile = join(folder.path, 'key.pem');
  writeFileSync(certFile, pair.cert);
  writeFileSync(keyFile, pair.key);
  return { certFile, keyFile, pair };
}

function replace(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

function flagsOf({ certFile, keyFile }: StoredPair): Record<string, string> {
  return { 'tls-cert': certFile, 'tls-key': keyFile };
}

/** `GET /healthz` as a client that trusts just this certificate. */
async function get(
  port: number,
  trusted: string,
): Promise<{ text: string; subject: PeerCertificate['subject'] }> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: trusted });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return { text, subject };
}
