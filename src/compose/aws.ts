import { AwsAccount } from '../adapters/aws/account/aws-account.ts';
import { type AwsService, type AwsSettings, endpointOf } from '../adapters/aws/client-options.ts';
import { Ec2Api } from '../adapters/aws/ec2/ec2-api.ts';
import { defaultTemplate, Ec2Fleet } from '../adapters/aws/ec2/ec2-fleet.ts';
import { Ec2Machine } from '../adapters/aws/ec2/ec2-machine.ts';
import type { Market } from '../adapters/aws/ec2/launch-terms.ts';
import { MetadataClient } from '../adapters/aws/ec2/metadata-client.ts';
import { ensureBucket } from '../adapters/aws/s3/bucket-making.ts';
import { createS3Client } from '../adapters/aws/s3/s3-client.ts';
import { S3ObjectStore } from '../adapters/aws/s3-object-store.ts';
import { createSqsClient } from '../adapters/aws/sqs/sqs-client.ts';
import { SqsQueueService } from '../adapters/aws/sqs-queue-service.ts';
import { byHand } from '../adapters/local/process-machine.ts';
import { systemClock } from '../adapters/local/system-clock.ts';
import type { CloudAccount } from '../cloud/account.ts';
import type { Config, LoadedConfig } from '../config.ts';
import type { Deployment, Ports } from '../deployment.ts';
import { bucketNames } from '../jobs/keys.ts';
import type { Logger } from '../logger.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { Machine } from '../ports/machine.ts';

/**
 * Buckets are S3's, queues are SQS's. Nothing is called yet. Conditional writes stand where one machine has the broker's
 * locks, and nothing of ours can be lost: what does not answer is called again.
 */
export function connectToAws(loaded: LoadedConfig, logger: Logger): Ports {
  const { config } = loaded;
  const settings = awsSettingsOf(loaded);
  const s3 = createS3Client(settings);
  const place = placeOf(settings, 's3');
  const bucket = (name: string) =>
    new S3ObjectStore({ bucket: name, client: s3, ...place, kmsKey: config.kmsKey });
  const names = bucketNames(config.prefix);
  const queues = new SqsQueueService({ client: createSqsClient(settings), ...placeOf(settings, 'sqs') });
  return {
    loaded,
    logger,
    clock: systemClock,
    input: bucket(names.input),
    output: bucket(names.output),
    state: bucket(names.state),
    queues,
    lost: new AbortController().signal,
    [Symbol.asyncDispose]: async () => {
      await queues[Symbol.asyncDispose]();
      s3.destroy();
    },
  };
}

/** Makes the buckets that are missing: private and encrypted, in the region that is set. */
export async function ensureAwsBuckets(loaded: LoadedConfig): Promise<void> {
  const settings = awsSettingsOf(loaded);
  const client = createS3Client(settings);
  try {
    const names = Object.values(bucketNames(loaded.config.prefix));
    await Promise.all(names.map((bucket) => ensureBucket({ bucket, client, ...placeOf(settings, 's3') })));
  } finally {
    client.destroy();
  }
}

function placeOf(settings: AwsSettings, service: AwsService) {
  return { endpoint: endpointOf(settings, service), region: settings.region };
}

/** Instances are EC2's. */
export async function createEc2Fleet({ loaded, clock, logger }: Deployment): Promise<Fleet> {
  const { prefix, launchTemplate, instanceTypes, subnets, market } = loaded.config;
  return new Ec2Fleet({
    name: prefix,
    api: new Ec2Api({ settings: awsSettingsOf(loaded) }),
    choice: {
      template: launchTemplate ?? defaultTemplate(prefix),
      types: instanceTypes,
      subnets,
      markets: MARKETS[market],
    },
    clock,
    logger,
  });
}

export function createEc2Machine({ config }: LoadedConfig, logger: Logger): Machine {
  return new Ec2Machine({
    metadata: new MetadataClient(config.awsMetadataEndpoint),
    elsewhere: byHand(),
    clock: systemClock,
    logger,
  });
}

/** In the order in which they are asked. */
const MARKETS: Readonly<Record<Config['market'], readonly Market[]>> = {
  'on-demand': ['on-demand'],
  spot: ['spot', 'on-demand'],
  'spot-only': ['spot'],
};

/** The account that we work in, for an operator's verbs. */
export function openAccount(loaded: LoadedConfig): CloudAccount {
  return new AwsAccount(awsSettingsOf(loaded));
}

/** Where AWS is and who we are, out of the config. Without credentials of our own the SDK goes through its usual chain. */
export function awsSettingsOf({ config, sources }: LoadedConfig): AwsSettings {
  const endpointUrls = definedOf<Record<AwsService, string>>({
    s3: config.awsEndpointUrlS3,
    sqs: config.awsEndpointUrlSqs,
    ec2: config.awsEndpointUrlEc2,
    ssm: config.awsEndpointUrlSsm,
    sts: config.awsEndpointUrlSts,
    cloudformation: config.awsEndpointUrlCloudFormation,
    servicequotas: config.awsEndpointUrlServiceQuotas,
  });
  return {
    ...definedOf({ region: config.awsRegion, endpointUrl: config.awsEndpointUrl }),
    endpointUrls,
    ...identityOf(config, sources),
  };
}

/**
 * A profile or keys, not both: the SDK prefers a profile, wherever either was set, but the environment must win over
 * `.env`. Keys of the environment itself are left to the SDK.
 */
function identityOf(
  config: Config,
  sources: LoadedConfig['sources'],
): Pick<AwsSettings, 'profile' | 'credentials'> {
  const { awsAccessKeyId, awsSecretAccessKey, awsSessionToken, awsProfile } = config;
  const hasKeys = awsAccessKeyId !== undefined && awsSecretAccessKey !== undefined;
  const isProfileSaidFirst = sources.awsProfile === 'flag' || sources.awsProfile === 'environment';
  if (awsProfile !== undefined && (isProfileSaidFirst || !hasKeys)) return { profile: awsProfile };
  if (!hasKeys || sources.awsAccessKeyId !== '.env') return {};
  return {
    credentials: {
      accessKeyId: awsAccessKeyId,
      secretAccessKey: awsSecretAccessKey,
      ...definedOf({ sessionToken: awsSessionToken }),
    },
  };
}

function definedOf<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
