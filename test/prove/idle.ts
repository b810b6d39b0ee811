import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import prices from '../../src/cloud/prices.json' with { type: 'json' };
import { AwsService } from '../support/aws-service.ts';
import { eventually } from '../support/service.ts';
import type { Check } from './check.ts';

/** What AWS charges as writes: changes, and listings too. Deleting is free. */
const WRITES = ['PutObject', 'ListObjectsV2', 'ListObjectVersions', 'CreateMultipartUpload', 'UploadPart'];
const READS = ['GetObject', 'HeadObject', 'HeadBucket'];
/** A month without a picture may cost no more than this in requests, USD. */
const MOST_MONTHLY = 15;
const HOURS_A_MONTH = 730;

interface Counts {
  readonly writes: number;
  readonly reads: number;
  readonly queue: number;
  readonly ec2: number;
}

/** What web tier and controller ask of AWS while there is nothing to do: nobody should pay for nothing. */
export const idle: Check = {
  name: 'idle',
  promise: `an idle system asks S3 and SQS for less than ${MOST_MONTHLY} USD a month, and runs no instance`,
  async run({ whole }, report) {
    await using service = await AwsService.start({ countsQueueCalls: true });
    await eventually('the controller leads', () => service.log.includes('this controller leads'), 60);
    // What begins at once and then rests has begun.
    await sleep(10_000);
    const seconds = whole ? 300 : 60;
    const before = counted(service);
    await sleep(seconds * 1000);
    const after = counted(service);
    const hourly = (part: keyof Counts) => Math.round(((after[part] - before[part]) * 3600) / seconds);
    const month = (calls: number, per1000: number) => (calls * HOURS_A_MONTH * per1000) / 1000;
    const monthly =
      month(hourly('writes'), prices.s3WritesPer1000) +
      month(hourly('reads'), prices.s3ReadsPer1000) +
      month(hourly('queue'), prices.queueCallsPer1000);
    for (const line of byKey(service)) report(line);
    assert.equal(service.living, 0);
    assert.ok(monthly < MOST_MONTHLY, `${monthly.toFixed(2)} USD a month`);
    return {
      s3WritesAndListsPerHour: hourly('writes'),
      s3ReadsPerHour: hourly('reads'),
      sqsCallsPerHour: hourly('queue'),
      ec2CallsPerHour: hourly('ec2'),
      usdPerMonth: Number(monthly.toFixed(2)),
    };
  },
};

function counted({ s3, sqs, ec2 }: AwsService): Counts {
  const sum = (operations: readonly string[]) =>
    s3.calls.filter(({ operation }) => operations.includes(operation)).length;
  return { writes: sum(WRITES), reads: sum(READS), queue: sqs.calls.length, ec2: ec2.calls.length };
}

/** The most frequent calls since the start, for whoever wonders where the money goes. */
function byKey({ s3, sqs }: AwsService): string[] {
  const counts = new Map<string, number>();
  const note = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const { operation, key } of s3.calls) note(`${operation} ${key}`);
  for (const { action } of sqs.calls) note(action);
  const most = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 12);
  return most.map(([what, count]) => `${count} × ${what}`);
}
