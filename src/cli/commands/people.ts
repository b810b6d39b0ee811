import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { FacefleetError, NotFoundError } from '../../errors.ts';
import {
  DEFAULT_GALLERY,
  type ErasureOptions,
  type ErasureReceipt,
  type ErasureReport,
  eraseFaceWithReceipt,
  erasePersonWithReceipt,
  exportGallery,
  Gallery,
  GalleryDirectory,
  importGallery,
  type PersonDetails,
} from '../../gallery/index.ts';
import { type AttachedDeployment, attachOrHost } from '../../hosting.ts';
import { announceGalleryVersion } from '../../scaling/controller-client.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { counted, json, printable, table } from '../output.ts';
import { createProgress } from '../progress.ts';

interface Options {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly receipt?: string;
  /** By name; the default one if not given. */
  readonly gallery?: string;
}

const verb: Verb = {
  define(command) {
    defineReading(command);
    defineChanging(command);
    examples(command, [
      ['facefleet people', 'everybody, with how many faces'],
      ['facefleet people show "Ada Lovelace"', 'the faces of one person'],
      ['facefleet people rename Ada "Ada Lovelace"', 'the id stays'],
      ['facefleet people merge "A. Lovelace" "Ada Lovelace"', 'one person after all'],
      ['facefleet people remove "Ada Lovelace"', 'what would be erased; --yes erases it'],
      ['facefleet people erase Ada --yes --receipt ada.json', 'and what was erased, to show to her'],
      ['facefleet people export backup.gallery', 'everything, as one file'],
    ]);
    command.addHelpText(
      'after',
      `
A person is called by name or by id. An export holds names, templates and face crops: biometric data of everybody, unencrypted.
Exits with 0 done, 1 failed or not confirmed, 2 called wrongly.`,
    );
  },
};
export default verb;

function defineReading(command: Command): void {
  define(command.command('list', { isDefault: true }), 'show everybody', list);
  define(command.command('show <person>'), 'show the faces of one person', show);
  define(command.command('export <file>'), 'write the whole gallery to one file', exportTo);
}

function defineChanging(command: Command): void {
  define(command.command('rename <person> <name>'), 'give a person another name', renamePerson);
  define(command.command('merge <from> <into>'), 'give all faces of one person to another', merge);
  const yes = 'erase, without asking';
  const receipt = 'write what was erased, object by object, to this file (JSON)';
  const erasing = (words: string, alias: string) =>
    command.command(words).alias(alias).option('--yes', yes).option('--receipt <file>', receipt);
  define(erasing('remove <person>', 'erase'), 'erase a person for good', remove);
  define(erasing('remove-face <id>', 'erase-face'), 'erase one face for good', removeFace);
  define(command.command('import <file>'), 'add what an export holds', importFrom);
}

function define(command: Command, summary: string, action: (...words: never[]) => Promise<void>): void {
  withSettings(command.summary(summary).description(summary), [...DEPLOYMENT_SETTINGS, 'dialect', 'logLevel'])
    .option('--json', 'as JSON')
    .option('--gallery <name>', 'of this gallery instead of the default one')
    .action(action as (...words: unknown[]) => Promise<void>);
}

async function list(options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  const people = await (await galleryOf(deployment, options)).people();
  const rows = people.map(({ name, faces, personId }) => [printable(name), String(faces), personId]);
  process.stdout.write(options.json ? json(people) : table(rows, ['NAME', 'FACES', 'ID']));
  const faces = people.reduce((sum, person) => sum + person.faces, 0);
  process.stderr.write(`${counted(people.length, 'person', 'people')}, ${counted(faces, 'face')}\n`);
}

async function show(reference: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  const person = await (await galleryOf(deployment, options)).person(reference);
  process.stdout.write(options.json ? json(person) : personText(person));
}

async function renamePerson(reference: string, name: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  const gallery = await galleryOf(deployment, options);
  await gallery.rename(reference, name);
  await announce(deployment, options, gallery.version);
  answer(options, { galleryVersion: gallery.version }, `${printable(reference)} is ${printable(name)} now`);
}

async function merge(from: string, into: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  const gallery = await galleryOf(deployment, options);
  await gallery.merge({ from, into });
  await announce(deployment, options, gallery.version);
  const { personId, name, faces } = await gallery.person(into);
  const text = `${printable(from)} is ${printable(name)} now, who has ${counted(faces.length, 'face')}`;
  answer(options, { personId, name, faces: faces.length, galleryVersion: gallery.version }, text);
}

async function remove(reference: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  if (!options.yes) {
    const person = await (await galleryOf(deployment, options)).person(reference);
    const what = `${printable(person.name)} (${person.personId}): ${counted(person.faces.length, 'face')} with templates and crops, the pictures in which they were recognised or enrolled, and what was said about them`;
    return refuse(what);
  }
  const report = await erasePersonWithReceipt(await erasureOf(deployment, options), reference);
  await announce(deployment, options, report.galleryVersion);
  await writeReceipt(options, report);
  answer(options, report, erasedText(printable(reference), report));
}

