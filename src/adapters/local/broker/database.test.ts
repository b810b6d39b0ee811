import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { BrokerDatabase } from './database.ts';

const options = (folder: string) => ({ folder, waitSeconds: 0, maxBytes: 1024 ** 3 });

test('the database is for its owner alone and tells a clean end from a crash', async () => {
  await using folder = temporaryFolder();
  const inside = join(folder.path, 'a', 'b');
  for (const round of ['first', 'second']) {
    using database = await BrokerDatabase.open(options(inside));
    assert.equal(database.wasUnclean, false, round);
    assert.equal(statSync(inside).mode & 0o777, 0o700);
    assert.equal(statSync(database.file).mode & 0o777, 0o600);
  }
});

test('one opener has it, the next is told that the folder is in use', async () => {
  await using folder = temporaryFolder();
  using _first = await BrokerDatabase.open(options(folder.path));
  await assert.rejects(BrokerDatabase.open(options(folder.path)), { code: 'data-folder-in-use' });
});

test('a transaction that fails leaves nothing behind', async () => {
  await using folder = temporaryFolder();
  using database = await BrokerDatabase.open(options(folder.path));
  const count = () => database.prepare('SELECT COUNT(*) AS n FROM clock').get()?.n;
  assert.throws(
    () =>
      database.transaction({ mustLast: true }, () => {
        database.prepare('INSERT INTO clock VALUES (1, 1, 1)').run();
        throw new Error('no');
      }),
    { code: 'unavailable' },
  );
  assert.equal(count(), 0);
});

test('a file that is no database, or not ours, or newer than we are, is refused by name', async () => {
  await using folder = temporaryFolder();
  const file = (name: string) => {
    mkdirSync(join(folder.path, name));
    return join(folder.path, name, 'queues.sqlite');
  };
  writeFileSync(file('garbage'), 'not a database, but longer than its header'.repeat(50));
  writeDatabase(file('foreign'), 'CREATE TABLE theirs (a); PRAGMA user_version = 3');
  writeDatabase(file('newer'), `PRAGMA application_id = ${0x46466c71}; PRAGMA user_version = 99`);
  mkdirSync(file('folder'));
  for (const [name, code] of [
    ['garbage', 'data-corrupt'],
    ['foreign', 'data-corrupt'],
    ['newer', 'conflict'],
    ['folder', 'permission-denied'],
  ] as const) {
    await assert.rejects(BrokerDatabase.open(options(join(folder.path, name))), { code }, name);
  }
});

test('a folder that cannot be made is named', async () => {
  await using folder = temporaryFolder();
  const blocked = join(folder.path, 'file');
  writeFileSync(blocked, '');
  await assert.rejects(BrokerDatabase.open(options(join(blocked, 'broker'))), { code: 'permission-denied' });
});

function writeDatabase(file: string, sql: string): void {
  using database = new DatabaseSync(file);
  database.exec(sql);
}
