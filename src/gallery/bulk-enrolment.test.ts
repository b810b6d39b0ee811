import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { startGalleryWorker } from '../../test/support/gallery-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { JobClient } from '../jobs/job-client.ts';
import { enrolAll, type PictureReport } from './bulk-enrolment.ts';
import {
  type EnrolmentItem,
  listPeopleFolder,
  listPictures,
  readEnrolmentManifest,
} from './enrolment-list.ts';
import { Gallery } from './gallery.ts';

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

interface Run {
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly lost?: AbortSignal;
  readonly maxBytes?: number;
  readonly onReport?: (report: PictureReport) => void;
}

async function enrol(deployment: MemoryDeployment, items: readonly EnrolmentItem[], run: Run = {}) {
  const { state, clock } = deployment;
  await using worker = await startGalleryWorker(deployment);
  await using jobs = await JobClient.open(deployment);
  const reports: PictureReport[] = [];
  await enrolAll(items, {
    gallery: new Gallery({ state, clock }),
    jobs,
    force: run.force ?? false,
    parallel: 4,
    maxBytes: run.maxBytes ?? 1000,
    signal: run.signal ?? new AbortController().signal,
    lost: run.lost ?? new AbortController().signal,
    onReport: (report) => {
      reports.push(report);
      run.onReport?.(report);
    },
  });
  return { reports, jobs: worker.jobIds.length };
}

function verdicts(reports: readonly PictureReport[]): Record<string, string> {
  return Object.fromEntries(
    reports.map(({ file, verdict }) => [file.split('/').slice(-2).join('/'), verdict]),
  );
}

describe('enrolling a folder', () => {
  test('reports on every picture', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    writeFiles(folder.path, {
      'Ada/1.jpg': 'ada',
      'Ada/2.png': 'ada bob',
      'Ada/3.jpg': '',
      'Bob/1.jpg': 'bob',
      'Bob/2.jpg': 'bad-image',
      'Bob/3.jpg': 'x'.repeat(1001),
      'Eve/1.jpg': 'ada',
      'stray.jpg': 'eve',
    });
    const { items, unowned } = await listPeopleFolder(folder.path);
    // One after another: who comes second depends on it.
    const reports = [];
    for (const item of items) reports.push(...(await enrol(deployment, [item])).reports);
    assert.deepEqual(verdicts(reports), {
      'Ada/1.jpg': 'enrolled',
      'Ada/2.png': 'several-faces',
      'Ada/3.jpg': 'no-face',
      'Bob/1.jpg': 'enrolled',
      'Bob/2.jpg': 'bad-image',
      'Bob/3.jpg': 'bad-image',
      'Eve/1.jpg': 'looks-like-another',
    });
    assert.equal(reports.at(-1)?.resembles?.name, 'Ada');
    assert.deepEqual(unowned, [join(folder.path, 'stray.jpg')]);
  });

  test('what is enrolled is not sent again', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    writeFiles(folder.path, { 'Ada/1.jpg': 'ada', 'Bob/1.jpg': 'bob', 'Bob/2.jpg': '' });
    const { items } = await listPeopleFolder(folder.path);
    assert.equal((await enrol(deployment, items)).jobs, 3);
    const again = await enrol(deployment, items);
    assert.equal(again.jobs, 1);
    assert.deepEqual(verdicts(again.reports), {
      'Ada/1.jpg': 'duplicate',
      'Bob/1.jpg': 'duplicate',
      'Bob/2.jpg': 'no-face',
    });
  });

  test('a run that is cut off goes on where it was', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    const files = Array.from({ length: 20 }, (_, at) => [`Person ${at}/a.jpg`, `face-${at}`]);
    writeFiles(folder.path, Object.fromEntries(files));
    const { items } = await listPeopleFolder(folder.path);
    const cut = new AbortController();
    let seen = 0;
    const onReport = () => ++seen === 6 && cut.abort();
    const first = await enrol(deployment, items, { signal: cut.signal, onReport });
    assert.ok(first.reports.length < 20);
    const second = await enrol(deployment, items);
    assert.equal(second.reports.length, 20);
    assert.equal(first.jobs + second.jobs, 20);
  });

  test('a lookalike is enrolled by force', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    writeFiles(folder.path, { 'Ada/1.jpg': 'ada', 'Eve/1.jpg': 'ada' });
    const { items } = await listPeopleFolder(folder.path);
    const { reports } = await enrol(deployment, items, { force: true });
    assert.deepEqual(Object.values(verdicts(reports)), ['enrolled', 'enrolled']);
  });

  test('nobody waits for a service that is gone', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    writeFiles(folder.path, { 'Ada/1.jpg': 'ada', 'Bob/1.jpg': 'bob' });
    const { items } = await listPeopleFolder(folder.path);
    const lost = new AbortController();
    const pause = deployment.output.pauseNext('put', { key: /^results/ });
    const enrolling = enrol(deployment, items.slice(0, 1), { lost: lost.signal });
    await pause.reached;
    lost.abort();
    pause.release();
    assert.deepEqual(Object.values(verdicts((await enrolling).reports)), ['failed']);
    const { reports } = await enrol(deployment, items, { lost: lost.signal });
    assert.deepEqual(reports, []);
  });

  test('a file that is gone, or a name that is none, fails alone', async () => {
    await using folder = temporaryFolder();
    await using deployment = new MemoryDeployment();
    writeFiles(folder.path, { 'a.jpg': 'ada', 'b.jpg': 'bob' });
    const items = [
      { file: join(folder.path, 'gone.jpg'), person: 'Ada' },
      { file: join(folder.path, 'a.jpg'), person: 'Ada' },
    ];
    const { reports } = await enrol(deployment, items);
    assert.deepEqual(reports.map(({ verdict }) => verdict).sort(), ['enrolled', 'failed']);
  });
});

