import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { ensureBucket } from '../../src/adapters/aws/s3/bucket-making.ts';
import { createS3Client } from '../../src/adapters/aws/s3/s3-client.ts';
import { S3ObjectStore } from '../../src/adapters/aws/s3-object-store.ts';
import { objectStoreContract } from '../contract/object-store.contract.ts';
import { settingsFor } from '../support/aws-settings.ts';
import { type Moto, startMoto } from './python.ts';

describe('on moto', () => {
  let moto: Moto;
  before(async () => {
    moto = await startMoto();
  });
  after(() => moto[Symbol.asyncDispose]());

  objectStoreContract('S3 object store', async () => {
    const bucket = `contract-${randomUUID()}`;
    const clients: { destroy(): void }[] = [];
    const another = () => {
      const client = createS3Client(settingsFor({ s3: moto.endpoint }));
      clients.push(client);
      return new S3ObjectStore({ bucket, client, endpoint: moto.endpoint });
    };
    const client = createS3Client(settingsFor({ s3: moto.endpoint }));
    clients.push(client);
    await ensureBucket({ bucket, client });
    return {
      store: another(),
      another,
      [Symbol.asyncDispose]: async () => {
        for (const one of clients) one.destroy();
      },
    };
  });
});
