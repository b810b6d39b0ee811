import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import type { Deployment } from '../../src/deployment.ts';
import type { JobResult } from '../../src/jobs/job.ts';
import { JobClient } from '../../src/jobs/job-client.ts';
import { queueNames } from '../../src/jobs/keys.ts';
import { Releasers } from '../../src/shutdown.ts';
import { ChildScript } from '../support/child-script.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const WAIT = { timeoutSeconds: 60 };

/** A broker and workers in processes of their own, and a client here. Messages of a dead worker come back after two seconds. */
class Service implements AsyncDisposable {
  readonly deployment: Deployment;
  readonly client: JobClient;
  readonly broker: ChildScript;
  readonly #dataDir: string;
  readonly #releasers: Releasers;

  private constructor(parts: {
    releasers: Releasers;
    dataDir: string;
    broker: ChildScript;
    deployment: Deployment;
    client: JobClient;
  }) {
    this.#releasers = parts.releasers;
    this.#dataDir = parts.dataDir;
    this.broker = parts.broker;
    this.deployment = parts.deployment;
    this.client = parts.client;
  }

  static async start(): Promise<Service> {
    const releasers = new Releasers();
    const dataDir = releasers.use('folder', temporaryFolder()).path;
    const broker = releasers.use('broker', await ChildScript.start('broker-script.ts', dataDir));
    const environment = { FACEFLEET_LOG_LEVEL: 'silent' };
    const loaded = loadConfig({ flags: { 'data-dir': dataDir }, environment, dotenvFolder: false });
    const deployment = releasers.use('deployment', await connect(loaded, { component: 'test' }));
    const client = releasers.use('client', await JobClient.open(deployment));
    return new Service({ releasers, dataDir, broker, deployment, client });
  }

  async worker(mood?: 'stuck'): Promise<ChildScript> {
    const args = mood === undefined ? [] : [mood];
    const worker = await ChildScript.start('worker-script.ts', this.#dataDir, ...args);
    return this.#releasers.use('worker', worker);
  }

  async submit(picture: string): Promise<string> {
    const { jobId } = await this.client.submit({
      picture: Buffer.from(picture),
      fileName: 'test_00.jpg',
      contentType: 'image/jpeg',
      task: { kind: 'recognise' },
      waitSeconds: WAIT.timeoutSeconds,
    });
    return jobId;
  }

  async result(jobId: string): Promise<JobResult> {
    const result = await this.client.wait(jobId, WAIT);
    assert.ok(result, `job ${jobId} has a result`);
    return result;
  }

  async untilInFlight(count: number): Promise<void> {
    const { prefix } = this.deployment.loaded.config;
    const queue = this.deployment.queues.open(queueNames(prefix).requests);
    await eventually(`${count} in flight`, async () => (await queue.depth()).inFlight === count);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#releasers[Symbol.asyncDispose]();
  }
}

describe('workers as processes', { concurrency: 4 }, () => {
  test('what a killed worker had in hand is finished by another', async () => {
    await using service = await Service.start();
    const doomed = await service.worker('stuck');
    const jobIds = [await service.submit('paul'), await service.submit('nobody')];
    await service.untilInFlight(2);
    await doomed.kill();
    await service.worker();
    const [first, second] = await Promise.all(jobIds.map((jobId) => service.result(jobId)));
    assert.equal(first?.status === 'done' && first.faces[0]?.person?.name, 'paul');
    assert.equal(second?.status === 'done' && second.faces[0]?.person, null);
  });

  test('a picture that crashes workers is found out after three, and the others are served', async () => {
    await using service = await Service.start();
    const poison = await service.submit('crash');
    const innocent = await Promise.all(['paul', 'paul', 'paul'].map((name) => service.submit(name)));
    const result = service.result(poison);
    let crashes = 0;
    const isOver = result.then(() => 'over' as const);
    for (;;) {
      const worker = await service.worker();
      const ended = await Promise.race([worker.ended, isOver]);
      if (ended === 'over') break;
      assert.equal(ended, 'SIGKILL');
      crashes++;
    }
    const found = await result;
    assert.equal(found.status === 'failed' && found.error.code, 'poison');
    assert.equal(crashes, 3);
    for (const jobId of innocent) assert.equal((await service.result(jobId)).status, 'done');
  });

  test('the first signal drains a worker, the second ends it', async () => {
    await using service = await Service.start();
    const idle = await service.worker();
    idle.signal('SIGTERM');
    assert.equal(await idle.ended, 0);
    const stuck = await service.worker('stuck');
    await service.submit('paul');
    await service.untilInFlight(1);
    stuck.signal('SIGINT');
    await stuck.says('draining');
    stuck.signal('SIGTERM');
    assert.equal(await stuck.ended, 128 + 15);
  });

  test('a worker whose broker is gone ends by itself, with work in hand', async () => {
    await using service = await Service.start();
    const worker = await service.worker('stuck');
    await service.submit('paul');
    await service.untilInFlight(1);
    await service.broker.kill();
    assert.equal(await worker.ended, 69);
  });
});
