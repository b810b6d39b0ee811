import type { Command } from 'commander';

import { errorMessage } from '../../errors.ts';
import { modelsDirOf, packIdOf } from '../../model-packs.ts';
import {
  type ModelPack,
  type ModelReference,
  ModelStore,
  modelName,
  modelsOf,
  PackRegistry,
  type PackReport,
  reportPack,
} from '../../recognition/index.ts';
import { configOf, examples, type Verb, withSettings } from '../command.ts';
import { json, table } from '../output.ts';
import { createProgress } from '../progress.ts';

interface Options {
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    define(
      command.command('list', { isDefault: true }),
      'show the packs, their parts and which one is active',
      list,
    );
    define(
      command.command('verify'),
      'check every file against its SHA-256, and make what can be made',
      verify,
    );
    define(command.command('use <pack>'), 'work with this pack from now on', use);
    define(
      command.command('add <manifest>'),
      'add a pack of your own: a manifest, or a folder with a manifest.json',
      add,
    );
    define(command.command('remove <pack>'), 'remove a pack that was added', remove);
    examples(command, [
      ['facefleet models', 'which packs there are'],
      ['facefleet models verify', 'are all files what they should be?'],
      ['facefleet models use accurate', 'more right answers, four times the time'],
      ['facefleet models add ./my-arcface/', 'your own ONNX embedder'],
      ['facefleet models --json | jq -r ".[].id"', 'for a program to read'],
    ]);
    command.addHelpText('after', `\n${MANIFEST_HELP}\nExits with 0 done, 1 failed, 2 called wrongly.`);
  },
};
export default verb;

const MANIFEST_HELP = `A manifest is JSON; every field but version, id and model may be left out:
  {"version": 1, "id": "my-arcface", "title": "…", "licence": "…", "model": "net.onnx", "sha256": "…",
   "kind": "arcface" | "sface" | "facenet", and what differs from that kind: "sizePx", "layout", "channels", "mean",
   "scale", "alignment", "mirror", "input", "output", "dimensions", "thresholds": {"1e-3": 0.31, "1e-4": 0.38}}
Without thresholds a pack is uncalibrated, and strict ones are used.
`;

function define(command: Command, summary: string, action: (...words: never[]) => Promise<void>): void {
  withSettings(command.summary(summary).description(summary), ['dataDir'])
    .option('--json', 'as JSON')
    .action(action as (...words: unknown[]) => Promise<void>);
}

async function list(options: Options, self: Command): Promise<void> {
  const { registry, store, activeId } = await openFolder(self);
  const reports = await Promise.all((await registry.list()).map((pack) => reportPack(pack, store)));
  const rows = reports.map((report) => ({ ...report, isActive: report.id === activeId }));
  process.stdout.write(
    options.json
      ? json(rows)
      : `${table(rows.map(packRow), PACK_HEADINGS)}\n${table(modelRows(rows), MODEL_HEADINGS)}`,
  );
  if (!rows.some(({ isActive }) => isActive)) {
    process.stderr.write(`note: the active pack is ${activeId}, and it is not there\n`);
  }
}

/** Exits with 1 when a file cannot be had as it should be. */
async function verify(options: Options, self: Command): Promise<void> {
  const { registry, store } = await openFolder(self);
  const models = new Map((await registry.list()).flatMap(modelsOf).map((model) => [modelName(model), model]));
  const results = await eachModel('verifying', [...models.values()], async (model) => {
    const { state } = await store.check(model);
    try {
      const { length } = await store.load(model);
      return { model: modelName(model), result: OUTCOMES[state], sizeBytes: length };
    } catch (error) {
      return { model: modelName(model), result: 'failed', sizeBytes: 0, problem: errorMessage(error) };
    }
  });
  const rows = results.map((row) => [row.model, megabytes(row.sizeBytes), row.result, row.problem ?? '']);
  process.stdout.write(options.json ? json(results) : table(rows, ['MODEL', 'SIZE', 'RESULT', '']));
  if (results.some(({ result }) => result === 'failed')) process.exitCode = 1;
}

