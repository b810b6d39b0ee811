import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import type { PictureReport } from '../../src/gallery/bulk-enrolment.ts';
import { type ErasureReceipt, Gallery, GalleryHousekeeping } from '../../src/gallery/index.ts';
import { attachOrHost } from '../../src/hosting.ts';
import type { JobResult } from '../../src/jobs/job.ts';
import { JobClient } from '../../src/jobs/job-client.ts';
import { openRecogniser } from '../../src/recognition/index.ts';
import { findSitters, pictureOf, type Sitter, samplePictures } from '../support/face-pictures.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'facefleet.js');
const folder = temporaryFolder();
const dataDir = join(folder.path, 'data');
const peopleDir = join(folder.path, 'people');
const modelsDir = join(dataDir, 'models');
let sitters: Sitter[] = [];

before(async () => {
  mkdirSync(modelsDir, { recursive: true });
  sitters = (await findSitters(modelsDir)).slice(0, 4);
  assert.equal(sitters.length, 4);
  // The last one stays a stranger.
  for (const sitter of sitters.slice(0, 3)) {
    mkdirSync(join(peopleDir, sitter.name), { recursive: true });
    writeFileSync(join(peopleDir, sitter.name, 'portrait.jpg'), sitter.portrait);
    writeFileSync(
      join(peopleDir, sitter.name, 'again.jpg'),
      await pictureOf(sitter, { seed: 1, sidePx: 200 }),
    );
  }
  cpSync(samplePictures[0]!, join(peopleDir, sitters[0]!.name, 'group.jpg'));
});
after(() => folder[Symbol.asyncDispose]());

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As a user calls it. */
function facefleet(...words: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LAUNCHER, ...words], { cwd: folder.path }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function deployed(...words: string[]): Promise<Run> {
  return facefleet(...words, '--data-dir', dataDir);
}

describe('a gallery from the command line, with no service running', () => {
  test('enroll reports on every picture and fails for the one it cannot take', async () => {
    const { code, stdout } = await deployed('enroll', peopleDir, '--json');
    const reports = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PictureReport);
    const verdicts = reports.map(({ file, verdict }) => `${verdict} ${file.split('/').at(-1)}`).sort();
    const enrolled = ['again.jpg', 'portrait.jpg'].flatMap((name) => Array(3).fill(`enrolled ${name}`));
    assert.deepEqual(verdicts, [...enrolled, 'several-faces group.jpg']);
    assert.equal(code, 1);
  });

  test('enrolling again sends nothing twice', async () => {
    const { code, stdout, stderr } = await deployed(
      'enroll',
      join(peopleDir, sitters[1]!.name),
      '--name',
      sitters[1]!.name,
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout.match(/^duplicate/gm)?.length, 2);
  });

  test('identify names whom it knows and nobody else', async () => {
    const files = await Promise.all(
      sitters.map(async (sitter, at) => {
        const file = join(folder.path, `probe-${at}.jpg`);
        writeFileSync(file, await pictureOf(sitter, { seed: 7, sidePx: 160 }));
        return file;
      }),
    );
    const { code, stdout } = await deployed('identify', ...files, '--json');
    assert.equal(code, 0);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      answers.map(({ faces }) => faces[0].person?.name ?? 'unknown'),
      [...sitters.slice(0, 3).map(({ name }) => name), 'unknown'],
    );
  });

  test('an export makes the same gallery elsewhere', async () => {
    const backup = join(folder.path, 'backup.gallery');
    const exported = await deployed('people', 'export', backup, '--json');
    assert.equal(JSON.parse(exported.stdout).faces, 6);
    assert.equal(statSync(backup).mode & 0o077, 0);
    const elsewhere = join(folder.path, 'elsewhere');
    const imported = await facefleet('people', 'import', backup, '--data-dir', elsewhere, '--json');
    assert.equal(imported.code, 0, imported.stderr);
    const [here, there] = await Promise.all([
      deployed('people', '--json'),
      facefleet('people', '--json', '--data-dir', elsewhere),
    ]);
    assert.deepEqual(JSON.parse(there.stdout), JSON.parse(here.stdout));
  });

  test('people are renamed and merged; what is called wrongly exits with 2', async () => {
    const [, second, third] = sitters;
    assert.equal((await deployed('people', 'rename', third!.name, 'Third')).code, 0);
    assert.equal((await deployed('people', 'rename', 'Third', second!.name)).code, 1);
    assert.equal((await deployed('people', 'merge', 'Third', second!.name)).code, 0);
    const shown = JSON.parse((await deployed('people', 'show', second!.name, '--json')).stdout);
    assert.equal(shown.faces.length, 4);
    assert.equal((await deployed('enroll')).code, 2);
    assert.equal((await deployed('people', 'show')).code, 2);
  });
});

