import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { silentLogger } from '../../logger.ts';
import { openPage } from './page.ts';
import { pageFolder } from './page-folder.ts';

const logger = silentLogger;
const root = join(import.meta.dirname, '..', '..', '..');

function writeSources(folder: string, text = 'one'): void {
  mkdirSync(join(folder, 'src', 'ui'), { recursive: true });
  writeFileSync(join(folder, 'src', 'ui', 'main.tsx'), text);
}

test('the folder of a build is named after its sources, tests apart', async () => {
  await using folder = temporaryFolder();
  assert.equal(pageFolder(folder.path), undefined);
  writeSources(folder.path);
  const first = pageFolder(folder.path);
  writeFileSync(join(folder.path, 'src', 'ui', 'main.test.ts'), 'a test');
  assert.equal(pageFolder(folder.path), first);
  writeSources(folder.path, 'two');
  assert.notEqual(pageFolder(folder.path), first);
});

test('a built page is read with its compressed forms', async () => {
  await using folder = temporaryFolder();
  writeSources(folder.path);
  const built = pageFolder(folder.path)!;
  mkdirSync(join(built, 'assets'), { recursive: true });
  writeFileSync(join(built, 'index.html'), '<p>');
  writeFileSync(join(built, 'assets', 'main-1.js'), 'script');
  writeFileSync(join(built, 'assets', 'main-1.js.br'), 'packed');
  const files = await openPage(logger, folder.path).files;
  assert.deepEqual([...(files?.keys() ?? [])].sort(), ['assets/main-1.js', 'index.html']);
  const script = files?.get('assets/main-1.js');
  assert.equal(script?.isHashed, true);
  assert.equal(script.type, 'text/javascript; charset=utf-8');
  assert.deepEqual([...script.bodies.keys()].sort(), ['br', 'identity']);
});

test('without a build and without the means to build there is no page, and nothing breaks', async () => {
  await using folder = temporaryFolder();
  assert.equal(await openPage(logger, folder.path).files, undefined);
  writeSources(folder.path);
  assert.equal(await openPage(logger, folder.path).files, undefined);
});

test('the page is built from its sources, nothing inline, and a first load is small', async () => {
  const files = await openPage(logger, root).files;
  const html = files?.get('index.html')?.bodies.get('identity')?.toString() ?? '';
  assert.match(html, /<script type="module" crossorigin src="\/ui\/assets\/[\w-]+\.js">/);
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?:/);
  const named = [...html.matchAll(/\/ui\/([\w./-]+)/g)].map(([, path]) => path!);
  assert.ok(named.length >= 3, html);
  const sizes = named.map((path) => {
    const bodies = files?.get(path)?.bodies;
    assert.ok(bodies, path);
    return (bodies.get('gzip') ?? bodies.get('identity'))!.length;
  });
  assert.ok(sizes.reduce((sum, size) => sum + size) < 150_000, `${sizes}`);
});
