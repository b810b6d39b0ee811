import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, FacefleetError, NotFoundError } from '../../errors.ts';
import { type AwsCall, translateAwsError } from './errors.ts';

const call: AwsCall = { action: 'sqs:SendMessage', context: { queue: 'q' }, region: 'us-east-1' };

/** As the SDK throws it. */
function sdkError(name: string, status: number | undefined, extra: object = {}): Error {
  const $metadata = status === undefined ? {} : { httpStatusCode: status };
  return Object.assign(new Error(`${name} happened`), { name, $metadata, ...extra });
}

test('each failure gets the code that its callers decide by', () => {
  const table: readonly (readonly [Error, ErrorCode])[] = [
    [sdkError('CredentialsProviderError', undefined), 'permission-denied'],
    [sdkError('InvalidClientTokenId', 403), 'permission-denied'],
    [sdkError('ExpiredTokenException', 400), 'permission-denied'],
    [sdkError('AccessDeniedException', 400), 'permission-denied'],
    [sdkError('', 403), 'permission-denied'],
    [sdkError('QueueDoesNotExist', 400), 'not-found'],
    [sdkError('NoSuchBucket', 404), 'not-found'],
    [sdkError('BucketAlreadyExists', 409), 'conflict'],
    [sdkError('PermanentRedirect', 301), 'config-invalid'],
    [sdkError('', 301), 'config-invalid'],
    [sdkError('PreconditionFailed', 412), 'precondition-failed'],
    [sdkError('ThrottlingException', 400), 'throttled'],
    [sdkError('RequestThrottled', 403), 'throttled'],
    [sdkError('', 429), 'throttled'],
    [sdkError('ServiceUnavailable', 503), 'unavailable'],
    [sdkError('TimeoutError', undefined), 'unavailable'],
    [Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), 'unavailable'],
    [new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })]), 'unavailable'],
    [new Error('Region is missing'), 'config-invalid'],
    [sdkError('SomethingNew', 400), 'internal'],
  ];
  for (const [error, code] of table) assert.equal(translateAwsError(error, call).code, code, String(error));
});

test('an error of ours comes through as it is', () => {
  const error = new NotFoundError('gone');
  assert.equal(translateAwsError(error, call), error);
});

test('what AWS says of a missing permission is told: who, and which', () => {
  const message =
    'User: arn:aws:iam::123456789012:user/paul is not authorized to perform: sqs:ReceiveMessage on resource: arn:aws:sqs:us-east-1:123456789012:q';
  const { message: told } = translateAwsError(
    Object.assign(sdkError('AccessDenied', 403), { message }),
    call,
  );
  assert.ok(
    told.includes('arn:aws:iam::123456789012:user/paul') && told.includes('sqs:ReceiveMessage'),
    told,
  );
});

test('a signature that is too old is the clock’s fault, and by how much it is off is told', () => {
  const error = Object.assign(sdkError('InvalidSignatureException', 403), {
    message: 'Signature expired: 20261125T000000Z is now earlier than 20261125T010000Z',
    $response: { headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } },
  });
  const told = translateAwsError(error, call).message;
  assert.match(told, /clock.*(3599|3600|3601) s.*behind/);
});

test('one service’s meaning of a code goes first', () => {
  const special = { Odd: () => new FacefleetError('conflict', 'as EC2 means it') };
  assert.equal(translateAwsError(sdkError('Odd', 400), { ...call, special }).code, 'conflict');
});
