import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SAMPLE_NUMBERS, samplePicture } from '../support/sample-pictures.ts';
import { eventually, Service } from '../support/service.ts';
import { buildZip } from '../support/zip-builder.ts';

const PICTURES = 30;

interface Line {
  readonly index: number;
  readonly fileName: string;
  readonly status: string;
}

test('a batch outlives web tier, controller and workers, each killed while it runs', async () => {
  await using service = await Service.start();
  const pictures = await Promise.all(SAMPLE_NUMBERS.map((number) => samplePicture(number)));
  const names = Array.from({ length: PICTURES }, (_, index) => `${index}.jpg`);
  const archive = buildZip(
    names.map((name, index) => ({ name, content: pictures[index % pictures.length]!, isStored: true })),
  );
  const response = await fetch(`${service.url}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/zip' },
    body: new Uint8Array(archive),
  });
  assert.equal(response.status, 202);
  const { batchId } = (await response.json()) as { batchId: string };

  await eventually('workers are at it', () => service.workers().length > 0);
  kill(service.tiers.web.pid);
  kill(service.tiers.controller.pid);
  for (const pid of service.workers()) kill(pid);

  const lines: Line[] = [];
  await eventually(
    'every picture has its result',
    async () => {
      // As a client that is cut off again and again.
      lines.push(...(await linesFrom(service.url, batchId, lines.length)));
      return lines.length === PICTURES;
    },
    90,
  );
  assert.deepEqual(
    lines.map(({ fileName }) => fileName),
    names,
  );
  assert.ok(lines.every(({ status }) => status === 'done'));
});

async function linesFrom(url: string, batchId: string, offset: number): Promise<Line[]> {
  try {
    const response = await fetch(`${url}/v1/batches/${batchId}/results?offset=${offset}`);
    const text = await response.text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  } catch {
    // The web tier is being started again.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself a moment ago.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
