export type AwsService = 's3' | 'sqs' | 'ec2' | 'ssm' | 'sts' | 'cloudformation' | 'servicequotas';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where AWS, or what stands in for it, is found, and as whom we come. What is left out the SDK finds by itself. */
export interface AwsSettings {
  readonly region?: string;
  readonly profile?: string;
  readonly credentials?: AwsCredentials;
  /** Of compatible services; the one for a single service wins. */
  readonly endpointUrl?: string;
  readonly endpointUrls: Partial<Readonly<Record<AwsService, string>>>;
}

/** What every client of the SDK is made with. */
export interface ClientOptions {
  readonly region?: string;
  readonly profile?: string;
  readonly credentials?: AwsCredentials;
  readonly endpoint?: string;
}

/** Compatible services have no regions, but signatures name one. */
const REGION_OF_COMPATIBLE_SERVICES = 'us-east-1';

export function endpointOf(settings: AwsSettings, service: AwsService): string | undefined {
  return settings.endpointUrls[service] ?? settings.endpointUrl;
}

export function clientOptions(settings: AwsSettings, service: AwsService): ClientOptions {
  const endpoint = endpointOf(settings, service);
  const region = settings.region ?? (endpoint === undefined ? undefined : REGION_OF_COMPATIBLE_SERVICES);
  const { profile, credentials } = settings;
  return {
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}
