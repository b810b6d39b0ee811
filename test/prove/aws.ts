import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucketNames } from '../../src/jobs/keys.ts';
import { AwsService } from '../support/aws-service.ts';
import { randomFrom } from '../support/face-pictures.ts';
import { eventually } from '../support/service.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';
import { watchPeak } from './peak.ts';

/** For how long a client keeps asking with its key. */
const PATIENCE_MS = 120_000;
/** A drain, EC2's list and the end of an instance. */
const BACK_TO_ZERO_SECONDS = 90;

/** The first checks of one machine again, where buckets are S3's, queues SQS's and instances EC2's. */
export const aws: Check = {
  name: 'aws',
  promise:
    'on S3, SQS and EC2: a burst, one file name for all, and deaths; instances 0 → n → 0, queues 0 → 0, objects named as the course wants',
  async run({ whole, seed }, report) {
    await using service = await AwsService.start();
    const people = await enrolSitters(service);
    await restsAt(service);
    const enrolled = results(service);

    const burst = await picturesOf(people, { count: whole ? 1000 : 40, seed, sidePx: 64 });
    using peak = watchPeak(() => service.ec2.inState('running').length);
    const startedAt = performance.now();
    const answers = await inParallel(burst, 100, ({ bytes }, index) =>
      post(service.url, bytes, { fileName: `test_${index}.jpg` }),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    assert.deepEqual(
      answers.map(({ text }) => text),
      burst.map(({ name }, index) => `test_${index}:${name}`),
    );
    // A client that finds the result in the bucket is answered a moment before its mirror is written.
    const isMirrored = () => burst.every((_, index) => service.outputs.has(`test_${index}`));
    await eventually('every output object is there', isMirrored, 60);
    assert.deepEqual(
      burst.map((_, index) => service.outputs.get(`test_${index}`)),
      burst.map(({ name }) => name),
    );
    report(`a burst of ${burst.length} in ${seconds.toFixed(1)} s`);
    assert.equal(peak.highest, 2, 'instances reached the maximum');
    if (whole) await restsAt(service);

    const same = await picturesOf(people, { count: whole ? 100 : 12, seed: seed + 1, sidePx: 250 });
    const sameAnswers = await inParallel(same, same.length, ({ bytes }) => post(service.url, bytes));
    assert.deepEqual(
      sameAnswers.map(({ text }) => text),
      same.map(({ name }) => `test_00:${name}`),
    );
    await eventually('test_00 is there', () => service.outputs.has('test_00'), 60);
    assert.ok(
      same.some(({ name }) => name === service.outputs.get('test_00')),
      'test_00 names whoever came first',
    );
    report(`${same.length} pictures of one file name`);

    const mortal = await picturesOf(people, { count: whole ? 500 : 20, seed: seed + 2, sidePx: 64 });
    const killEveryMs = whole ? 1000 : 2500;
    const kills = await withDeaths(service, { seed, killEveryMs }, async (done) => {
      const texts = await inParallel(mortal, 50, async ({ bytes }, index) => {
        const text = await askUntilAnswered(service, bytes, {
          key: `job-${index}`,
          fileName: `death_${index}.jpg`,
        });
        done(index / mortal.length);
        return text;
      });
      assert.deepEqual(
        texts,
        mortal.map(({ name }, index) => `death_${index}:${name}`),
      );
    });
    report(`${mortal.length} pictures with deaths`);
    await restsAt(service);
    const all = burst.length + same.length + mortal.length;
    assert.equal(results(service) - enrolled, all, 'one stored result a job');
    assert.equal(service.outputs.size, all, 'one output object a picture');
    return {
      pictures: all,
      seconds: Number(seconds.toFixed(1)),
      perSecond: Math.round(burst.length / seconds),
      peakInstances: peak.highest,
      launches: service.ec2.hypervisor.instances.size,
      ...kills,
    };
  },
};

/** No instance lives, no message is anywhere. */
async function restsAt(service: AwsService): Promise<void> {
  await eventually('no instance lives', () => service.living === 0, BACK_TO_ZERO_SECONDS).catch(
    (error: Error) => {
      throw new Error(`${error.message}\n${service.log.slice(-5000)}`);
    },
  );
  // An answer that a killed web tier had received comes back after half a minute.
  const isEmpty = () => Object.values(service.queued).every((count) => count === 0);
  await eventually('every queue is empty', isEmpty, BACK_TO_ZERO_SECONDS);
}

function results(service: AwsService): number {
  const { keys } = service.s3.buckets.get(bucketNames(service.prefix).state)!;
  return keys.filter((key) => key.startsWith('results/')).length;
}

/** A worker is killed ever again, web tier and controller once each; all start again as their units would have it. */
async function withDeaths(
  service: AwsService,
  { seed, killEveryMs }: { seed: number; killEveryMs: number },
  work: (progress: (share: number) => void) => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  const random = randomFrom(seed);
  const stop = new AbortController();
  const kills = { workersKilled: 0, webKilled: 0, controllerKilled: 0 };
  const killer = (async () => {
    while (!stop.signal.aborted) {
      await sleep(killEveryMs, undefined, { signal: stop.signal }).catch(() => {});
      const workers = service.workers();
      const victim = workers[Math.floor(random() * workers.length)];
      if (victim === undefined || stop.signal.aborted) continue;
      kills.workersKilled++;
      try {
        process.kill(victim, 'SIGKILL');
      } catch (error) {
        // It may have ended by itself in between.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  })();
  const progress = (share: number) => {
    if (share > 0.3 && kills.webKilled === 0) {
      kills.webKilled++;
      service.kill('web');
    }
    if (share > 0.6 && kills.controllerKilled === 0) {
      kills.controllerKilled++;
      service.kill('controller');
    }
  };
  try {
    await work(progress);
  } finally {
    stop.abort();
    await killer;
  }
  assert.deepEqual([kills.webKilled, kills.controllerKilled], [1, 1]);
  return kills;
}

/** As a good client does: the same key again until there is an answer. */
async function askUntilAnswered(
  service: AwsService,
  picture: Uint8Array,
  { key, fileName }: { key: string; fileName: string },
): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  let last = '';
  while (performance.now() < until) {
    try {
      const options = { fileName, headers: { 'Idempotency-Key': key } };
      const answer = await post(service.url, picture, options);
      if (answer.status === 200) return answer.text;
      last = `${answer.status} ${answer.text}`;
    } catch (error) {
      last = String(error);
    }
    await sleep(200);
  }
  return `${key} got no answer: ${last}`;
}