describe('erasing a person from a service that runs', () => {
  test('leaves no byte of them in the data folder', async () => {
    const [sitter] = sitters;
    const flags = { 'data-dir': dataDir, 'log-level': 'silent' };
    const probe = await pictureOf(sitter!, { seed: 3, sidePx: 160 });
    const queued = await pictureOf(sitter!, { seed: 4, sidePx: 160 });
    const loaded = loadConfig({ flags, environment: {}, dotenvFolder: false });
    const deployment = await attachOrHost(loaded, 'test');
    let jobId = '';
    const theirs: Buffer[] = [Buffer.from(sitter!.name)];
    {
      await using _ = deployment;
      await using jobs = await JobClient.open(deployment);
      const recognise = { picture: probe, fileName: `${sitter!.name}.jpg`, contentType: 'image/jpeg' };
      ({ jobId } = await jobs.submit({ ...recognise, task: { kind: 'recognise' }, waitSeconds: 60 }));
      const named = await jobs.wait(jobId, { timeoutSeconds: 60 });
      assert.equal(named?.status === 'done' && named.faces[0]?.person?.name, sitter!.name);
      theirs.push(...(await biometricsOf(new Gallery(deployment), sitter!)));
      theirs.push(middleOf(sitter!.portrait), middleOf(probe));
      for (const bytes of theirs) assert.notDeepEqual(filesWith(bytes), []);

      const asked = await deployed('people', 'remove', sitter!.name);
      assert.equal(asked.code, 1);
      assert.match(asked.stderr, /--yes/);
      const file = join(folder.path, 'receipt.json');
      const removed = await deployed('people', 'erase', sitter!.name, '--yes', '--receipt', file);
      assert.equal(removed.code, 0, removed.stderr);
      const receipt = JSON.parse(readFileSync(file, 'utf8')) as ErasureReceipt;
      assert.deepEqual([receipt.faces, receipt.counts.crops], [2, 2]);
      assert.ok(receipt.counts.pictures >= 3, JSON.stringify(receipt.counts));
      assert.ok(receipt.objects.some(({ key }) => key === `uploads/${jobId}`));
      assert.equal(JSON.stringify(receipt).includes(sitter!.name), false);
      const erased = (await jobs.result(jobId)) as JobResult;
      assert.equal(erased.status === 'failed' && erased.error.code, 'erased');
      const task = { kind: 'recognise' } as const;
      const again = await jobs.submit({
        picture: queued,
        fileName: 'x.jpg',
        contentType: 'image/jpeg',
        task,
        waitSeconds: 60,
      });
      const unknown = await jobs.wait(again.jobId, { timeoutSeconds: 60 });
      assert.equal(unknown?.status === 'done' && unknown.faces[0]?.person, null);
      await new GalleryHousekeeping({ buckets: deployment, ...deployment }).run();
    }
    for (const bytes of theirs) assert.deepEqual(filesWith(bytes), []);
  });
});

/** Templates and crops of a person, as bytes to look for. */
async function biometricsOf(gallery: Gallery, sitter: Sitter): Promise<Buffer[]> {
  const { faces } = await gallery.person(sitter.name);
  assert.equal(faces.length, 2);
  const crops = await Promise.all(faces.map(({ faceId }) => gallery.crop(faceId)));
  await using recogniser = await openRecogniser({
    modelsDir,
    packId: 'fast',
    maxPixels: 40e6,
    smallFaces: false,
  });
  const [face] = (await recogniser.recognise(sitter.portrait)).faces;
  const { buffer, byteOffset, byteLength } = face!.embedding;
  return [
    ...crops.map((crop) => middleOf(crop!)),
    Buffer.from(buffer, byteOffset, byteLength).subarray(0, 64),
  ];
}

function middleOf(picture: Buffer): Buffer {
  return picture.subarray(picture.length / 2, picture.length / 2 + 64);
}

/** Files of the data folder that hold these bytes, or whose name does; models apart, which know nobody. */
function filesWith(bytes: Buffer): string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(modelsDir))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.includes(bytes.toString()) || readFileSync(path).includes(bytes));
}
