import assert from 'node:assert/strict';
import { test } from 'node:test';

import { otherTake, Scene, sample } from './scene.ts';

test('a newcomer names two people on a group picture and finds them on another', async () => {
  const startedAt = performance.now();
  await using scene = await Scene.start();
  const { page } = scene;
  const upAt = performance.now();
  // As a browser comes: to the address that `npm start` prints.
  await page.goto(scene.service.url);
  await page.getByText('Drop pictures here, paste, or choose').waitFor();
  const openAt = performance.now();
  await scene.shot('newcomer-1-first-sight');

  await scene.drop('.drop', [await sample(1)]);
  await page.getByText('3 faces').waitFor();
  const recognisedAt = performance.now();
  await scene.shot('newcomer-2-recognised');

  const faces = page.locator('.face');
  for (const [index, name] of [
    [0, 'Alex'],
    [1, 'Robin'],
  ] as const) {
    await faces.nth(index).getByLabel('Who is this?').fill(name);
    await faces.nth(index).getByRole('button', { name: 'Save' }).click();
    await faces.nth(index).getByRole('heading', { name }).waitFor();
  }
  await scene.shot('newcomer-3-named');
  const namedAt = performance.now();

  await scene.drop('.drop', [await otherTake()]);
  await page.locator('.face-box.known', { hasText: 'Alex' }).waitFor();
  await page.locator('.face-box.known', { hasText: 'Robin' }).waitFor();
  const foundAt = performance.now();
  await scene.shot('newcomer-4-found');

  // On another photograph of the same package, taken on another day, one of them is there again.
  await scene.drop('.drop', [await sample(3)]);
  await page.locator('.face-box.known', { hasText: 'Robin' }).waitFor();
  await scene.shot('newcomer-5-another-photograph');

  const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
  console.log(
    `started ${seconds(startedAt, upAt)}, page open ${seconds(upAt, openAt)}, recognised ${seconds(openAt, recognisedAt)}, ` +
      `two named ${seconds(recognisedAt, namedAt)}, found ${seconds(namedAt, foundAt)}: ${seconds(startedAt, foundAt)} in all`,
  );
  assert.ok(foundAt - startedAt < 120_000);
});
