import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom } from '../support/face-pictures.ts';
import { residentBytes, Service } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';

/** What the documentation allows as an answer to a broken upload. */
const ALLOWED = new Set([0, 200, 400, 413, 415, 429, 503]);
const MEBI = 1024 * 1024;

/** Mutated uploads: broken multipart, broken pictures, both. */
export const badInput: Check = {
  name: 'bad-input',
  promise: '10 000 mutated uploads: no crash, no 5xx but the documented ones, memory flat',
  async run({ whole, seed }, report) {
    const count = whole ? 10_000 : 300;
    await using service = await Service.start({ flags: ['--min-workers', '1'] });
    const people = await enrolSitters(service);
    const [good] = await picturesOf(people, { count: 1, seed, sidePx: 250 });
    const random = randomFrom(seed);
    const bodies = Array.from({ length: 64 }, () => mutate(multipart(good!.bytes), random));
    const statuses = new Map<number, number>();
    const undocumented: string[] = [];
    let settledBytes = 0;
    let sent = 0;

    await inParallel(Array.from({ length: count }), 20, async (_, index) => {
      const base = bodies[index % bodies.length]!;
      const { status, text } = await send(service.url, index < bodies.length ? base : mutate(base, random));
      if (!ALLOWED.has(status)) undocumented.push(`${status} ${text}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (++sent === Math.floor(count / 4)) settledBytes = residentBytes(service.tiers.web.pid);
      if (sent % 2000 === 0) report(`${sent} of ${count}: ${JSON.stringify(Object.fromEntries(statuses))}`);
    });
    await sleep(500);

    assert.deepEqual(undocumented, []);
    assert.ok(!/died; restarting/.test(service.log), `no tier died: ${service.log.slice(-4000)}`);
    const grownMb = (residentBytes(service.tiers.web.pid) - settledBytes) / MEBI;
    if (whole) assert.ok(grownMb < 40, `the web tier grew by ${grownMb} MB`);
    const answer = await post(service.url, good!.bytes);
    assert.equal(answer.text, `test_00:${good!.name}`, 'it still recognises');
    return {
      uploads: count,
      statuses: JSON.stringify(Object.fromEntries(statuses)),
      webGrownMb: Math.round(grownMb),
    };
  },
};

const BOUNDARY = 'facefleet-boundary';

function multipart(picture: Buffer): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="inputFile"; filename="test_00.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), picture, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** One to four wounds: bytes flipped, cut, repeated, or strewn in. */
function mutate(body: Buffer, random: () => number): Buffer {
  let mutated = Buffer.from(body);
  const wounds = 1 + Math.floor(random() * 4);
  for (let wound = 0; wound < wounds; wound++) {
    const at = Math.floor(random() * random() * mutated.length);
    const length = 1 + Math.floor(random() * 200);
    const kind = Math.floor(random() * 4);
    if (kind === 0) mutated = mutated.subarray(0, at + 1);
    else if (kind === 1) mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + length)]);
    else if (kind === 2) mutated = Buffer.concat([mutated.subarray(0, at + length), mutated.subarray(at)]);
    else
      for (let offset = at; offset < Math.min(at + length, mutated.length); offset++)
        mutated[offset] = Math.floor(random() * 256);
  }
  return Buffer.from(mutated);
}

/** Status 0: the server closed the connection without an answer, as it may. */
async function send(url: string, body: Buffer): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(`${url}/`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` },
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}
