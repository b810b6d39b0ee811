import assert from 'node:assert/strict';
import { randomUUIDv7 } from 'node:crypto';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult, failedResult } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import type { JobErrorCode, JobRecord } from './job.ts';
import { JobList, type JobQuery, type JobStatus } from './job-list.ts';
import { idBefore, idTimeAt, idTimeOf } from './job-time.ts';
import { inputKey } from './keys.ts';
import { storeRecord } from './record.ts';
import { createResult } from './results.ts';
import { resultBucket } from './stores.ts';

const HOUR_MS = 3_600_000;

/** A deployment whose jobs are made at times of the test's choice. */
class Scene {
  readonly clock = new FakeClock();
  readonly deployment: MemoryDeployment;
  readonly list: JobList;

  constructor(flags: Record<string, string> = {}) {
    this.deployment = new MemoryDeployment({ clock: this.clock, flags });
    const { config } = this.deployment.loaded;
    this.list = new JobList({ buckets: this.deployment, clock: this.clock, config });
  }

  /** Stores a job so many milliseconds before now, and gives it a result unless it is to be pending. */
  async job(agoMs: number, status: JobStatus = 'done'): Promise<string> {
    const at = this.clock.now() - agoMs;
    const jobId = idAt(at);
    const record: Omit<JobRecord, 'inputKey'> = {
      version: 1,
      jobId,
      fileName: `${jobId}.jpg`,
      contentType: 'image/jpeg',
      sha256: jobId,
      sizeBytes: 1,
      submittedAt: at,
      traceId: 'a'.repeat(32),
      dialect: this.deployment.loaded.config.dialect,
      task: { kind: 'recognise' },
    };
    const picture = { sizeBytes: 1, sha256: jobId, open: () => Buffer.alloc(1) };
    const stored = await storeRecord(this.deployment, this.clock, record, picture);
    const results = resultBucket(this.deployment, record.dialect);
    const codes: Partial<Record<JobStatus, JobErrorCode>> = { failed: 'internal', cancelled: 'cancelled' };
    const code = codes[status];
    if (code !== undefined) await createResult(results, failedResult(stored, code));
    if (status === 'done') await createResult(results, doneResult(stored, 'Paul'));
    return jobId;
  }

  /** All pages, as a client that follows the cursors. */
  async all(query: JobQuery): Promise<{ ids: string[]; pages: number }> {
    const ids: string[] = [];
    let after: string | undefined;
    for (let pages = 1; ; pages++) {
      const page = await this.list.page({ ...query, ...(after !== undefined && { after }) });
      assert.ok(page.jobs.length <= query.limit);
      ids.push(...page.jobs.map(({ jobId }) => jobId));
      if (page.next === undefined) return { ids, pages };
      after = page.next;
    }
  }
}

let serial = 0;

/** A job id of that millisecond. */
function idAt(milliseconds: number): string {
  const head = idBefore(idTimeAt(milliseconds) + BigInt(serial++ % 4096));
  return `${head}${randomUUIDv7().slice(18)}`;
}

for (const dialect of ['native', 'course']) {
  test(`${dialect}: pages hold every job once, newest first, wherever in time they lie`, async () => {
    const scene = new Scene({ dialect });
    const made: string[] = [];
    for (const agoMs of [0, 1, 5, 900, 30_000, HOUR_MS, 2 * HOUR_MS, 100 * HOUR_MS, 167 * HOUR_MS]) {
      for (let number = 0; number < 5; number++) made.push(await scene.job(agoMs + number));
    }
    const newestFirst = made.sort().reverse();
    for (const limit of [1, 7, 200]) {
      const { ids } = await scene.all({ limit });
      assert.deepEqual(ids, newestFirst, `pages of ${limit}`);
    }
  });
}

test('thousands of one moment come in order too', async () => {
  const scene = new Scene();
  const made: string[] = [];
  for (let number = 0; number < 5000; number++) {
    const jobId = idAt(scene.clock.now() - HOUR_MS);
    made.push(jobId);
    await scene.deployment.input.put(inputKey(jobId), Buffer.alloc(0), {
      metadata: { record: JSON.stringify(recordOf(jobId)) },
    });
  }
  const newestFirst = made.sort().reverse();
  const page = await scene.list.page({ limit: 100 });
  assert.deepEqual(
    page.jobs.map(({ jobId }) => jobId),
    newestFirst.slice(0, 100),
  );
  const next = await scene.list.page({ limit: 100, after: newestFirst[4949]! });
  assert.equal(next.jobs.length, 50);
  assert.equal(next.next, undefined);
});

test('a filter finds them all, though pages are short', async () => {
  const scene = new Scene();
  const pending = [
    await scene.job(50),
    await scene.job(HOUR_MS, 'pending'),
    await scene.job(20, 'pending'),
  ].slice(1);
  for (let number = 0; number < 900; number++) await scene.job(1000 + number);
  const cancelled = await scene.job(400, 'cancelled');
  const failed = await scene.job(300, 'failed');
  const found = async (status: JobStatus) => (await scene.all({ limit: 10, status })).ids;
  assert.deepEqual(await found('pending'), pending.sort().reverse());
  assert.deepEqual(await found('cancelled'), [cancelled]);
  assert.deepEqual(await found('failed'), [failed]);
  assert.equal((await found('done')).length, 901);
});

test('a summary says what is known of the job', async () => {
  const scene = new Scene();
  const done = await scene.job(3);
  const failed = await scene.job(2, 'failed');
  const waiting = await scene.job(1, 'pending');
  const { jobs } = await scene.list.page({ limit: 3 });
  assert.deepEqual(
    jobs.map(({ jobId, status, kind, faces, error }) => ({ jobId, status, kind, faces, error: error?.code })),
    [
      { jobId: waiting, status: 'pending', kind: 'recognise', faces: undefined, error: undefined },
      { jobId: failed, status: 'failed', kind: 'recognise', faces: undefined, error: 'internal' },
      { jobId: done, status: 'done', kind: 'recognise', faces: 1, error: undefined },
    ],
  );
});

test('without jobs there is an empty page, and it takes few looks', async () => {
  const scene = new Scene();
  assert.deepEqual(await scene.list.page({ limit: 10 }), { jobs: [] });
  const listings = scene.deployment.input.calls.filter(({ operation }) => operation === 'list');
  assert.ok(listings.length <= 8, `${listings.length} listings`);
});

test('an id stands for its time', () => {
  const at = Date.UTC(2026, 10, 25);
  const id = idAt(at);
  assert.ok(idBefore(idTimeAt(at)) < id && id < idBefore(idTimeAt(at + 1)));
  assert.equal(idTimeOf(id) >> 12n, BigInt(at));
});

function recordOf(jobId: string): JobRecord {
  return {
    version: 1,
    jobId,
    inputKey: inputKey(jobId),
    fileName: '',
    contentType: 'image/jpeg',
    sha256: '',
    sizeBytes: 0,
    submittedAt: 0,
    traceId: '',
    dialect: 'native',
    task: { kind: 'recognise' },
  };
}
