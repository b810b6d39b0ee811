import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FolderObjectStore } from '../../src/adapters/local/folder-object-store.ts';
import type { JobResult } from '../../src/jobs/job.ts';
import { bucketNames } from '../../src/jobs/keys.ts';
import { randomFrom } from '../support/face-pictures.ts';
import { processesOf, Service, temporaryFolder } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, type NamedPicture, picturesOf, post } from './check.ts';

/** For how long a client keeps asking with its key. */
const PATIENCE_MS = 120_000;

/** Every process is killed while clients wait; what was accepted must be answered once and for all. */
export const deaths: Check = {
  name: 'deaths',
  promise:
    'a worker killed every second, broker, web tier and `up` once each: every accepted job has exactly one result',
  async run({ whole, seed }, report) {
    const count = whole ? 500 : 60;
    const dataDir = temporaryFolder();
    const scene: Scene = {
      service: await Service.start({ dataDir, flags: ['--visibility-timeout', '4'] }),
      done: 0,
      kills: [],
    };
    const stop = new AbortController();
    try {
      const people = await enrolSitters(scene.service);
      const enrolled = (await resultsOf(dataDir)).length;
      const pictures = await picturesOf(people, { count, seed, sidePx: 64 });
      const killer = killWorkers(scene, randomFrom(seed), stop.signal, 1000);
      const others = killOthers(scene, count, report);
      const texts = await inParallel(pictures, 50, (picture, index) =>
        askUntilAnswered(scene, picture, `job-${index}`),
      );
      stop.abort();
      await Promise.all([killer, others]);

      assert.deepEqual(
        texts,
        pictures.map(({ name }) => `test_00:${name}`),
      );
      const results = await resultsOf(dataDir);
      assert.equal(results.length - enrolled, count, 'one stored result a job');
      assert.deepEqual(
        results.filter(({ status }) => status !== 'done').map(({ jobId }) => jobId),
        [],
      );
      const killed = (name: string) => scene.kills.filter((kill) => kill === name).length;
      return {
        pictures: count,
        workersKilled: killed('worker'),
        brokerKilled: killed('broker'),
        webKilled: killed('web'),
        upKilled: killed('up'),
      };
    } finally {
      stop.abort();
      await scene.service[Symbol.asyncDispose]();
    }
  },
};

interface Scene {
  service: Service;
  done: number;
  readonly kills: string[];
}

async function killWorkers(
  scene: Scene,
  random: () => number,
  stop: AbortSignal,
  everyMs: number,
): Promise<void> {
  while (!stop.aborted) {
    await sleep(everyMs, undefined, { signal: stop }).catch(() => {});
    const workers = scene.service.workers();
    const victim = workers[Math.floor(random() * workers.length)];
    if (victim !== undefined && !stop.aborted) kill(scene, 'worker', victim);
  }
}

/** The broker at a fifth of the work, the web tier at two fifths, `up` at three, which somebody then starts again. */
async function killOthers(scene: Scene, count: number, report: (line: string) => void): Promise<void> {
  const progress = async (share: number) => {
    while (scene.done < count * share) await sleep(10);
  };
  for (const [share, tier] of [
    [0.2, 'broker'],
    [0.4, 'web'],
  ] as const) {
    await progress(share);
    report(`killing the ${tier} at ${scene.done} of ${count}`);
    kill(scene, tier, processesOf(scene.service.dataDir, tier)[0]);
  }
  await progress(0.6);
  report(`killing up at ${scene.done} of ${count}`);
  scene.kills.push('up');
  await scene.service.kill();
  const { dataDir, url } = scene.service;
  scene.service = await Service.start({
    dataDir,
    flags: ['--visibility-timeout', '4', '--port', new URL(url).port],
  });
}

function kill(scene: Scene, name: string, pid: number | undefined): void {
  assert.ok(pid !== undefined, `${name} runs`);
  scene.kills.push(name);
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // A worker may have ended by itself in between.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** As a good client does: the same key again until there is an answer. */
async function askUntilAnswered(scene: Scene, picture: NamedPicture, key: string): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  let last = '';
  while (performance.now() < until) {
    try {
      const answer = await post(scene.service.url, picture.bytes, { headers: { 'Idempotency-Key': key } });
      if (answer.status === 200) {
        scene.done++;
        return answer.text;
      }
      last = `${answer.status} ${answer.text}`;
    } catch (error) {
      last = String(error);
    }
    await sleep(200);
  }
  return `${key} got no answer: ${last}`;
}

async function resultsOf(dataDir: string): Promise<JobResult[]> {
  const { output } = bucketNames('facefleet');
  const folder = join(dataDir, 'buckets', output);
  const store = new FolderObjectStore({ bucket: output, folder, withLock: (_name, work) => work() });
  const results: JobResult[] = [];
  for await (const { key } of store.list({ prefix: 'results/' })) {
    const object = await store.get(key);
    results.push(JSON.parse(String(await object?.bytes())) as JobResult);
  }
  return results;
}
