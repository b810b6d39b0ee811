import type { DatabaseSync } from 'node:sqlite';
import { FacefleetError } from '../../../errors.ts';

/** Marks the file as ours in SQLite's header: "FFlq". */
const APPLICATION_ID = 0x46466c71;

/**
 * The steps from an empty file to the schema of today; the file says in `user_version` how many it has taken.
 * Never change a step that was released: add one.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- A queue that is removed loses its name at once, and its messages bit by bit.
  CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    max_message_bytes INTEGER NOT NULL,
    dead_letter_queue TEXT,
    max_receives INTEGER,
    retention_seconds INTEGER NOT NULL,
    tags TEXT NOT NULL
  ) STRICT;

  -- Times are the broker's own clock in milliseconds. A message can be received from visible_at on; token is the
  -- delivery that holds it, null when nobody does. AUTOINCREMENT: an id never comes again.
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    receive_count INTEGER NOT NULL,
    token INTEGER,
    body TEXT NOT NULL
  ) STRICT;

  -- The head of a queue is the first entry of its range, and everything that is hidden is the end of it, so
  -- neither receiving nor counting walks over the backlog.
  CREATE INDEX messages_by_visibility ON messages (queue_id, visible_at, token);

  CREATE TABLE clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    broker_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL
  ) STRICT;
  `,
  'ALTER TABLE queues ADD COLUMN hints_only INTEGER NOT NULL DEFAULT 0;',
];

/** Brings the file to the schema of today, in one transaction. */
export function migrate(database: DatabaseSync, file: string): void {
  const found = pragma(database, 'user_version');
  const owner = pragma(database, 'application_id');
  if (owner !== (found === 0 ? 0 : APPLICATION_ID)) {
    throw new FacefleetError('data-corrupt', `${file} is a database, but not one of Facefleet's queues`);
  }
  if (found > MIGRATIONS.length) {
    throw new FacefleetError(
      'conflict',
      `${file} was written by a newer Facefleet: its schema is ${found}, this one knows ${MIGRATIONS.length}`,
    );
  }
  if (found === MIGRATIONS.length) return;
  database.exec(
    `BEGIN; ${MIGRATIONS.slice(found).join('\n')}
     PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`,
  );
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
