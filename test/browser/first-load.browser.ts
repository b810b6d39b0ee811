import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Scene } from './scene.ts';

const MOST_BYTES = 150_000;
const MOST_MS = 1000;

test('the first load is small and soon usable, and the second comes from the cache', async () => {
  await using scene = await Scene.start();
  // Built before anything is measured: that happens once after a checkout.
  await scene.open('recognise');
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    scene.watch(page);
    const startedAt = performance.now();
    await page.goto(scene.url, { waitUntil: 'commit' });
    await page.getByLabel('Choose pictures').waitFor({ state: 'attached' });
    times.push(performance.now() - startedAt);
    const loaded = await page.evaluate(() =>
      (performance.getEntries() as PerformanceResourceTiming[])
        .filter(({ entryType }) => entryType === 'resource' || entryType === 'navigation')
        .map(({ name, transferSize }) => ({ name: new URL(name).pathname, transferSize })),
    );
    // The sample pictures are pictures, loaded when they come into sight.
    const page_ = loaded.filter(({ name }) => !name.startsWith('/ui/samples/'));
    const bytes = page_.reduce((sum, { transferSize }) => sum + transferSize, 0);
    assert.ok(bytes > 5000 && bytes < MOST_BYTES, JSON.stringify(page_));
    if (round === 0) console.log(`first load ${(bytes / 1000).toFixed(1)} KB in ${page_.length} requests`);
    await page.reload();
    await page.getByLabel('Choose pictures').waitFor({ state: 'attached' });
    const again = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.includes('/assets/'))
        .map(({ transferSize }) => transferSize),
    );
    assert.ok(again.length > 0 && again.every((size) => size === 0), 'assets came from the cache');
    await context.close();
  }
  console.log(`usable after ${times.map((ms) => Math.round(ms)).join(', ')} ms`);
  assert.ok(Math.min(...times) < MOST_MS, `${times}`);
});
