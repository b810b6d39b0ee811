import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';

import { listKeys, readText } from '../../../test/contract/object-store/subject.ts';
import { objectStoreContract } from '../../../test/contract/object-store.contract.ts';
import { settingsFor } from '../../../test/support/aws-settings.ts';
import { FakeS3, type FakeS3Options } from '../../../test/support/fake-s3/fake-s3.ts';
import { internalError, S3Error, slowDown } from '../../../test/support/fake-s3/s3-error.ts';
import { errorCode, FacefleetError, PreconditionFailedError } from '../../errors.ts';
import type { AwsSettings } from './client-options.ts';
import { ensureBucket } from './s3/bucket-making.ts';
import { createS3Client } from './s3/s3-client.ts';
import { S3ObjectStore } from './s3-object-store.ts';

interface SceneOptions extends FakeS3Options {
  readonly versioning?: 'Enabled';
  readonly settings?: Partial<AwsSettings>;
  readonly kmsKey?: string;
}

async function makeBucket({ versioning, settings, kmsKey, ...options }: SceneOptions = {}) {
  // Short pages, so that every listing of the contract turns some.
  const s3 = await FakeS3.start({ mostKeys: 7, ...options });
  const bucket = s3.makeBucket('test', versioning && { versioning });
  const clients: { destroy(): void }[] = [];
  const another = () => {
    const client = createS3Client({ ...settingsFor({ s3: s3.endpoint }), ...settings });
    clients.push(client);
    return new S3ObjectStore({ bucket: 'test', client, endpoint: s3.endpoint, region: s3.region, kmsKey });
  };
  return {
    s3,
    bucket,
    another,
    store: another(),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      await s3[Symbol.asyncDispose]();
    },
  };
}

objectStoreContract('S3 object store', () => makeBucket());
objectStoreContract('S3 object store, with versions', () => makeBucket({ versioning: 'Enabled' }));

const text = (value: string) => Buffer.from(value);

/** Resolves to the error that the call rejects with. */
async function failure(call: Promise<unknown>): Promise<FacefleetError> {
  const error = await call.then(
    () => assert.fail('it resolved'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FacefleetError, String(error));
  return error;
}

describe('S3 object store: what others find', () => {
  test('ordinary keys, content types and metadata are there under their names', async () => {
    await using scene = await makeBucket();
    await scene.store.put('test_00', text('Paul'), { contentType: 'text/plain; charset=utf-8' });
    await scene.store.put('uploads/1', text('x'), { metadata: { 'file-name': 'a.jpg', name: 'Zoë' } });
    assert.deepEqual(scene.bucket.keys, ['test_00', 'uploads/1']);
    assert.equal(scene.bucket.current('test_00')?.body.toString(), 'Paul');
    assert.deepEqual(scene.bucket.current('test_00')?.headers, {
      'content-type': 'text/plain; charset=utf-8',
    });
    const { headers } = scene.bucket.current('uploads/1')!;
    assert.equal(headers['x-amz-meta-file-name'], 'a.jpg');
    assert.equal(headers['x-amz-meta-name'], 'base64:Wm/Dqw==');
  });

  test('what others put there is read, and names that are no keys of ours are passed over', async () => {
    await using scene = await makeBucket();
    const put = (key: string) =>
      scene.bucket.put(key, { body: text(key), headers: { 'content-type': 'image/png' }, conditions: {} });
    for (const key of ['by-hand.png', 'a//b', '../x', 'line\nfeed', '.odd/%zz', 'a b+c%.png']) put(key);
    assert.deepEqual(await listKeys(scene.store), ['a b+c%.png', 'by-hand.png']);
    assert.equal((await scene.store.head('by-hand.png'))?.contentType, 'image/png');
  });

  test('objects are encrypted with the key that is set', async () => {
    await using scene = await makeBucket({ kmsKey: 'alias/facefleet' });
    await scene.store.put('a', text('x'));
    const headers = scene.bucket.current('a')?.headers ?? {};
    assert.equal(headers['x-amz-server-side-encryption'], 'aws:kms');
    assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], 'alias/facefleet');
  });
});

