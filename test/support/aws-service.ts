import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { bucketNames, queueNames } from '../../src/jobs/keys.ts';
import { Releasers } from '../../src/shutdown.ts';
import { createTemplate } from './fake-ec2/ec2-client.ts';
import { FakeEc2 } from './fake-ec2/fake-ec2.ts';
import { processBoot } from './fake-ec2/process-guest.ts';
import { FakeS3 } from './fake-s3/fake-s3.ts';
import { FakeSqs } from './fake-sqs.ts';
import { freePort } from './free-port.ts';
import { eventually, launcher, processesOf, runCommand, temporaryFolder } from './service.ts';

export interface AwsServiceOptions {
  /** Over the ones of the test; all tiers and the instances get them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Calls of SQS go through the door that counts them. */
  readonly countsQueueCalls?: boolean;
}

/** As the units of the tiers do it. */
const RESTART_MS = 200;

type TierName = 'web' | 'controller';

/**
 * The service as it runs on AWS, on endpoints of this process: web tier and controller are processes of their own that
 * are told nothing but by their environment, and start again when they die; workers run on instances that the controller
 * launches, with the environment that the instances' user-data sets.
 */
export class AwsService implements AsyncDisposable {
  readonly prefix = 'facefleet';
  readonly dataDir: string;
  readonly url: string;
  readonly s3: FakeS3;
  readonly sqs: FakeSqs;
  readonly ec2: FakeEc2;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #tiers = new Map<TierName, ChildProcess>();
  readonly #releasers: Releasers;
  readonly #log: string[] = [];
  #isEnding = false;

  private constructor(parts: {
    dataDir: string;
    url: string;
    s3: FakeS3;
    sqs: FakeSqs;
    ec2: FakeEc2;
    environment: Readonly<Record<string, string>>;
    releasers: Releasers;
  }) {
    this.dataDir = parts.dataDir;
    this.url = parts.url;
    this.s3 = parts.s3;
    this.sqs = parts.sqs;
    this.ec2 = parts.ec2;
    this.#environment = parts.environment;
    this.#releasers = parts.releasers;
  }

  static async start(options: AwsServiceOptions = {}): Promise<AwsService> {
    const { environment: more = {}, countsQueueCalls = false } = options;
    const releasers = new Releasers();
    const dataDir = temporaryFolder();
    releasers.push('data folder', () => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
    const s3 = releasers.use('S3', await FakeS3.start());
    const sqs = releasers.use('SQS', await FakeSqs.start());
    const [port, controllerPort] = [await freePort(), await freePort()];
    const environment = {
      FACEFLEET_ON: 'aws',
      FACEFLEET_DATA_DIR: dataDir,
      FACEFLEET_LOG_FORMAT: 'json',
      FACEFLEET_DIALECT: 'course',
      FACEFLEET_MAX_WORKERS: '2',
      // The instances are processes, and nobody bills them.
      FACEFLEET_IDLE_SECONDS: '1',
      FACEFLEET_SLO_SECONDS: '2',
      FACEFLEET_BILLING_MINIMUM_SECONDS: '0',
      FACEFLEET_VISIBILITY_TIMEOUT: '5',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test-secret',
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ENDPOINT_URL_SQS: countsQueueCalls ? sqs.endpoint : sqs.directEndpoint,
      ...more,
    };
    const boot = processBoot({ command: process.execPath, args: [launcher, 'worker'], logDir: dataDir });
    const ec2 = releasers.use('EC2', await FakeEc2.start({ boot, pendingMs: 100, endingMs: 100 }));
    const userData = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
    await createTemplate(ec2, {
      name: 'facefleet-app-tier',
      userData: `#!/bin/sh\n${userData.join('\n')}\n`,
    });
    const service = new AwsService({
      dataDir,
      url: `http://127.0.0.1:${port}`,
      s3,
      sqs,
      ec2,
      environment: {
        ...environment,
        PORT: String(port),
        AWS_ENDPOINT_URL_EC2: ec2.endpoint,
        // The tests' machine has none, and asking for it takes seconds.
        AWS_EC2_METADATA_DISABLED: 'true',
        FACEFLEET_CONTROLLER_ADDRESS: `127.0.0.1:${controllerPort}`,
        FACEFLEET_CONTROLLER_PORT: String(controllerPort),
      },
      releasers,
    });
    for (const name of Object.values(bucketNames(service.prefix))) s3.makeBucket(name);
    releasers.push('tiers', () => service.#end());
    service.#run('web');
    service.#run('controller');
    await service.isReady();
    return service;
  }

  /** What the tiers logged (the instances' logs lie in the data folder). */
  get log(): string {
    return this.#log.join('');
  }

  /** Instances that live, as EC2 has them. */
  get living(): number {
    return this.ec2.inState('pending', 'running', 'stopping', 'shutting-down').length;
  }

  /** Messages that are anywhere in a queue. */
  get queued(): Readonly<Record<'requests' | 'responses' | 'deadLetters', number>> {
    const names = queueNames(this.prefix);
    return {
      requests: this.sqs.messageCount(names.requests),
      responses: this.sqs.messageCount(names.responses),
      deadLetters: this.sqs.messageCount(names.deadLetters),
    };
  }

  /** Of the output bucket: what it holds, by key. */
  get outputs(): ReadonlyMap<string, string> {
    const bucket = this.s3.buckets.get(bucketNames(this.prefix).output)!;
    return new Map(bucket.keys.map((key) => [key, bucket.current(key)!.body.toString('utf8')]));
  }

  workers(): number[] {
    return processesOf(this.dataDir, 'worker');
  }

  command(...words: string[]) {
    return runCommand(words, this.#environment);
  }

  /** kill -9; it starts again. */
  kill(name: TierName): void {
    this.#tiers.get(name)?.kill('SIGKILL');
  }

  async isReady(): Promise<void> {
    await eventually('the web tier is ready', () => this.#answers('/readyz'), 60).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#releasers[Symbol.asyncDispose]();
  }

  async #answers(path: string): Promise<boolean> {
    try {
      return (await fetch(`${this.url}${path}`)).ok;
    } catch {
      return false;
    }
  }

  #run(name: TierName): void {
    const child = spawn(process.execPath, [launcher, name], {
      env: { PATH: process.env.PATH, HOME: this.dataDir, ...this.#environment },
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: this.dataDir,
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#log.push(text));
    this.#tiers.set(name, child);
    child.once('exit', async () => {
      if (this.#isEnding) return;
      await sleep(RESTART_MS);
      if (!this.#isEnding) this.#run(name);
    });
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#tiers.values()].map(end));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
