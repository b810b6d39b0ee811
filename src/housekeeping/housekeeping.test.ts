import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { FacefleetError, UnavailableError } from '../errors.ts';
import { encodeDeadLetter } from '../jobs/dead-letter.ts';
import type { Dialect, JobRecord, JobResult, JobTask } from '../jobs/job.ts';
import { attemptKey, idempotencyKey, inputKey, queueNames, resultKey } from '../jobs/keys.ts';
import { encodeMessage, parseAnswer, parseMessage } from '../jobs/messages.ts';
import { ensureJobQueues, type JobQueues } from '../jobs/queues.ts';
import { storeRecord } from '../jobs/record.ts';
import { createResult, readResult } from '../jobs/results.ts';
import { resultBucket } from '../jobs/stores.ts';
import { silentLogger } from '../logger.ts';
import { AgeSweep, ageRules } from './age-sweep.ts';
import { Bell } from './bell.ts';
import { DeadLetterCollector } from './dead-letter-collector.ts';
import { choresOf, keepHouse } from './housekeeping.ts';
import { LostJobSweep } from './lost-job-sweep.ts';

const PREFIX = 'facefleet';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const { signal } = new AbortController();

let clock: FakeClock;
let deployment: MemoryDeployment;
let queues: JobQueues;
let jobs: number;

beforeEach(async () => {
  clock = new FakeClock();
  deployment = new MemoryDeployment({ clock });
  jobs = 0;
  queues = await ensureJobQueues(deployment.queues, { prefix: PREFIX });
});

