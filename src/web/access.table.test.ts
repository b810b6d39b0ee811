import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { allRoutes } from '../../scripts/all-routes.ts';
import { WebService } from '../../test/support/web-service.ts';
import type { KeyScope } from '../access/api-key.ts';
import { FacefleetClient } from '../client/index.ts';
import type { Contract } from './http/contract.ts';

// Every operation there is, each asked for without a key, with a made-up one, with a key that may do other things, with one
// for another gallery, and with the right one. Bodies are empty: who is let in gets another answer than 401, 403 or 429.

/** What a key for the default gallery reaches under short addresses. */
const OF_DEFAULT = [
  ...['getHome', 'nameLargestFace', 'recognise', 'detect', 'compare', 'createBatch'],
  ...['listPeople', 'createPerson', 'getPerson', 'changePerson', 'mergePerson', 'erasePerson'],
  ...['addFaces', 'listFaces', 'getThumbnail', 'moveFace', 'eraseFace'],
];
/** What any key reaches: what is of its gallery is found, of others nothing. */
const OF_ANY = [
  ...[
    'getJob',
    'cancelJob',
    'followJob',
    'getBatch',
    'getBatchResults',
    'cancelBatch',
    'getVersion',
    'getAccess',
  ],
];

const OTHER_SCOPES: Readonly<Record<KeyScope, readonly KeyScope[]>> = {
  recognise: ['enrol'],
  enrol: ['recognise'],
  admin: ['recognise', 'enrol'],
};

class Table {
  readonly #service: WebService;
  readonly #admin: FacefleetClient;

  constructor(service: WebService) {
    this.#service = service;
    this.#admin = new FacefleetClient({ url: service.tier.url, apiKey: 'sesame' });
  }

  async key(scopes: readonly KeyScope[], more: { gallery?: string; requestsPerMinute?: number } = {}) {
    return (await this.#admin.createKey({ name: 'a key', scopes, ...more })).key;
  }

  createGallery(name: string) {
    return this.#admin.createGallery(name);
  }

  /** The status of an operation about the gallery `club`, or about nothing that there is. */
  async ask({ method, path }: Contract, key?: string): Promise<number> {
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name) => (name === 'gallery' ? 'club' : randomUUID()));
    const ending = new AbortController();
    const response = await this.#service.fetch(address, {
      method: method.toUpperCase(),
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      signal: ending.signal,
    });
    // Some answers go on for ever.
    ending.abort();
    return response.status;
  }
}

async function open() {
  const service = await WebService.start({ recognise: false, flags: { 'api-keys': 'sesame' } });
  const table = new Table(service);
  await table.createGallery('club');
  const contracts = (await allRoutes()).map(({ contract }) => contract);
  // Last, since it takes the gallery away.
  const removal = contracts.filter(({ id }) => id === 'removeGallery');
  return { service, table, contracts: [...contracts.filter(({ id }) => id !== 'removeGallery'), ...removal] };
}

const isRefused = (status: number) => [401, 403, 429].includes(status);

test('who may call what: without a key, with a made-up one, the wrong scope, and the right one', async () => {
  const { service, table, contracts } = await open();
  await using _ = service;
  const keys = {
    recognise: await table.key(['recognise']),
    enrol: await table.key(['enrol']),
    admin: await table.key(['admin']),
  };
  const wrong = {
    recognise: await table.key(OTHER_SCOPES.recognise),
    enrol: await table.key(OTHER_SCOPES.enrol),
    admin: await table.key(OTHER_SCOPES.admin),
  };
  for (const contract of contracts) {
    const { id, scope } = contract;
    if (scope === 'public') {
      for (const key of [undefined, 'sesam', wrong.admin]) {
        // Where there are keys, a scraper has a token of its own.
        const isOpen = id !== 'getMetrics';
        assert.equal(!isRefused(await table.ask(contract, key)), isOpen, id);
      }
      continue;
    }
    assert.equal(await table.ask(contract), 401, `${id} without a key`);
    assert.equal(await table.ask(contract, `ff_${'0'.repeat(12)}_${'x'.repeat(43)}`), 401, `${id}, made up`);
    // Whatever they may do, they may ask what that is.
    if (scope !== 'any') assert.equal(await table.ask(contract, wrong[scope]), 403, `${id}, another scope`);
    const right = await table.ask(contract, scope === 'any' ? wrong.admin : keys[scope]);
    assert.ok(!isRefused(right) && right < 500, `${id} with the right key: ${right}`);
  }
});

test('who may call what: keys for one gallery', async () => {
  const { service, table, contracts } = await open();
  await using _ = service;
  const both: KeyScope[] = ['recognise', 'enrol'];
  const bound = {
    club: await table.key(both, { gallery: 'club' }),
    other: await table.key(both, { gallery: 'other' }),
    default: await table.key(both, { gallery: 'default' }),
  };
  for (const contract of contracts.filter(({ scope }) => scope !== 'public')) {
    const { id, scope } = contract;
    for (const [gallery, key] of Object.entries(bound)) {
      const isOurs =
        gallery === 'club' ? id.endsWith('InGallery') : gallery === 'default' && OF_DEFAULT.includes(id);
      const mayCall = scope !== 'admin' && (isOurs || OF_ANY.includes(id));
      const status = await table.ask(contract, key);
      assert.equal(isRefused(status), !mayCall, `${id} with a key for ${gallery}: ${status}`);
      if (!mayCall) assert.equal(status, 403, id);
    }
  }
});

test('who may call what: a key that has asked often enough', async () => {
  const { service, table, contracts } = await open();
  await using _ = service;
  const spent = await table.key(['admin'], { requestsPerMinute: 1 });
  const version = contracts.find(({ id }) => id === 'getVersion')!;
  assert.equal(await table.ask(version, spent), 200);
  for (const contract of contracts) {
    const status = await table.ask(contract, spent);
    if (contract.scope === 'public') assert.notEqual(status, 429, contract.id);
    else assert.equal(status, 429, contract.id);
  }
});