async function removeFace(faceId: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  if (!options.yes) {
    const people = await (await galleryOf(deployment, options)).peopleOf(faceId);
    if (people === undefined) throw new FacefleetError('not-found', `there is no face ${printable(faceId)}`);
    return refuse(`face ${faceId} with its template, its crop and the picture that it was enrolled from`);
  }
  const report = await eraseFaceWithReceipt(await erasureOf(deployment, options), faceId);
  await announce(deployment, options, report.galleryVersion);
  await writeReceipt(options, report);
  answer(options, report, erasedText(`face ${faceId}`, report));
}

/** Written beside it first: nobody takes half a file for a backup. Readable by its owner alone. */
async function exportTo(file: string, options: Options, self: Command): Promise<void> {
  await using deployment = await open(self);
  const { bytes, ...report } = await exportGallery({
    ...deployment,
    gallery: await galleryIdOf(deployment, options),
  });
  const unfinished = `${file}.unfinished`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(unfinished, { mode: 0o600, flush: true }));
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  const { size: sizeBytes } = await stat(file);
  const text = `${counted(report.people, 'person', 'people')}, ${counted(report.faces, 'face')} in ${file} (${(sizeBytes / 1e6).toFixed(1)} MB); keep it as safe as the people's faces`;
  answer(options, { ...report, file, sizeBytes }, text);
}

async function importFrom(file: string, options: Options, self: Command): Promise<void> {
  await stat(file);
  await using deployment = await open(self);
  using progress = createProgress({ label: 'importing' });
  const report = await importGallery(
    { ...deployment, gallery: await galleryIdOf(deployment, options) },
    { bytes: createReadStream(file), name: file },
    () => progress.advance(),
  );
  progress.finish();
  await announce(deployment, options, report.galleryVersion);
  for (const name of report.erased)
    process.stderr.write(`note: ${printable(name)} was erased here, and is not brought back\n`);
  const text = `${counted(report.people, 'new person', 'new people')}, ${counted(report.faces, 'new face')}; ${counted(report.known, 'face')} here already`;
  answer(options, report, text);
}

/** What would be erased, and how to say yes. */
function refuse(what: string): void {
  process.stderr.write(
    `This erases, for good and from every bucket:\n  ${what}\nCall it again with --yes to do so.\n`,
  );
  process.exitCode = 1;
}

function personText({ personId, name, faces }: PersonDetails): string {
  const rows = faces.map((face) => [
    face.faceId,
    `${Math.round(face.sizePx)} px`,
    new Date(face.addedAt).toISOString(),
    face.packs.join(', '),
    printable(face.source ?? ''),
  ]);
  return `${printable(name)} (${personId})\n${table(rows, ['FACE', 'WIDTH', 'ADDED', 'PACKS', 'FROM'])}`;
}

function erasedText(what: string, { faces, jobs }: ErasureReport): string {
  return `${what} is erased: ${counted(faces, 'face')}, and what ${counted(jobs, 'job')} knew of it`;
}

function answer(options: Options, facts: object, text: string): void {
  process.stdout.write(options.json ? json(facts) : `${text}\n`);
}

function open(command: Command): Promise<AttachedDeployment> {
  return attachOrHost(configOf(command), 'people', { needsWorker: false });
}

async function galleryOf(deployment: AttachedDeployment, options: Options): Promise<Gallery> {
  const { state, clock } = deployment;
  return new Gallery({ state, clock, name: await galleryIdOf(deployment, options) });
}

/** @throws NotFoundError when there is no gallery of this name. */
async function galleryIdOf(
  { state, clock }: AttachedDeployment,
  { gallery: name = DEFAULT_GALLERY }: Options,
): Promise<string> {
  const entry = await new GalleryDirectory({ state, clock }).find(name);
  if (entry === undefined) throw new NotFoundError(`there is no gallery named ${printable(name)}`);
  return entry.galleryId;
}

async function erasureOf(deployment: AttachedDeployment, options: Options): Promise<ErasureOptions> {
  const gallery = await galleryIdOf(deployment, options);
  return { buckets: deployment, clock: deployment.clock, gallery };
}

async function writeReceipt({ receipt: file }: Options, receipt: ErasureReceipt): Promise<void> {
  if (file !== undefined) await writeFile(file, json(receipt), { mode: 0o600 });
}

/** Workers hear of it within two seconds; without a controller there is nobody to tell. Of other galleries they look for news themselves. */
async function announce(
  { state }: AttachedDeployment,
  { gallery = DEFAULT_GALLERY }: Options,
  version: number,
): Promise<void> {
  if (gallery === DEFAULT_GALLERY) await announceGalleryVersion(state, version);
}