const OUTCOMES = {
  verified: 'verified',
  unconverted: 'converted',
  altered: 'repaired',
  missing: 'failed',
} as const;

async function use(id: string, options: Options, self: Command): Promise<void> {
  const { loaded, registry, store } = await openFolder(self);
  const pack = await registry.find(id);
  await eachModel('loading', modelsOf(pack), (model) => store.load(model));
  // Only here, since it brings the whole service along, and the other verbs should start at once.
  const { switchPack } = await import('../pack-switch.ts');
  await switchPack(loaded, pack);
  answer(options, pack, `${pack.id} is the pack of ${loaded.config.dataDir} from now on`);
  if (loaded.sources.pack !== 'default' && loaded.config.pack !== pack.id) {
    process.stderr.write(
      `note: the setting pack is ${loaded.config.pack} (${loaded.sources.pack}), and wins\n`,
    );
  }
}

async function add(source: string, options: Options, self: Command): Promise<void> {
  const { registry } = await openFolder(self);
  const pack = await registry.add(source);
  answer(
    options,
    pack,
    `added ${pack.id}: ${pack.dimensions} floats a face; \`facefleet models use ${pack.id}\` works with it`,
  );
  if (!pack.thresholds.isCalibrated) {
    process.stderr.write(
      `note: ${pack.id} brought no thresholds; strict ones are used (cosine ${pack.thresholds.points[0]?.cosine} or more), so people may be missed\n`,
    );
  }
}

async function remove(id: string, options: Options, self: Command): Promise<void> {
  const { registry, activeId } = await openFolder(self);
  const pack = await registry.find(id);
  if (activeId === pack.id)
    throw new Error(`${id} is the active pack; choose another with \`facefleet models use\` first`);
  await registry.remove(id);
  answer(
    options,
    pack,
    `removed ${id}; don't give its id to another network while the gallery has faces of it`,
  );
}

async function openFolder(command: Command) {
  const loaded = configOf(command);
  const folder = modelsDirOf(loaded);
  return {
    loaded,
    registry: new PackRegistry({ folder }),
    store: new ModelStore({ folder }),
    activeId: await packIdOf(loaded),
  };
}

async function eachModel<T>(
  label: string,
  models: readonly ModelReference[],
  work: (model: ModelReference) => Promise<T>,
): Promise<T[]> {
  using progress = createProgress({ label, total: models.length });
  const results: T[] = [];
  for (const model of models) {
    progress.status(modelName(model));
    results.push(await work(model));
    progress.advance();
  }
  return results;
}

const PACK_HEADINGS = ['', 'PACK', 'WHAT IT IS', 'FLOATS', 'THRESHOLDS', 'LICENCE', 'FILES'];

function packRow(report: PackReport & { readonly isActive: boolean }): string[] {
  return [
    report.isActive ? '*' : '',
    report.id,
    report.title,
    String(report.dimensions),
    report.isCalibrated ? 'calibrated' : 'uncalibrated',
    report.licence,
    filesState(report),
  ];
}

const MODEL_HEADINGS = ['MODEL', 'SIZE', 'STATE', 'PACKS'];

function modelRows(reports: readonly PackReport[]): string[][] {
  const models = new Map(reports.flatMap((report) => report.models).map((model) => [model.name, model]));
  return [...models.values()].map(({ name, sizeBytes, state }) => {
    const users = reports.filter((report) => report.models.some((model) => model.name === name));
    return [name, megabytes(sizeBytes), state, users.map(({ id }) => id).join(', ')];
  });
}

/** The worst of them. */
function filesState({ models }: PackReport): string {
  const states = new Set(models.map(({ state }) => state));
  return (['missing', 'altered', 'unconverted'] as const).find((state) => states.has(state)) ?? 'verified';
}

function answer(options: Options, pack: ModelPack, text: string): void {
  process.stdout.write(options.json ? json(pack) : `${text}\n`);
}

function megabytes(bytes: number): string {
  return bytes === 0 ? '-' : `${(bytes / 1e6).toFixed(1)} MB`;
}