describe('what to enrol', () => {
  test('a folder: names are the folders’, deeper pictures count, hidden and other files do not', async () => {
    await using folder = temporaryFolder();
    writeFiles(folder.path, {
      'Zoë/deep/er/1.JPG': '',
      'Ada/b.webp': '',
      'Ada/a.jpeg': '',
      'Ada/notes.txt': '',
      'Ada/.hidden.jpg': '',
      '.git/1.jpg': '',
    });
    symlinkSync(join(folder.path, 'Ada/a.jpeg'), join(folder.path, 'Ada/c.png'));
    const { items } = await listPeopleFolder(folder.path);
    assert.deepEqual(
      items.map(({ file, person }) => [file.slice(folder.path.length + 1), person]),
      [
        ['Ada/a.jpeg', 'Ada'],
        ['Ada/b.webp', 'Ada'],
        ['Ada/c.png', 'Ada'],
        ['Zoë/deep/er/1.JPG', 'Zoë'],
      ],
    );
  });

  test('pictures of one person: files as they are called, and folders', async () => {
    await using folder = temporaryFolder();
    writeFiles(folder.path, { 'any.name': '', 'more/1.jpg': '' });
    const paths = ['any.name', 'more'].map((name) => join(folder.path, name));
    const { items } = await listPictures(paths, 'Ada');
    assert.deepEqual(
      items.map(({ person }) => person),
      ['Ada', 'Ada'],
    );
    await assert.rejects(listPictures([join(folder.path, 'gone')], 'Ada'), { code: 'not-found' });
  });

  test('a manifest, with a heading in any order or none', async () => {
    await using folder = temporaryFolder();
    const file = join(folder.path, 'list.csv');
    const read = async (text: string) => {
      writeFileSync(file, text);
      const { items } = await readEnrolmentManifest(file);
      return items.map((item) => [item.file.split('/').at(-1), item.person]);
    };
    const wanted = [
      ['1.jpg', 'Ada'],
      ['2.jpg', 'Lovelace, Ada'],
    ];
    assert.deepEqual(await read('1.jpg,Ada\n2.jpg,"Lovelace, Ada"\n'), wanted);
    assert.deepEqual(await read('Person,File\r\nAda,1.jpg\r\n"Lovelace, Ada",2.jpg'), wanted);
    await assert.rejects(read('1.jpg,Ada\n2.jpg\n'), { code: 'bad-request' });
    await assert.rejects(readEnrolmentManifest(join(folder.path, 'gone.csv')), { code: 'not-found' });
  });

  test('a folder without people is no folder of people', async () => {
    await using folder = temporaryFolder();
    writeFiles(folder.path, { '1.jpg': '' });
    await assert.rejects(listPeopleFolder(folder.path), { code: 'not-found' });
    await assert.rejects(listPeopleFolder(join(folder.path, 'gone')), { code: 'not-found' });
  });
});