describe('S3 object store: long bodies', () => {
  const long = Buffer.alloc(20_000_000, 'facefleet');

  test('go in parts, under the condition, whether they come as bytes or as a stream', async () => {
    await using scene = await makeBucket();
    for (const [key, body] of [
      ['bytes', long],
      ['stream', Readable.from([long.subarray(0, 11_111_111), long.subarray(11_111_111)])],
    ] as const) {
      const options = { ifNoneMatch: '*', maxBytes: long.length, metadata: { a: 'ä' } } as const;
      const { etag } = await scene.store.put(key, body, options);
      assert.match(etag, /-3"$/);
      const found = await scene.store.get(key);
      assert.ok(long.equals(await found!.bytes()));
      assert.deepEqual(found?.info.metadata, { a: 'ä' });
      await assert.rejects(scene.store.put(key, long, { ifNoneMatch: '*' }), PreconditionFailedError);
      await assert.rejects(scene.store.put(key, long, { ifMatch: '"other"' }), PreconditionFailedError);
    }
    assert.equal(scene.bucket.uploads.size, 0, 'no part stays behind');
  });

  test('leave no parts when they fail, are too long or are given up', async () => {
    await using scene = await makeBucket();
    const lost = new Error('the client went away');
    const failing = Readable.from(
      (async function* () {
        yield long;
        throw lost;
      })(),
    );
    await assert.rejects(scene.store.put('key', failing, { maxBytes: 1e9 }), lost);
    const tooLong = scene.store.put('key', Readable.from([long, long]), { maxBytes: long.length + 1 });
    assert.equal((await failure(tooLong)).code, 'limit-exceeded');
    const stop = new AbortController();
    const stalled = Readable.from(
      (async function* () {
        yield long;
        stop.abort(lost);
        yield long;
      })(),
    );
    await assert.rejects(scene.store.put('key', stalled, { maxBytes: 1e9, signal: stop.signal }), lost);
    scene.s3.denied.add('s3:PutObject');
    assert.equal((await failure(scene.store.put('key', long))).code, 'permission-denied');
    assert.deepEqual([scene.bucket.uploads.size, scene.bucket.keys], [0, []]);
  });

  test('survive what passes: a slow-down, a lost part, a lost answer to the last call', async () => {
    await using scene = await makeBucket();
    const { faults } = scene.s3;
    faults.failNext('CreateMultipartUpload', { error: slowDown() });
    faults.failNext('UploadPart', {});
    faults.failNext('UploadPart', { error: internalError(), moment: 'after' });
    faults.failNext('CompleteMultipartUpload', { moment: 'after' });
    const { etag } = await scene.store.put('key', long, { ifNoneMatch: '*' });
    assert.equal((await scene.store.head('key'))?.etag, etag);
    assert.ok(long.equals(scene.bucket.current('key')!.body));
  });
});

describe('S3 object store: versions', () => {
  test('what is deleted is gone with all its versions; what was put meanwhile stays', async () => {
    await using scene = await makeBucket({ versioning: 'Enabled', mostKeys: 2 });
    for (const name of ['one', 'two', 'three', 'four', 'five']) await scene.store.put('key', text(name));
    await scene.store.put('key-with-more', text('other'));
    await scene.store.delete('key');
    assert.deepEqual(scene.bucket.versions('key'), []);
    assert.equal(scene.bucket.versions('key-with-more').length, 1);
    await Promise.all([scene.store.delete('key'), scene.store.put('key', text('new'))]);
    assert.ok((await readText(scene.store, 'key')) === 'new' || scene.bucket.versions('key').length === 0);
  });

  test('forgetting leaves the present version alone, and finishes a deletion that stopped halfway', async () => {
    await using scene = await makeBucket({ versioning: 'Enabled' });
    for (const name of ['Ada', 'nobody']) await scene.store.put('results/1.json', text(name));
    await scene.store.forgetVersions('results/1.json');
    assert.deepEqual(
      scene.bucket.versions('results/1.json').map(({ body }) => body.toString()),
      ['nobody'],
    );
    scene.s3.denied.add('s3:DeleteObjectVersion');
    const refused = await failure(scene.store.delete('results/1.json'));
    assert.equal(refused.code, 'permission-denied');
    assert.equal(refused.context.action, 's3:DeleteObjectVersion');
    assert.equal(scene.bucket.versions('results/1.json').length, 2);
    scene.s3.denied.clear();
    await scene.store.forgetVersions('results/1.json');
    assert.deepEqual(scene.bucket.versions('results/1.json'), []);
  });

  test('a bucket without versions costs a deletion one call', async () => {
    await using scene = await makeBucket();
    await scene.store.put('key', text('x'));
    await scene.store.delete('key');
    assert.equal(scene.s3.count('ListObjectVersions'), 0);
  });
});

describe('S3 object store: failures', () => {
  test('what passes is tried again, for every call', async () => {
    await using scene = await makeBucket();
    const { faults } = scene.s3;
    for (const operation of [
      'PutObject',
      'HeadObject',
      'GetObject',
      'ListObjectsV2',
      'DeleteObject',
    ] as const) {
      faults.failNext(operation, { error: slowDown() });
      faults.failNext(operation, { error: internalError() });
      faults.failNext(operation, {});
    }
    await scene.store.put('key', text('body'));
    assert.ok(await scene.store.head('key'));
    assert.equal(await readText(scene.store, 'key'), 'body');
    assert.deepEqual(await listKeys(scene.store), ['key']);
    await scene.store.delete('key');
    assert.deepEqual(scene.bucket.keys, []);
  });

  test('what does not pass is given up, and a deadline cuts the tries short', async () => {
    await using scene = await makeBucket();
    scene.s3.faults.failNext('PutObject', { error: slowDown(), times: 100 });
    assert.equal((await failure(scene.store.put('key', text('x')))).code, 'throttled');
    scene.s3.faults.failNext('GetObject', { error: internalError(), times: 100 });
    assert.equal((await failure(scene.store.get('key'))).code, 'unavailable');
    assert.ok(scene.s3.calls.length < 12, `${scene.s3.calls.length} calls`);
    const deadline = new Error('the job has no time left');
    const stop = new AbortController();
    const put = scene.store.put('key', text('x'), { signal: stop.signal });
    stop.abort(deadline);
    await assert.rejects(put, deadline);
  });

  test('a write whose answer got lost is not taken for another’s', async () => {
    await using scene = await makeBucket();
    for (const fault of [{ moment: 'after' }, { error: internalError(), moment: 'after' }] as const) {
      scene.s3.faults.failNext('PutObject', fault);
      const { etag } = await scene.store.put('key', text('mine'), { ifNoneMatch: '*' });
      scene.s3.faults.failNext('PutObject', fault);
      const next = await scene.store.put('key', text('mine again'), { ifMatch: etag });
      assert.equal((await scene.store.head('key'))?.etag, next.etag);
      assert.deepEqual((await scene.store.head('key'))?.metadata, {});
      await scene.store.delete('key');
    }
  });

  test('one that was never carried out and lost the race is refused', async () => {
    await using scene = await makeBucket();
    scene.s3.faults.failNext('PutObject', { error: internalError() });
    scene.bucket.put('key', { body: text('theirs'), headers: {}, conditions: {} });
    await assert.rejects(scene.store.put('key', text('mine'), { ifNoneMatch: '*' }), PreconditionFailedError);
  });

  test('a conflict of conditional writes is tried again', async () => {
    await using scene = await makeBucket();
    const error = new S3Error('ConditionalRequestConflict', 409, 'The conditional request cannot succeed');
    scene.s3.faults.failNext('PutObject', { error });
    await scene.store.put('key', text('x'), { ifNoneMatch: '*' });
    assert.equal(await readText(scene.store, 'key'), 'x');
  });

  test('a body that breaks off is fetched again, the same version or none', async () => {
    await using scene = await makeBucket();
    const body = Buffer.alloc(300_000, 7);
    await scene.store.put('small', body.subarray(0, 100));
    await scene.store.put('key', body);
    scene.s3.faults.failNext('GetObject', { moment: 'midway', times: 2 });
    assert.equal((await (await scene.store.get('small'))!.bytes()).length, 100);
    scene.s3.faults.failNext('GetObject', { moment: 'midway' });
    assert.ok(body.equals(await (await scene.store.get('key'))!.bytes()));
    scene.s3.faults.failNext('GetObject', { moment: 'midway' });
    const found = await scene.store.get('key');
    await scene.store.put('key', Buffer.alloc(300_000, 8));
    assert.equal((await failure(found!.bytes())).code, 'unavailable');
    scene.s3.faults.failNext('GetObject', { moment: 'midway' });
    const stream = (await scene.store.get('key'))!.stream();
    assert.equal((await failure(stream.toArray())).code, 'unavailable');
  });
});

describe('S3 object store: mistakes people make', () => {
  const says = (error: FacefleetError, code: string, ...facts: readonly string[]) => {
    assert.equal(errorCode(error), code, error.message);
    for (const fact of facts) assert.ok(error.message.includes(fact), `${error.message} names ${fact}`);
  };

  test('a wrong key, a wrong secret, expired credentials', async () => {
    for (const [credentials, fact] of [
      [{ accessKeyId: 'nobody', secretAccessKey: 'x' }, 'AWS_ACCESS_KEY_ID'],
      [{ accessKeyId: 'test', secretAccessKey: 'x' }, 'AWS_SECRET_ACCESS_KEY'],
      [{ accessKeyId: 'old', secretAccessKey: 'x' }, 'sso login'],
    ] as const) {
      await using scene = await makeBucket({ settings: { credentials } });
      scene.s3.keys.set('old', { secret: 'x', isExpired: true });
      says(await failure(scene.store.put('key', text('x'))), 'permission-denied', fact);
      assert.equal(scene.s3.calls.length, 1, 'it is not tried again');
    }
  });

  test('a missing permission is named, also where S3 hides what is missing', async () => {
    await using scene = await makeBucket();
    await scene.store.put('key', text('x'));
    scene.s3.denied.add('s3:PutObject');
    says(
      await failure(scene.store.put('key', text('x'))),
      'permission-denied',
      's3:PutObject',
      'assumed-role',
    );
    scene.s3.denied.add('s3:ListBucket');
    assert.equal(await readText(scene.store, 'key'), 'x');
    says(await failure(scene.store.get('missing')), 'permission-denied', 's3:ListBucket');
    says(await failure(scene.store.head('missing')), 'permission-denied', 's3:GetObject');
    says(await failure(listKeys(scene.store)), 'permission-denied', 's3:ListBucket');
  });

  test('a bucket that is not there, or in another region', async () => {
    await using scene = await makeBucket();
    scene.s3.buckets.delete('test');
    says(await failure(scene.store.put('key', text('x'))), 'not-found', 'test', 'facefleet aws up');
    await using other = await makeBucket({ region: 'eu-west-1' });
    says(await failure(other.store.put('key', text('x'))), 'config-invalid', 'AWS_REGION', 'eu-west-1');
  });

  test('a clock that is off is made up for', async () => {
    await using scene = await makeBucket({ now: () => Date.now() + 3_600_000 });
    await scene.store.put('key', text('x'));
    assert.equal(await readText(scene.store, 'key'), 'x');
  });

  test('a clock that stays off is said to be', async () => {
    await using scene = await makeBucket();
    const error = new S3Error('RequestTimeTooSkewed', 403, 'The difference is too large.');
    scene.s3.faults.failNext('PutObject', { error, times: 10 });
    says(await failure(scene.store.put('key', text('x'))), 'permission-denied', 'clock', 'chrony');
  });

  test('an endpoint at which nothing answers', async () => {
    await using scene = await makeBucket({ settings: { endpointUrls: { s3: 'http://127.0.0.1:1' } } });
    says(await failure(scene.store.put('key', text('x'))), 'unavailable', 'AWS_ENDPOINT_URL');
  });
});

describe('buckets', () => {
  test('are made once, private; a name that is taken is told', async () => {
    await using scene = await makeBucket();
    const client = createS3Client(settingsFor({ s3: scene.s3.endpoint }));
    const make = (bucket: string) => ensureBucket({ bucket, client, region: scene.s3.region });
    await make('facefleet-in-bucket');
    await make('facefleet-in-bucket');
    assert.equal(scene.s3.count('CreateBucket'), 1);
    assert.equal(scene.s3.count('PutPublicAccessBlock'), 1);
    scene.s3.taken.add('taken-in-bucket');
    const error = await failure(make('taken-in-bucket'));
    assert.equal(error.code, 'conflict');
    assert.ok(error.message.includes('--prefix'), error.message);
    client.destroy();
  });
});
