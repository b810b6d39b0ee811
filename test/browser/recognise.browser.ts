import assert from 'node:assert/strict';
import { test } from 'node:test';

import { layoutShift, Scene, sample, wallpaper } from './scene.ts';

test('pictures are chosen, pasted, photographed, or taken from the samples', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('recognise');
  await page.getByRole('button', { name: /Sample photograph 6/ }).click();
  await page.getByText('Looking for faces').waitFor();
  await scene.shot('recognise-1-waiting');
  await page.getByRole('heading', { name: '4 faces' }).waitFor();

  await page.getByLabel('Choose pictures').setInputFiles([await sample(1), await wallpaper()]);
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  await page.locator('.face').first().getByText('Quality').click();
  await scene.shot('recognise-2-several-pictures');
  await page.getByRole('button', { name: /wallpaper.jpg, recognised/ }).click();
  await page.getByRole('heading', { name: 'No face in this picture' }).waitFor();
  await scene.shot('recognise-3-no-face');

  await scene.paste(await sample(3));
  await page.getByRole('heading', { name: /^\d faces$/ }).waitFor();

  await page.getByRole('button', { name: 'Camera' }).click();
  const take = page.getByRole('button', { name: 'Take picture' });
  await take.waitFor();
  await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
  await scene.shot('recognise-4-camera');
  await take.click();
  await page.getByText('camera.jpg').first().waitFor();
  await page.getByRole('heading', { name: /face/ }).first().waitFor();
  assert.ok((await layoutShift(page)) < 0.1, 'things jumped');
});

test('a face is named with the keyboard alone, and its box is chosen with it', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('recognise');
  await page.getByLabel('Choose pictures').setInputFiles(await sample(1));
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  const box = page.getByRole('button', { name: 'Face 2: unknown' });
  for (let presses = 0; presses < 30 && !(await isFocused(box)); presses++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await box.getAttribute('aria-pressed'), 'true');
  const field = page.locator('.face').nth(1).getByLabel('Who is this?');
  for (let presses = 0; presses < 30 && !(await isFocused(field)); presses++)
    await page.keyboard.press('Tab');
  await page.keyboard.type('Grace');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Face 2: Grace' }).waitFor();
  await page.getByRole('status').filter({ hasText: 'Grace will be recognised' }).waitFor();
  await scene.shot('recognise-5-named-by-keyboard');

  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.getByRole('button', { name: /Face 2: Grace, similarity/ }).waitFor();
  await scene.shot('recognise-6-recognised');
});

test('what is no picture is said so, and a service that is gone too', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('recognise');
  const broken = { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not a picture') };
  await page.getByLabel('Choose pictures').setInputFiles(broken);
  await page.getByRole('alert').filter({ hasText: 'Not a picture' }).waitFor();
  await scene.shot('recognise-7-not-a-picture');
  await scene.service.stop();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
  await scene.shot('recognise-8-no-service');
});

function isFocused(locator: import('playwright-core').Locator): Promise<boolean> {
  return locator.evaluate((element) => element === document.activeElement);
}
