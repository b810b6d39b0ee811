import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { connect as openSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { Gallery, type NewFace } from '../../src/gallery/index.ts';
import { randomFrom } from '../support/face-pictures.ts';
import { residentBytes, Service } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';

const MEBI = 1024 * 1024;
const WORKER_LIMIT_MB = 400;
const GROWTH_LIMIT_MB = 15;
const WEB_LIMIT_MB = 200;
const GALLERY_FACES = 10_000;
const BATCH = 250;
const UPLOADS = 100;
const UPLOAD_BYTES = 5 * MEBI;
/** What the uploads of one round leave behind shows in the next. */
const ROUNDS = 4;
const UPLOAD = randomBytes(UPLOAD_BYTES);

/** Resident memory of a worker over many pictures, and of the web tier under many large uploads. */
export const memory: Check = {
  name: 'memory',
  promise:
    'a worker under 400 MB (gallery of 10 000) and flat over 5 000 pictures; the web tier under 200 MB with 100 uploads of 5 MB in flight',
  async run({ whole, seed }, report) {
    const count = whole ? 5000 : 200;
    await using service = await Service.start({ flags: ['--min-workers', '1', '--max-workers', '1'] });
    const people = await enrolSitters(service);
    await enrolStrangers(service, whole ? GALLERY_FACES : 500, randomFrom(seed));
    const pictures = await picturesOf(people, { count: 60, seed, sidePx: 250 });
    const worker = watchPeak(() => service.workers()[0]);
    let sent = 0;
    await inParallel(Array.from({ length: count }), 8, async (_, index) => {
      await post(service.url, pictures[index % pictures.length]!.bytes);
      worker.note(++sent);
      if (sent % 1000 === 0)
        report(
          `${sent} of ${count}: worker ${Math.round(residentBytes(service.workers()[0] ?? 0) / MEBI)} MB`,
        );
    });
    const workerPeakMb = worker.stop() / MEBI;
    assert.ok(workerPeakMb < WORKER_LIMIT_MB, `the worker reached ${workerPeakMb} MB`);
    const grownMb = (worker.floor(0.8 * count, count) - worker.floor(0.4 * count, 0.6 * count)) / MEBI;
    if (whole) assert.ok(grownMb < GROWTH_LIMIT_MB, `the worker grew by ${grownMb} MB in two fifths`);

    const webPeakMb = (await holdUploads(service, whole ? UPLOADS : 30, whole ? ROUNDS : 1)) / MEBI;
    assert.ok(webPeakMb < WEB_LIMIT_MB, `the web tier reached ${webPeakMb} MB`);
    return {
      pictures: count,
      faces: people.length + (whole ? GALLERY_FACES : 500),
      workerPeakMb: Math.round(workerPeakMb),
      workerGrownMb: Math.round(grownMb),
      webPeakMb: Math.round(webPeakMb),
    };
  },
};

/** Fills the gallery with people whose embeddings are random directions: like nobody's, and of the usual size. */
async function enrolStrangers(service: Service, count: number, random: () => number): Promise<void> {
  const loaded = loadConfig({
    environment: { FACEFLEET_DATA_DIR: service.dataDir, FACEFLEET_LOG_LEVEL: 'warn' },
  });
  await using deployment = await connect(loaded, { component: 'prove' });
  const gallery = new Gallery({ state: deployment.state, clock: deployment.clock });
  for (let first = 0; first < count; first += BATCH) {
    const faces = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) =>
      strangerOf(first + index, random),
    );
    await gallery.addFaces(faces);
  }
}

function strangerOf(number: number, random: () => number): NewFace {
  const raw = Float32Array.from({ length: 192 }, () => random() + random() + random() - 1.5);
  const norm = Math.hypot(...raw);
  return {
    person: `Stranger ${number}`,
    packId: 'fast',
    embedding: raw.map((value) => value / norm),
    sizePx: 100,
    embeddingNorm: 70,
    pictureSha256: createHash('sha256').update(`stranger ${number}`).digest('hex'),
    crop: Buffer.from('no picture'),
  };
}

/** Many uploads that all have sent most of their bytes, wait, and are cut off, several times; resolves to the web tier's peak. */
async function holdUploads(service: Service, uploads: number, rounds: number): Promise<number> {
  const web = watchPeak(() => service.tiers.web.pid);
  for (let round = 0; round < rounds; round++) {
    const sockets = Array.from({ length: uploads }, () => openUpload(service.url));
    await sleep(3000);
    for (const socket of sockets) socket.destroy();
    // Or more than so many would be in flight.
    await sleep(1500);
  }
  return web.stop();
}

/** Sends all but the last byte. */
function openUpload(url: string): Socket {
  const { port, hostname } = new URL(url);
  const socket = openSocket(Number(port), hostname);
  // The server may refuse any of them: that is allowed, growing is not.
  socket.on('error', () => {});
  socket.resume();
  socket.write(
    `POST /v1/recognitions HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: image/jpeg\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`,
  );
  socket.write(UPLOAD.subarray(0, UPLOAD_BYTES - 1));
  return socket;
}

interface MemoryWatch {
  /** How much has been done when the next samples are taken. */
  note(done: number): void;
  /**
   * The least that was taken between so much and so much done, bytes: what is left after a collection. The highs between two of
   * them differ by 40 MB in a process that doesn't grow at all.
   */
  floor(from: number, to: number): number;
  /** Ends it; returns the peak, bytes. */
  stop(): number;
}

function watchPeak(pid: () => number | undefined): MemoryWatch {
  const samples: { done: number; bytes: number }[] = [];
  let done = 0;
  const timer = setInterval(() => {
    const now = pid();
    const bytes = now === undefined ? 0 : residentBytes(now);
    if (bytes > 0) samples.push({ done, bytes });
  }, 100);
  // A check that fails before it is stopped must end too.
  timer.unref();
  return {
    note: (count) => {
      done = count;
    },
    floor: (from, to) =>
      Math.min(
        ...samples.filter((sample) => sample.done >= from && sample.done <= to).map(({ bytes }) => bytes),
      ),
    stop: () => {
      clearInterval(timer);
      return samples.reduce((peak, { bytes }) => Math.max(peak, bytes), 0);
    },
  };
}
