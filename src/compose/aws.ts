import type { AwsService, AwsSettings } from '../adapters/aws/client-options.ts';
import { Ec2Api } from '../adapters/aws/ec2/ec2-api.ts';
import { defaultTemplate, Ec2Fleet } from '../adapters/aws/ec2/ec2-fleet.ts';
import { Ec2Machine } from '../adapters/aws/ec2/ec2-machine.ts';
import type { Market } from '../adapters/aws/ec2/launch-terms.ts';
import { MetadataClient } from '../adapters/aws/ec2/metadata-client.ts';
import { byHand } from '../adapters/local/process-machine.ts';
import { systemClock } from '../adapters/local/system-clock.ts';
import type { Config, LoadedConfig } from '../config.ts';
import type { Deployment, Ports } from '../deployment.ts';
import { FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { Machine } from '../ports/machine.ts';

/** Buckets are S3's, queues are SQS's. Nothing is called yet. */
export async function connectToAws(_loaded: LoadedConfig, _logger: Logger): Promise<Ports> {
  throw new FacefleetError(
    'config-invalid',
    'FACEFLEET_ON is "aws", expected local: S3 and SQS are not served yet',
  );
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

/** Where AWS is and who we are, out of the config. Without credentials of our own the SDK goes through its usual chain. */
export function awsSettingsOf({ config, sources }: LoadedConfig): AwsSettings {
  const endpointUrls = definedOf<Record<AwsService, string>>({
    s3: config.awsEndpointUrlS3,
    sqs: config.awsEndpointUrlSqs,
    ec2: config.awsEndpointUrlEc2,
    ssm: config.awsEndpointUrlSsm,
    sts: config.awsEndpointUrlSts,
    cloudformation: config.awsEndpointUrlCloudFormation,
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