/** In the order of the test's clock. */
function newJobId(): string {
  const time = clock.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(++jobs).padStart(12, '0')}`;
}

interface JobOptions {
  readonly dialect?: Dialect;
  readonly task?: JobTask;
  readonly fileName?: string;
}

function storeJob({ dialect = 'native', task = { kind: 'recognise' }, fileName = 'a.jpg' }: JobOptions = {}) {
  const picture = Buffer.from('a picture');
  const draft = {
    version: 1,
    jobId: newJobId(),
    fileName,
    contentType: 'image/jpeg',
    sha256: '00',
    sizeBytes: picture.length,
    submittedAt: clock.now(),
    traceId: 'trace',
    dialect,
    task,
  };
  return storeRecord(deployment, clock, draft, {
    sizeBytes: picture.length,
    sha256: '00',
    open: () => picture,
  });
}

const messageOf = ({ jobId, submittedAt }: JobRecord, replyQueue?: string) => ({
  version: 1,
  jobId,
  submittedAt,
  deadline: submittedAt + 55_000,
  traceId: 'trace',
  ...(replyQueue === undefined ? {} : { replyQueue }),
});

function finish(record: JobRecord): Promise<boolean> {
  const result: JobResult = {
    version: 1,
    jobId: record.jobId,
    fileName: record.fileName,
    kind: record.task.kind,
    submittedAt: record.submittedAt,
    finishedAt: clock.now(),
    traceId: record.traceId,
    instanceId: 'i-1',
    status: 'failed',
    error: { code: 'bad-image', message: 'no picture' },
  };
  return createResult(resultBucket(deployment, record.dialect), result);
}

const queued = () =>
  deployment.queues.bodies(queueNames(PREFIX).requests).map((body) => parseMessage(body).jobId);
const receive = (waitSeconds = 0) =>
  queues.requests.receive({ max: 10, waitSeconds, visibilityTimeoutSeconds: 30 });

describe('the sweep for lost jobs', () => {
  let sweep: LostJobSweep;
  beforeEach(() => {
    sweep = new LostJobSweep({ ...deployment, requests: queues.requests });
  });

  const kinds: [name: string, options: JobOptions][] = [
    ['native', {}],
    ['course', { dialect: 'course' }],
    ['course enrolment', { dialect: 'course', task: { kind: 'enrol', person: 'Ada' } }],
  ];
  for (const [name, options] of kinds) {
    it(`sends a ${name} job again that has neither result nor message, once`, async () => {
      const record = await storeJob(options);
      await clock.advance(2 * MINUTE_MS);
      assert.equal(await sweep.run(signal), 1);
      assert.deepEqual(queued(), [record.jobId]);
      assert.equal(await sweep.run(signal), 0);
    });

    it(`leaves a finished ${name} job alone`, async () => {
      await finish(await storeJob(options));
      await clock.advance(2 * MINUTE_MS);
      assert.equal(await sweep.run(signal), 0);
    });
  }

  it('gives a job time whose upload has just been stored', async () => {
    await storeJob();
    await clock.advance(MINUTE_MS / 2);
    assert.equal(await sweep.run(signal), 0);
    await clock.advance(MINUTE_MS);
    assert.equal(await sweep.run(signal), 1);
  });

  it('waits while a message may be on its way', async () => {
    const record = await storeJob();
    await queues.requests.send(encodeMessage(messageOf(record)));
    await clock.advance(2 * MINUTE_MS);
    assert.equal(await sweep.run(signal), 0);
    const [message] = await receive();
    assert.equal(await sweep.run(signal), 0);
    await queues.requests.release(message?.receipt ?? '', 600);
    assert.equal(await sweep.run(signal), 0);
    await finish(record);
    await clock.advance(600_000);
    const [again] = await receive();
    await queues.requests.delete(again?.receipt ?? '');
    assert.equal(await sweep.run(signal), 0);
  });

  it('finds a job that is much older than what waits, however much waits', async () => {
    const lost = await storeJob();
    await clock.advance(30 * MINUTE_MS);
    const waiting = await storeJob();
    await queues.requests.send(encodeMessage(messageOf(waiting)));
    assert.equal(await sweep.run(signal), 1);
    assert.deepEqual(queued().sort(), [lost.jobId, waiting.jobId].sort());
  });

  it('does not stop at a record that nobody can read', async () => {
    const broken = newJobId();
    await deployment.input.put(inputKey(broken), Buffer.from('picture'), { metadata: {} });
    const record = await storeJob();
    await clock.advance(2 * MINUTE_MS);
    assert.equal(await sweep.run(signal), 1);
    assert.deepEqual(queued(), [record.jobId]);
  });

  it('looks at everything again after an hour', async () => {
    await storeJob();
    await clock.advance(2 * MINUTE_MS);
    assert.equal(await sweep.run(signal), 1);
    const [message] = await receive();
    await queues.requests.delete(message?.receipt ?? '');
    assert.equal(await sweep.run(signal), 0);
    await clock.advance(60 * MINUTE_MS);
    assert.equal(await sweep.run(signal), 1);
  });

  it('goes on after a failure where it was', async () => {
    await storeJob();
    await clock.advance(2 * MINUTE_MS);
    deployment.queues.failNext('send', new UnavailableError('no broker'));
    await assert.rejects(sweep.run(signal), { code: 'unavailable' });
    assert.equal(await sweep.run(signal), 1);
  });
});

describe('the collector of dead letters', () => {
  const replyQueue = queueNames(PREFIX).responses;
  let collector: DeadLetterCollector;
  beforeEach(async () => {
    collector = new DeadLetterCollector({ ...deployment, prefix: PREFIX, deadLetters: queues.deadLetters });
    await deployment.queues.ensure(replyQueue);
  });

  const resultOf = async ({ jobId, dialect }: JobRecord) =>
    (await readResult(resultBucket(deployment, dialect), jobId))?.result;
  const answers = () => deployment.queues.bodies(replyQueue).map((body) => parseAnswer(body));

  for (const dialect of ['native', 'course'] as const) {
    it(`gives a ${dialect} job its error result and its waiter an answer, and leaves the letter`, async () => {
      const record = await storeJob({ dialect });
      await queues.deadLetters.send(encodeMessage(messageOf(record, replyQueue)));
      assert.equal(await collector.run(signal), 1);
      const result = await resultOf(record);
      assert.ok(result?.status === 'failed');
      assert.equal(result.error.code, 'dead-letter');
      assert.equal(result.fileName, 'a.jpg');
      assert.deepEqual(answers(), [{ version: 1, jobId: record.jobId, status: 'failed' }]);
      assert.equal((await queues.deadLetters.depth()).visible, 1);
      assert.deepEqual(deployment.output.keys, dialect === 'course' ? ['a'] : [resultKey(record.jobId)]);
    });
  }

  it('tells why, where the letter does', async () => {
    const record = await storeJob();
    const message = encodeMessage(messageOf(record));
    await queues.deadLetters.send(encodeDeadLetter({ message, reason: 'it crashed twice', diedAt: 1 }));
    await collector.run(signal);
    const result = await resultOf(record);
    assert.ok(result?.status === 'failed' && result.error.message.includes('it crashed twice'));
  });

  it('keeps a result that is there', async () => {
    const record = await storeJob();
    await finish(record);
    await queues.deadLetters.send(encodeMessage(messageOf(record, replyQueue)));
    assert.equal(await collector.run(signal), 0);
    const result = await resultOf(record);
    assert.ok(result?.status === 'failed' && result.error.code === 'bad-image');
    assert.deepEqual(answers(), []);
  });

  it('passes over what is no message, has no job, or wants its answer elsewhere', async () => {
    const record = await storeJob();
    await deployment.queues.ensure('somebody-elses');
    await queues.deadLetters.sendBatch([
      'nonsense',
      '{"version":99}',
      encodeMessage({ ...messageOf(record), jobId: newJobId() }),
      encodeMessage(messageOf(record, 'somebody-elses')),
    ]);
    assert.equal(await collector.run(signal), 1);
    assert.deepEqual(deployment.queues.bodies('somebody-elses'), []);
    assert.equal((await queues.deadLetters.depth()).visible, 4);
  });

  it('does not mind a waiter that is gone', async () => {
    const record = await storeJob();
    await queues.deadLetters.send(encodeMessage(messageOf(record, `${replyQueue}-gone`)));
    assert.equal(await collector.run(signal), 1);
  });

  it('looks through the letters again only when there are others', async () => {
    await queues.deadLetters.send(encodeMessage(messageOf(await storeJob())));
    await collector.run(signal);
    const [letter] = await queues.deadLetters.receive({
      max: 1,
      waitSeconds: 0,
      visibilityTimeoutSeconds: 5,
    });
    assert.equal(letter?.receiveCount, 2);
    await queues.deadLetters.release(letter?.receipt ?? '');
    assert.equal(await collector.run(signal), 0);
    await queues.deadLetters.send(encodeMessage(messageOf(await storeJob())));
    assert.equal(await collector.run(signal), 1);
  });

  it('gets through more letters than one run looks at', async () => {
    const records = await Promise.all(Array.from({ length: 620 }, () => storeJob()));
    await queues.deadLetters.sendBatch(records.map((record) => encodeMessage(messageOf(record))));
    let written = 0;
    for (let run = 0; run < 3; run++) {
      written += await collector.run(signal);
      await clock.advance(10_000);
    }
    assert.equal(written, records.length);
  });
});

describe('the sweep for old objects', () => {
  it('lets pictures, records and results go after the retention time, others sooner, the rest never', async () => {
    const sweep = new AgeSweep(ageRules(deployment, 7), clock);
    const old = await storeJob();
    const course = await storeJob({ dialect: 'course', fileName: 'b.jpg' });
    await finish(old);
    await finish(course);
    const { state } = deployment;
    const kept = ['gallery/default/log/000000000001', 'controller/fleet.json', 'response-queues/q.json'];
    for (const key of [...kept, idempotencyKey('a'), attemptKey('j', 1), 'person-jobs/p/j']) {
      await state.put(key, Buffer.from('{}'));
    }
    assert.equal(await sweep.run(signal), 0);
    await clock.advance(DAY_MS + MINUTE_MS);
    assert.equal(await sweep.run(signal), 2, 'idempotency and attempts');
    await clock.advance(5 * DAY_MS);
    const young = await storeJob();
    assert.equal(await sweep.run(signal), 0);
    await clock.advance(DAY_MS);
    await sweep.run(signal);
    assert.deepEqual(deployment.input.keys, [inputKey(young.jobId)]);
    assert.deepEqual(deployment.output.keys, []);
    assert.deepEqual(state.keys, kept.toSorted());
  });

  it('keeps pictures and results for ever when told to', async () => {
    await finish(await storeJob());
    await deployment.state.put(idempotencyKey('a'), Buffer.from('{}'));
    await clock.advance(1000 * DAY_MS);
    assert.equal(await new AgeSweep(ageRules(deployment, 0), clock).run(signal), 1);
    assert.equal(deployment.input.keys.length + deployment.output.keys.length, 2);
  });

  it('does a bounded amount in a run, and goes on in the next', async () => {
    const { input, output } = deployment;
    for (let index = 0; index < 5100; index++) await input.put(`uploads/${index}`, Buffer.alloc(0));
    await output.put('results/1', Buffer.alloc(0));
    await clock.advance(8 * DAY_MS);
    const sweep = new AgeSweep(ageRules(deployment, 7), clock);
    assert.equal(await sweep.run(signal), 5000);
    assert.equal(output.keys.length, 1);
    assert.equal(await sweep.run(signal), 101);
  });
});

describe('queues that were deleted', () => {
  it('are made again as they were, and the jobs that waited are sent again', async () => {
    const chores = await choresOf(deployment);
    const record = await storeJob();
    await queues.requests.send(encodeMessage(messageOf(record)));
    for (const { name } of [queues.requests, queues.deadLetters]) await deployment.queues.remove(name);
    await assert.rejects(queues.requests.depth(), { code: 'not-found' });
    const stop = new AbortController();
    const keeping = keepHouse(chores, deployment, stop.signal);
    await clock.advance(150_000);
    assert.deepEqual(queued(), [record.jobId]);
    assert.deepEqual(await queues.deadLetters.depth(), { visible: 0, inFlight: 0, delayed: 0 });
    stop.abort();
    await keeping;
  });
});

describe('housekeeping', () => {
  it('does every chore now and then, and again after one that failed', async () => {
    const stop = new AbortController();
    const runs: string[] = [];
    const chore = (name: string, everySeconds: number) => ({
      name,
      everySeconds,
      run: async () => {
        runs.push(name);
        if (name === 'fails') throw new UnavailableError('not now');
        return 1;
      },
    });
    const keeping = keepHouse(
      [chore('often', 10), chore('fails', 20)],
      { clock, logger: silentLogger },
      stop.signal,
    );
    await clock.advance(40_000);
    assert.deepEqual(runs.toSorted(), ['fails', 'fails', 'often', 'often', 'often', 'often']);
    stop.abort();
    await keeping;
  });

  it('lets a chore rest that has nothing to do, and has it done at once when it is called', async () => {
    const stop = new AbortController();
    const runs: number[] = [];
    const startedAt = clock.monotonic();
    let restSeconds = 60;
    const chore = {
      name: 'rests',
      everySeconds: 2,
      restSeconds: () => restSeconds,
      run: async () => runs.push((clock.monotonic() - startedAt) / 1000),
    };
    const bell = new Bell(clock, [chore]);
    const keeping = keepHouse([chore], { clock, logger: silentLogger, bell }, stop.signal);
    await clock.advance(70_000);
    assert.deepEqual(runs, [2, 62]);
    bell.ring('nobody');
    bell.ring('rests');
    await clock.advance(0);
    assert.deepEqual(runs, [2, 62, 70]);
    // Those who call while it works, or just has, wait for the least pause and no longer.
    bell.ring('rests');
    bell.ring('rests');
    await clock.advance(1999);
    assert.equal(runs.length, 3);
    await clock.advance(1);
    assert.deepEqual(runs, [2, 62, 70, 72]);
    restSeconds = 2;
    await clock.advance(62_000);
    assert.equal(runs.length, 6);
    stop.abort();
    await keeping;
  });

  it('asks less and less often while it is refused, so that refused calls cost little', async () => {
    const stop = new AbortController();
    let runs = 0;
    const run = async () => {
      runs++;
      throw new FacefleetError('permission-denied', 'arn:controller may not s3:ListBucket');
    };
    const parts = { clock, logger: silentLogger };
    const keeping = keepHouse([{ name: 'refused', everySeconds: 1, run }], parts, stop.signal);
    await clock.advance(3_600_000);
    assert.ok(runs > 10 && runs < 30, `${runs} runs in an hour`);
    stop.abort();
    await keeping;
  });

  it('asks next to nothing of an idle deployment', async () => {
    const stop = new AbortController();
    const keeping = keepHouse(await choresOf(deployment), deployment, stop.signal);
    await clock.advance(60_000);
    const lists = () =>
      [deployment.input, deployment.output, deployment.state].flatMap(({ calls }) =>
        calls.filter(({ operation }) => operation === 'list'),
      ).length;
    const before = lists();
    await clock.advance(3_600_000);
    assert.ok(lists() - before < 700, `${lists() - before} listings in an hour`);
    stop.abort();
    await keeping;
  });

  it('has chores that find nothing to do in an empty deployment', async () => {
    for (const chore of await choresOf(deployment)) assert.equal(await chore.run(signal), 0, chore.name);
  });
});
