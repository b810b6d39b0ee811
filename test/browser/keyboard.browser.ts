import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../support/service.ts';
import { PATIENCE_MS, Scene, sample } from './scene.ts';

test('every view has its landmarks, headings and names, in order', async () => {
  await using scene = await Scene.start({ flags: ['--min-workers', '1'] });
  const { page } = scene;
  await scene.open('recognise');
  await page.getByLabel('Choose pictures').setInputFiles(await sample(1));
  await page.getByRole('heading', { name: '3 faces' }).waitFor();
  await page.locator('.face').first().getByLabel('Who is this?').fill('Alex');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Face 1: Alex' }).waitFor();
  assertInOrder(await scene.outline(), [
    'button "Skip to content"',
    '- banner:',
    'navigation "Views"',
    'link "Recognise"',
    'link "Jobs"',
    '- main:',
    'heading "Who is on this picture?" [level=1]',
    'group "Pictures"',
    'button "Camera"',
    'article "Result for sample1.jpg"',
    'img "sample1.jpg"',
    'button "Face 1: Alex"',
    'button "Face 3: unknown"',
    'region "Timings"',
    'heading "3 faces" [level=2]',
    'heading "1 Alex introduced" [level=3]',
    'heading "2 Unknown" [level=3]',
    'combobox "Who is this?"',
    'status',
  ]);

  await page.getByRole('navigation').locator('[aria-current="page"]', { hasText: 'Recognise' }).waitFor();

  await scene.open('people');
  await page.getByRole('link', { name: /Alex/ }).waitFor();
  assertInOrder(await scene.outline('main'), [
    'heading "People 1" [level=1]',
    'searchbox "Search people"',
    'button "Add person"',
    '- list:',
    'link "Alex 1 face"',
  ]);
  await page.getByRole('link', { name: /Alex/ }).click();
  await page.getByRole('checkbox').waitFor();
  assertInOrder(await scene.outline('main'), [
    'link "People"',
    'heading "Alex" [level=1]',
    'button "Rename"',
    'button "Merge"',
    'button "Remove"',
    'button "Choose more pictures of Alex"',
    'checkbox "Face 1 of Alex, from',
  ]);

  await scene.open('fleet');
  await page.locator('.slot.idle').waitFor();
  assertInOrder(await scene.outline('main'), [
    'heading "Fleet" [level=1]',
    'term: waiting',
    'heading "Instances" [level=2]',
    'heading "See it scale" [level=2]',
    'spinbutton "Pictures"',
    'spinbutton "A second"',
    'button "Start"',
    'figure',
    'img "Backlog, last three minutes. Now: waiting 0, in flight 0"',
    'img "Latency, last three minutes. Now:',
    'heading "Scaling decisions" [level=2]',
  ]);

  await scene.open('jobs');
  const recognition = page.getByRole('listitem').filter({ hasText: 'recognition' });
  await recognition.getByRole('button', { name: 'Details of sample1.jpg' }).click();
  assertInOrder(await scene.outline('main'), [
    'heading "Jobs" [level=1]',
    'region "Dead letters"',
    'heading "Recent" [level=2]',
    'group "Which jobs"',
    'radio "All" [checked]',
    'radio "Cancelled"',
    'button "Details of sample1.jpg" [expanded]',
  ]);
});

test('the keyboard goes through the page in order, into dialogs and back to where it was', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  await scene.open('recognise');
  await page.getByRole('button', { name: /Sample photograph 6/ }).waitFor();
  assert.deepEqual(await tabThrough(scene, 9), [
    'Skip to content',
    'Facefleet',
    'Recognise',
    'People',
    'Fleet',
    'Jobs',
    'Choose pictures',
    'Camera',
    'Sample photograph 1: a group of people',
  ]);
  await page.getByRole('button', { name: 'Camera' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Camera' }).waitFor();
  await page.keyboard.press('Escape');
  await waitForFocus(scene, 'Camera');

  await page.getByRole('button', { name: 'Skip to content' }).focus();
  await page.keyboard.press('Enter');
  assert.deepEqual(await tabThrough(scene, 1), ['Choose pictures']);

  await page.getByRole('link', { name: 'People' }).press('Enter');
  await page.getByText('Nobody is known yet').waitFor();
  const add = page.getByRole('button', { name: 'Add person' });
  await add.focus();
  await page.keyboard.press('Enter');
  await waitForFocus(scene, 'Name');
  // The page behind is out of reach: going round, the focus stays in the dialog, or goes to the browser.
  for (const name of await tabThrough(scene, 12)) {
    assert.ok(['Name', 'Close', 'Choose pictures of this person', 'Add', ''].includes(name), name);
  }
  await page.keyboard.press('Escape');
  await waitForFocus(scene, 'Add person');

  await page.keyboard.press('Enter');
  await waitForFocus(scene, 'Name');
  await page.keyboard.type('Grace');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Open Grace' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Grace', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Remove' }).focus();
  await page.keyboard.press('Enter');
  await waitForFocus(scene, 'Cancel');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  // What had the focus is no more: it goes on at the top of the view.
  await page.getByText('Nobody is known yet').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'main');
  await page.getByRole('status').filter({ hasText: 'Grace was removed' }).waitFor();
});

/** Names of what has the focus after each of so many presses of Tab. */
async function tabThrough({ page }: Scene, presses: number): Promise<string[]> {
  const names: string[] = [];
  for (let press = 0; press < presses; press++) {
    await page.keyboard.press('Tab');
    names.push(await page.evaluate(focusedName));
  }
  return names;
}

async function waitForFocus({ page }: Scene, name: string): Promise<void> {
  const isThere = async () => (await page.evaluate(focusedName)) === name;
  await eventually(`the focus is on ${name}`, isThere, PATIENCE_MS / 1000);
}

/** Runs in the browser. */
function focusedName(): string {
  const element = document.activeElement as HTMLElement;
  if (element === document.body) return '';
  const label = (element as HTMLInputElement).labels?.[0];
  const image = element.querySelector('img');
  return (
    element.getAttribute('aria-label') ||
    label?.innerText.trim() ||
    element.innerText.trim() ||
    image?.alt ||
    element.tagName
  );
}

function assertInOrder(outline: string, wanted: readonly string[]): void {
  let from = 0;
  for (const line of wanted) {
    const at = outline.indexOf(line, from);
    assert.ok(at >= 0, `${line} is missing, or is not behind what comes before it, in\n${outline}`);
    from = at + line.length;
  }
}
