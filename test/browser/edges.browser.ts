import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';

import { writeCrowd } from '../support/crowd.ts';
import { eventually } from '../support/service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { PATIENCE_MS, type PictureFile, Scene, sample } from './scene.ts';

/** Above the time after which the message of a worker that was killed comes back. */
const REVIVAL_MS = 240_000;

test('ten thousand people are scrolled, searched, and have names of all kinds', async () => {
  const odd = {
    long: `A${'nna'.repeat(60)}`,
    arabic: 'عائشة بنت أحمد',
    emoji: '👩‍🚀 Æone 💫',
    markup: '<b>Anna</b> & "Co"',
  };
  await using folder = temporaryFolder();
  const crowd = Array.from({ length: 10_000 }, (_, at) => `Person ${String(at).padStart(5, '0')}`);
  await writeCrowd(folder.path, [...crowd, ...Object.values(odd)]);
  await using scene = await Scene.start({ dataDir: folder.path });
  const { page } = scene;
  await scene.open('people');
  await page.getByRole('heading', { name: 'People 10,004' }).waitFor();
  await page.getByRole('link', { name: 'Person 00003' }).waitFor();
  await scene.shot('edges-1-crowd');

  const cards = page.locator('.people > li');
  const few = await cards.count();
  assert.ok(few < 500, `${few} are there at once`);
  // As a wheel does: each time to the end of what is there.
  for (const wanted of [500, 1000, 1500]) {
    await eventually(
      `${wanted} people`,
      async () => {
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
        return (await cards.count()) >= wanted;
      },
      PATIENCE_MS / 1000,
    );
  }
  await page.evaluate(() => scrollTo(0, 0));

  for (const [kind, name] of Object.entries(odd)) {
    await page.getByLabel('Search people').fill(name.slice(0, 40));
    await page.getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await scene.shot(`edges-2-${kind}`);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('dialog', { name: `Remove ${name}?` }).waitFor();
    if (kind === 'long') await scene.shot('edges-3-long-in-dialog');
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'People' }).last().click();
  }
});

test('twenty pictures at once, one of 39 megapixels, a TIFF and no pictures at all', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('recognise');
  await scene.drop('.drop', [textFile('notes.txt')]);
  await page.getByRole('status').filter({ hasText: 'notes.txt is not a picture' }).waitFor();

  const many = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => ({ ...(await sample(6)), name: `group-${at + 1}.jpg` })),
  );
  await scene.drop('.drop', [textFile('list.csv'), ...many, textFile('readme.md')]);
  await page.getByRole('status').filter({ hasText: 'list.csv and 1 more are not pictures' }).waitFor();
  await page.getByRole('heading', { name: '4 faces' }).waitFor();
  const recognised = page.getByRole('button', { name: /^group-\d+.jpg, recognised$/ });
  await recognised.nth(19).waitFor({ timeout: REVIVAL_MS });
  await scene.shot('edges-4-twenty');

  await page.getByLabel('Choose pictures').setInputFiles([await scaled('large.jpg', 7650, 5100)]);
  await page.getByText('7650 × 5100').waitFor({ timeout: REVIVAL_MS });
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  await scene.shot('edges-5-large');
  await page.getByLabel('Choose pictures').setInputFiles([await scaled('too-large.jpg', 9000, 6000)]);
  await page
    .getByRole('alert')
    .filter({ hasText: /megapixels|pixels/ })
    .waitFor({ timeout: REVIVAL_MS });
  await scene.shot('edges-6-too-large');

  // Which Chromium does not show, but the service reads.
  const tiff = await sharp((await sample(1)).buffer)
    .resize(900)
    .tiff()
    .toBuffer();
  await page
    .getByLabel('Choose pictures')
    .setInputFiles({ name: 'scan.tiff', mimeType: 'image/tiff', buffer: tiff });
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  await page.getByText('This browser cannot show scan.tiff').waitFor();
  await scene.shot('edges-7-tiff');
});

test('a picture whose worker is killed is answered all the same', async () => {
  await using scene = await Scene.start({
    flags: ['--min-workers', '1', '--max-workers', '1', '--visibility-timeout', '10'],
  });
  const { page, service } = scene;
  await scene.open('recognise');
  await eventually('a worker runs', () => service.workers().length === 1, PATIENCE_MS / 1000);
  const [worker] = service.workers();
  // Stopped, it takes the picture at most, and answers nothing.
  process.kill(worker!, 'SIGSTOP');
  await page.getByLabel('Choose pictures').setInputFiles(await sample(1));
  await page.getByText('Still waiting').waitFor();
  await scene.shot('edges-8-still-waiting');
  killIfThere(worker!);
  await page.getByRole('heading', { name: '3 faces' }).waitFor({ timeout: REVIVAL_MS });
});

/** The controller may have ended it already, for saying nothing. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function textFile(name: string): PictureFile {
  return { name, mimeType: 'text/plain', buffer: Buffer.from('nothing to see') };
}

async function scaled(name: string, width: number, height: number): Promise<PictureFile> {
  const { buffer } = await sample(1);
  const large = await sharp(buffer).resize(width, height, { fit: 'fill' }).jpeg({ quality: 70 }).toBuffer();
  return { name, mimeType: 'image/jpeg', buffer: large };
}
