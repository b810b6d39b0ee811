import assert from 'node:assert/strict';
import { test } from 'node:test';

import { emptyOfferings, launchFailure } from './launching.ts';

const refused = (ErrorCode: string, ErrorMessage: string) => ({
  $metadata: {},
  Errors: [
    {
      ErrorCode,
      ErrorMessage,
      Lifecycle: 'on-demand' as const,
      LaunchTemplateAndOverrides: { Overrides: { InstanceType: 'c7i.large' as const, SubnetId: 'subnet-1' } },
    },
  ],
});

test('a limit of the account is told with what to do, and its offering is put aside like one without room', () => {
  const answer = refused(
    'VcpuLimitExceeded',
    'You have requested more vCPU capacity than your limit of 5 allows.',
  );
  const error = launchFailure(answer, { slot: 3 });
  assert.equal(error.code, 'capacity-unavailable');
  assert.match(error.message, /limit of 5 allows; .*Service Quotas.*FACEFLEET_MAX_WORKERS/);
  const terms = {
    market: 'on-demand' as const,
    types: ['c7i.large'],
    subnets: ['subnet-1'],
    without: [],
    template: 'facefleet-app-tier',
  };
  assert.deepEqual(emptyOfferings(answer, terms), [
    { market: 'on-demand', type: 'c7i.large', subnet: 'subnet-1' },
  ]);
});

test('a lack of room is told as EC2 tells it', () => {
  const error = launchFailure(refused('InsufficientInstanceCapacity', 'no room in us-east-1a'), {});
  assert.equal(error.code, 'capacity-unavailable');
  assert.doesNotMatch(error.message, /Service Quotas/);
});

test('a launch without instance and reason has one all the same', () => {
  assert.equal(launchFailure({ $metadata: {} }, {}).code, 'capacity-unavailable');
});
