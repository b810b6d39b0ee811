import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE_MS, Scene, sample, wallpaper } from './scene.ts';

const environment = { FACEFLEET_REQUIRE_KEYS: 'true' };

async function makeKey({ service }: Scene, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await service.command('keys', 'create', 'a name', '--json', ...words);
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { key: string }).key;
}

async function enter({ page }: Scene, key: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'API key' });
  await dialog.getByLabel('Key', { exact: true }).fill(key);
  await dialog.getByRole('button', { name: 'Use this key' }).click();
}

test('a service with keys asks for one, says what is wrong with it, and offers what it may do', async () => {
  await using scene = await Scene.start({ environment });
  const { page } = scene;
  const [kiosk, operator] = await Promise.all([
    makeKey(scene, '--scope', 'recognise'),
    makeKey(scene, '--scope', 'admin'),
  ]);
  const dialog = page.getByRole('dialog', { name: 'API key' });
  await page.goto(scene.url);
  await dialog.waitFor();
  await scene.shot('keys-1-asked');

  // Whoever closes the dialog is not asked again and again, but can go on.
  await page.keyboard.press('Escape');
  await page.getByRole('alert').filter({ hasText: 'An API key is needed' }).waitFor();
  await scene.shot('keys-2-declined');
  await page.getByRole('main').getByRole('button', { name: 'Enter key' }).click();
  await enter(scene, 'ff_not_a_key');
  await dialog.getByRole('alert').filter({ hasText: 'The API key is not valid' }).waitFor();
  await scene.shot('keys-3-refused');
  await enter(scene, kiosk);
  await dialog.waitFor({ state: 'detached' });

  await page.getByLabel('Choose pictures').setInputFiles(await sample(1));
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  assert.equal(await page.getByText('Who is this?').count(), 0);
  await scene.shot('keys-4-recognise-only');
  await scene.open('people');
  await page.getByText('Whoever may change people can add some').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Add person' }).count(), 0);
  await scene.open('fleet');
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('heading', { name: 'Scaling decisions' }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'See it scale' }).count(), 0);
  await scene.open('jobs');
  await page.getByText('sample1.jpg').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Dead letters' }).count(), 0);

  await page.getByRole('button', { name: 'Key' }).click();
  await enter(scene, operator);
  await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
  await scene.open('recognise');
  await page.locator('.face').first().getByLabel('Who is this?').fill('Alex');
  await page.keyboard.press('Enter');
  await page.locator('.face').first().getByRole('heading', { name: 'Alex' }).waitFor();
  // An <img> sends no key: the thumbnail is there all the same.
  await scene.open('people');
  const thumbnail = page.getByRole('link', { name: /Alex/ }).locator('img');
  await page.waitForFunction(
    (image) => (image as HTMLImageElement).naturalWidth > 0,
    await thumbnail.elementHandle(),
  );

  await page.getByRole('button', { name: 'Key' }).click();
  await dialog.getByRole('button', { name: 'Forget the key' }).click();
  await dialog.getByText('asks everybody for a key').waitFor();
});

test('a key that may ask seldom is told when to come again, and one of a gallery sees that gallery', async () => {
  await using scene = await Scene.start({ environment });
  const { page } = scene;
  const admin = await makeKey(scene, '--scope', 'admin');
  const [seldom, enroller] = await Promise.all([
    makeKey(scene, '--scope', 'recognise', '--per-minute', '2'),
    makeKey(scene, '--scope', 'enrol'),
  ]);
  const made = await fetch(`${scene.service.url}/v1/galleries`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'staff' }),
  });
  assert.ok(made.ok, `${made.status}`);
  const staff = await makeKey(scene, '--scope', 'recognise', 'enrol', '--gallery', 'staff');

  await page.goto(scene.url);
  await enter(scene, enroller);
  await page.getByText('This key does not open the page').waitFor();
  await page.getByRole('button', { name: 'Key' }).click();
  await enter(scene, seldom);
  // Its first request has asked what it may do; of these only one more is answered.
  await page
    .getByLabel('Choose pictures')
    .setInputFiles([await wallpaper(), await wallpaper(), await wallpaper()]);
  const frames = page.getByRole('button', { name: /wallpaper.jpg, failed/ });
  await frames.first().click();
  await page.getByRole('alert').filter({ hasText: 'This key may ask 2 times a minute' }).waitFor();
  await page.getByRole('button', { name: /^Again in \d+ s$/ }).waitFor();
  await scene.shot('keys-5-too-often');
  await page.getByRole('button', { name: 'Try again' }).click({ timeout: 2 * PATIENCE_MS });
  await page.getByRole('heading', { name: 'No face in this picture' }).waitFor();

  await page.getByRole('button', { name: 'Key' }).click();
  await enter(scene, staff);
  await page.getByRole('link', { name: 'Fleet', exact: true }).waitFor({ state: 'detached' });
  await page.getByLabel('Choose pictures').setInputFiles(await sample(1));
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  await page.locator('.face').first().getByLabel('Who is this?').fill('Sam');
  await page.keyboard.press('Enter');
  await page.locator('.face').first().getByRole('heading', { name: 'Sam' }).waitFor();
  await page.getByRole('link', { name: 'People', exact: true }).click();
  await page.getByRole('link', { name: /Sam/ }).click();
  await page.getByRole('heading', { name: 'Sam', level: 1 }).waitFor();
});
