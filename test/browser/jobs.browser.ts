import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { Scene, sample } from './scene.ts';

test('jobs are listed with their failures, and dead letters are sent again or dropped', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('jobs');
  await page.getByText('No jobs yet').waitFor();
  await scene.shot('jobs-1-none');

  const post = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
    const form = new FormData();
    form.set('inputFile', new Blob([bytes], { type: 'image/jpeg' }), name);
    await fetch(`${scene.service.url}/v1/recognitions`, { method: 'POST', body: form });
  };
  const picture = new Uint8Array((await sample(1)).buffer);
  await post('good.jpg', picture);
  // It begins as a picture and is cut off: only a worker can tell.
  await post('cut-off.jpg', picture.slice(0, 20_000));
  await bury(scene, 'gave-up.jpg', 'the model ran out of memory twice');
  await bury(scene, 'forgotten.jpg', 'received too often');

  await page.getByText('cut-off.jpg').waitFor();
  await page.getByRole('button', { name: 'Details of good.jpg' }).click();
  await page.getByText('unknown, unknown, unknown').waitFor();
  await scene.shot('jobs-2-listed');
  await page.getByLabel('Failed').check({ force: true });
  await page.getByRole('button', { name: 'Details of good.jpg' }).waitFor({ state: 'detached' });
  await page.getByText('cut-off.jpg').waitFor();

  await page.reload();
  await page.getByText('the model ran out of memory twice').waitFor();
  await page.getByRole('checkbox', { name: 'Tick forgotten.jpg' }).check();
  await scene.shot('jobs-3-dead-letters');
  await page.getByRole('button', { name: 'Drop 1' }).click();
  await page.getByText('1 job dropped.').waitFor();
  await page.getByRole('button', { name: 'Redrive all' }).click();
  await page.getByText('1 job sent to the workers again.').waitFor();
  await page.getByText('A job that fails again and again ends up here').waitFor();
  await scene.shot('jobs-4-redriven');
});

async function bury(scene: Scene, fileName: string, reason: string): Promise<void> {
  const script = join(import.meta.dirname, '..', 'support', 'bury-job.ts');
  await promisify(execFile)(process.execPath, [script, scene.service.dataDir, fileName, reason]);
}
