import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Scene } from './scene.ts';

/** For a burst to be worked off, and for the fleet to be let go after it, on a machine with other things to do. */
const BURST_MS = 240_000;

test('the fleet is seen to grow, to work and to shrink, with the reasons', async () => {
  await using scene = await Scene.start();
  const { page } = scene;
  const startedAt = performance.now();
  await scene.open('fleet');
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('None is needed now, so none runs.').waitFor();
  await scene.shot('fleet-1-idle');

  const instances = page.locator('.tile', { hasText: 'instances' }).getByRole('definition');
  assert.match(await instances.innerText(), /^0/);
  await page.getByRole('spinbutton', { name: 'Pictures' }).fill('120');
  await page.getByRole('spinbutton', { name: 'A second' }).fill('20');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByText(/\d+ of 120 pictures answered/).waitFor();
  await page.locator('.slot.busy').first().waitFor();
  await page.getByRole('img', { name: /^Instances, .* busy [1-9]/ }).waitFor();
  await page.getByRole('img', { name: /^Throughput, .* jobs a second [1-9]/ }).waitFor();
  await page.getByRole('img', { name: /^Latency, .* median \d/ }).waitFor();
  await page
    .getByRole('listitem')
    .filter({ hasText: /0 → [1-9]/ })
    .first()
    .waitFor();
  await scene.shot('fleet-2-at-work');

  await page.getByText(/Done: 120 pictures answered/).waitFor({ timeout: BURST_MS });
  for (const title of ['Backlog', 'Instances', 'Throughput', 'Latency']) {
    assert.ok((await paintedShare(scene, title)) > 0.001, `the chart ${title} shows nothing`);
  }
  await page.getByText('None is needed now, so none runs.').waitFor({ timeout: BURST_MS });
  await page
    .getByRole('listitem')
    .filter({ hasText: /[1-9] → 0/ })
    .first()
    .waitFor();
  console.log(
    `grown and shrunk ${Math.round((performance.now() - startedAt) / 1000)} s after the page was opened`,
  );
  await scene.shot('fleet-3-shrunk');
});

test('a workload is stopped, and one that is refused says why', async () => {
  await using scene = await Scene.start({ flags: ['--min-workers', '1'] });
  const { page } = scene;
  await scene.open('fleet');
  await page.getByRole('spinbutton', { name: 'Pictures' }).fill('1000');
  await page.getByRole('spinbutton', { name: 'A second' }).fill('5');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByText(/[1-9]\d* of 1,000 pictures answered/).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText(/^Stopped: /).waitFor();
  // Somebody else has started one meanwhile.
  await page.evaluate(() =>
    fetch('/v1/workload', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ requests: 1000, ratePerSecond: 1 }),
    }),
  );
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('status').filter({ hasText: 'running already' }).waitFor();
});

test('the stream of a web tier that died is said to be lost, and comes back by itself', async () => {
  await using scene = await Scene.start({ flags: ['--min-workers', '1'] });
  const { page, service } = scene;
  await scene.open('fleet');
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('.slot.idle').waitFor();
  // Stopped, the supervisor starts nothing anew before the page was looked at.
  process.kill(service.pid, 'SIGSTOP');
  try {
    process.kill(service.tiers.web.pid, 'SIGKILL');
    await page.getByText('Connection lost, trying again').waitFor();
    await page.locator('.slot.idle').waitFor();
    await scene.shot('fleet-4-lost');
  } finally {
    process.kill(service.pid, 'SIGCONT');
  }
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('Connection lost, trying again').waitFor({ state: 'detached' });
  await page.locator('.slot.idle').waitFor();
});

/** Of the pixels of a chart, how many have a colour. */
function paintedShare({ page }: Scene, title: string): Promise<number> {
  const chart = page.getByRole('figure').filter({ has: page.getByRole('heading', { name: title }) });
  return chart.locator('canvas').evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    let painted = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue, alpha] = data.subarray(at, at + 4);
      const spread = Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!);
      if (alpha! > 100 && spread > 60) painted++;
    }
    return painted / (data.length / 4);
  });
}
