import { type Command, Option } from 'commander';
import { type ApiKeyRecord, endOf, KEY_SCOPES, type KeyScope } from '../../access/api-key.ts';
import { ApiKeyStore } from '../../access/key-store.ts';
import { errorMessage } from '../../errors.ts';
import { attachOrHost } from '../../hosting.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { json, printable, table } from '../output.ts';

const DAY_MS = 24 * 3600 * 1000;

interface CreateOptions {
  readonly scope: readonly KeyScope[];
  readonly gallery?: string;
  readonly perMinute?: string;
  readonly days?: string;
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    withSettings(command.command('create <name>'), DEPLOYMENT_SETTINGS)
      .summary('make a key, which is shown this once')
      .description('Makes a key and prints it. It is kept nowhere: only its SHA-256 is.')
      .addOption(
        new Option('--scope <scope...>', 'what it may do; admin holds the others')
          .choices(KEY_SCOPES)
          .makeOptionMandatory(),
      )
      .option('--gallery <name>', 'the only gallery it reaches')
      .option('--per-minute <count>', 'requests a minute')
      .option('--days <count>', 'days until it ends')
      .option('--json', 'as JSON')
      .action(create);
    withSettings(command.command('list', { isDefault: true }), DEPLOYMENT_SETTINGS)
      .summary('show all keys, without the keys themselves')
      .description('Shows all keys, revoked and expired ones too, without the keys themselves.')
      .option('--json', 'as JSON')
      .action(list);
    withSettings(command.command('revoke <id...>'), DEPLOYMENT_SETTINGS)
      .summary('end keys for good')
      .description('Ends keys for good: every web process refuses them within five seconds.')
      .option('--json', 'as JSON')
      .action(revoke);
    examples(command, [
      ['facefleet keys create "front door" --scope recognise --per-minute 60', 'may ask who is on a picture'],
      ['facefleet keys create operations --scope admin', 'may do everything'],
      ['facefleet keys', 'which keys there are'],
      ['facefleet keys revoke 3f9a0c21b7de', 'end one'],
    ]);
    command.addHelpText(
      'after',
      '\nWorks with the service running or not. A key that may do everything lets the service listen beyond this machine.\nExits with 0 done, 1 failed or no such key, 2 called wrongly.',
    );
  },
};
export default verb;

async function create(name: string, options: CreateOptions, self: Command): Promise<void> {
  await using opened = await openStore(self);
  const { text, record } = await opened.store.create({
    name,
    scopes: options.scope,
    ...(options.gallery === undefined ? {} : { gallery: options.gallery }),
    ...(options.perMinute === undefined ? {} : { requestsPerMinute: Number(options.perMinute) }),
    ...(options.days === undefined ? {} : { expiresAt: opened.now + Number(options.days) * DAY_MS }),
  });
  if (options.json) {
    process.stdout.write(json({ ...shown(record, opened.now), key: text }));
    return;
  }
  process.stdout.write(`${text}\n`);
  process.stderr.write(
    `Key ${record.id} for ${printable(name)} may ${record.scopes.join(', ')}. Keep it now: it is not shown again.\n`,
  );
}

async function list(options: { json?: boolean }, self: Command): Promise<void> {
  await using opened = await openStore(self);
  const records = await opened.store.list();
  if (options.json) process.stdout.write(json(records.map((record) => shown(record, opened.now))));
  else
    process.stdout.write(
      table(
        records.map((record) => row(record, opened.now)),
        HEADINGS,
      ),
    );
}

async function revoke(ids: readonly string[], options: { json?: boolean }, self: Command): Promise<void> {
  await using opened = await openStore(self);
  const revoked: ApiKeyRecord[] = [];
  for (const id of ids) {
    try {
      revoked.push(await opened.store.revoke(id));
    } catch (error) {
      process.stderr.write(`${printable(errorMessage(error))}\n`);
      process.exitCode = 1;
    }
  }
  if (options.json) process.stdout.write(json(revoked.map((record) => shown(record, opened.now))));
  else
    process.stdout.write(
      table(
        revoked.map((record) => row(record, opened.now)),
        HEADINGS,
      ),
    );
}

async function openStore(self: Command) {
  const deployment = await attachOrHost(configOf(self), 'keys', { needsWorker: false });
  return {
    store: new ApiKeyStore(deployment),
    now: deployment.clock.now(),
    [Symbol.asyncDispose]: () => deployment[Symbol.asyncDispose](),
  };
}

const HEADINGS = ['ID', 'NAME', 'MAY', 'GALLERY', 'A MINUTE', 'MADE', 'ENDS', 'STATE'];

function row(record: ApiKeyRecord, now: number): string[] {
  const day = (at: number | null) => (at === null ? '' : new Date(at).toISOString().slice(0, 10));
  return [
    record.id,
    printable(record.name),
    record.scopes.join(' '),
    printable(record.gallery ?? 'all'),
    record.requestsPerMinute === null ? '' : String(record.requestsPerMinute),
    day(record.createdAt),
    day(record.expiresAt),
    endOf(record, now) ?? 'good',
  ];
}

function shown(record: ApiKeyRecord, now: number) {
  const { secretSha256: _, version: __, ...told } = record;
  return { ...told, state: endOf(record, now) ?? 'good' };
}
