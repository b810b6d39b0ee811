import { type Command, InvalidArgumentError } from 'commander';
import { loggerFor } from '../../compose.ts';
import type { Config } from '../../config.ts';
import type { Deployment } from '../../deployment.ts';
import { enrolAll, isEnrolled, type PictureReport } from '../../gallery/bulk-enrolment.ts';
import {
  type EnrolmentList,
  listPeopleFolder,
  listPictures,
  readEnrolmentManifest,
} from '../../gallery/enrolment-list.ts';
import { compactGallery, Gallery } from '../../gallery/index.ts';
import { attachOrHost } from '../../hosting.ts';
import { JobClient } from '../../jobs/job-client.ts';
import { onShutdownSignals } from '../../shutdown.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { counted, printable, table } from '../output.ts';
import { createProgress } from '../progress.ts';

interface Options {
  readonly name?: string;
  readonly manifest?: string;
  readonly force?: boolean;
  readonly parallel: number;
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    command
      .argument('[paths...]', 'a folder with a folder for each person; with --name pictures of one person')
      .option('--name <person>', 'whose pictures these are: a name, or the id of a person')
      .option('--manifest <csv>', 'which pictures are whose: lines of file,person')
      .option('--force', 'enrol faces that resemble another person too')
      .option('--parallel <n>', 'pictures under way at once', countOf, 32)
      .option('--json', 'one JSON object a picture and line, as each is done')
      .action(enroll);
    withSettings(command, [...DEPLOYMENT_SETTINGS, 'dialect', 'pack', 'smallFaces', 'logLevel']);
    examples(command, [
      ['facefleet enroll people/', 'people/Ada/*.jpg, people/Bob/*.jpg …: a folder for each person'],
      ['facefleet enroll --name "Ada Lovelace" a.jpg b.jpg', 'two pictures of one person'],
      ['facefleet enroll --manifest people.csv', 'lines of file,person'],
      [
        'facefleet enroll people/ --json | jq -r "select(.verdict != \\"enrolled\\") | .file"',
        'what was not',
      ],
    ]);
    command.addHelpText(
      'after',
      `
A picture is enrolled when it shows one face, at least 28 px wide (40 and more are recognised better), that does not resemble
another person. Starting it again goes on where it was: pictures that are enrolled are not sent a second time.
Joins the service that runs on the data folder; when none does, it works by itself.

Verdicts: enrolled, duplicate, no-face, several-faces, too-small, looks-like-another, bad-image, failed.
Exits with 0 when every picture is enrolled, 1 when one is not, 2 called wrongly.`,
    );
  },
};
export default verb;

async function enroll(paths: string[], options: Options, self: Command): Promise<void> {
  const list = await listOf(paths, options, self);
  const loaded = configOf(self);
  using signals = onShutdownSignals(loggerFor(loaded, 'enroll'));
  await using deployment = await attachOrHost(loaded, 'enroll');
  if (deployment.isHosted)
    process.stderr.write(`no service runs on ${loaded.config.dataDir}: enrolling in this process\n`);
  const reports = await run(list, deployment, { ...options, signal: signals.drain });
  if (!options.json) process.stdout.write(asText(reports));
  summarise(list, reports);
  if (reports.length < list.items.length || !reports.every(isEnrolled)) process.exitCode = 1;
}

function listOf(paths: readonly string[], options: Options, self: Command): Promise<EnrolmentList> {
  const [folder, ...others] = paths;
  if (options.manifest !== undefined && options.name === undefined && folder === undefined)
    return readEnrolmentManifest(options.manifest);
  if (options.name !== undefined && options.manifest === undefined && folder !== undefined)
    return listPictures(paths, options.name);
  if (
    options.name === undefined &&
    options.manifest === undefined &&
    folder !== undefined &&
    others.length === 0
  )
    return listPeopleFolder(folder);
  return self.error('error: expected a folder, or --name and pictures, or --manifest alone');
}

async function run(
  list: EnrolmentList,
  deployment: Deployment,
  { json, force = false, parallel, signal }: Options & { signal: AbortSignal },
): Promise<PictureReport[]> {
  const { state, clock } = deployment;
  const config: Config = deployment.loaded.config;
  await using jobs = await JobClient.open(deployment);
  using progress = createProgress({ label: 'enrolling', total: list.items.length });
  const reports: PictureReport[] = [];
  let unenrolled = 0;
  const onReport = (report: PictureReport) => {
    reports.push(report);
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    if (!isEnrolled(report)) progress.status(`${++unenrolled} not enrolled`);
    progress.advance();
  };
  const gallery = new Gallery({ state, clock });
  const { lost } = deployment;
  const limits = { parallel, maxBytes: config.maxUploadBytes };
  await enrolAll(list.items, { ...limits, gallery, jobs, force, signal, lost, onReport });
  // Without a controller nobody else would fold the log that this has made long.
  if (!lost.aborted) await compactGallery({ state, clock });
  return reports;
}

function asText(reports: readonly PictureReport[]): string {
  const rows = reports
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
    .map(({ verdict, person, file, message }) => [
      verdict,
      printable(person),
      printable(file),
      message === verdict ? '' : printable(message),
    ]);
  return table(rows, ['VERDICT', 'PERSON', 'PICTURE', '']);
}

function summarise({ items, unowned }: EnrolmentList, reports: readonly PictureReport[]): void {
  const counts = new Map<string, number>();
  for (const { verdict } of reports) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const words = [...counts].map(([verdict, count]) => `${count} ${verdict}`);
  const rest = items.length - reports.length;
  if (rest > 0) words.push(`${rest} not begun; start it again to go on`);
  process.stderr.write(`${counted(items.length, 'picture')}: ${words.join(', ')}\n`);
  if (unowned.length > 0) {
    process.stderr.write(
      `note: ${counted(unowned.length, 'picture')} left out for lying in no person's folder, such as ${printable(unowned[0] ?? '')}\n`,
    );
  }
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('Expected a whole number from 1 to 1000.');
}
