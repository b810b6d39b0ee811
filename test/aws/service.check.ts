import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enrolSitters, inParallel, picturesOf, post } from '../prove/check.ts';
import { AwsService } from '../support/aws-service.ts';
import { eventually } from '../support/eventually.ts';
import { judge } from './python.ts';

interface Seen {
  readonly buckets: readonly string[];
  /** By key: bytes, and text. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly queues: Readonly<Record<string, SeenQueue>>;
  readonly running: readonly string[];
}

interface SeenQueue {
  readonly messages: number;
  readonly cap: number;
  readonly deadLetters: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

test('boto3 sees buckets, queues, instances and objects as the course wants them', async () => {
  await using service = await AwsService.start();
  const { s3, sqs, ec2, prefix } = service;
  const look = async () =>
    (await judge('service_judge.py', s3.endpoint, sqs.directEndpoint, ec2.endpoint, prefix)) as Seen;
  const people = await enrolSitters(service);
  await eventually('no instance to live', () => service.living === 0, 120);
  const before = await look();
  assert.deepEqual(before.buckets, ['facefleet-in-bucket', 'facefleet-out-bucket', 'facefleet-state-bucket']);
  assert.deepEqual([before.inputs, before.outputs, before.running], [{}, {}, []]);
  assert.deepEqual(messagesOf(before), [0, 0, 0]);
  assert.equal(before.queues['facefleet-req-queue']?.cap, 1024);
  assert.equal(before.queues['facefleet-req-queue']?.deadLetters, true);
  assert.equal(before.queues['facefleet-resp-queue']?.tags['facefleet:role'], 'responses');

  const pictures = await picturesOf(people, { count: 30, seed: 1, sidePx: 64 });
  const fileName = (index: number) => `test_${String(index).padStart(2, '0')}.jpg`;
  const answering = inParallel(pictures, 30, ({ bytes }, index) =>
    post(service.url, bytes, { fileName: fileName(index) }),
  );
  let most: readonly string[] = [];
  await eventually('instances to run', async () => {
    most = (await look()).running;
    return most.length > 0;
  });
  await answering;
  await eventually('no instance to live', () => service.living === 0, 120);
  const after = await look();
  assert.ok(
    most.every((name) => /^app-tier-instance-[12]$/.test(name)),
    most.join(),
  );
  assert.deepEqual([messagesOf(after), after.running], [[0, 0, 0], []]);
  const stem = (index: number) => fileName(index).replace('.jpg', '');
  assert.deepEqual(after.outputs, Object.fromEntries(pictures.map(({ name }, index) => [stem(index), name])));
  assert.deepEqual(
    after.inputs,
    Object.fromEntries(pictures.map(({ bytes }, index) => [fileName(index), bytes.length])),
  );
});

function messagesOf({ queues }: Seen): number[] {
  return ['req', 'resp', 'dead'].map((name) => queues[`facefleet-${name}-queue`]?.messages ?? Number.NaN);
}
