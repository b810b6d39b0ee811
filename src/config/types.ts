import type { Dialect } from '../jobs/job.ts';

/** Everything that can be set, parsed once; nothing else reads the environment. Units end the names. */
export interface Config {
  readonly on: 'local' | 'aws';
  readonly dataDir: string;
  readonly prefix: string;
  readonly host: string;
  readonly port: number;
  readonly dialect: Dialect;
  readonly apiKeys: readonly string[];
  readonly requireKeys: boolean;
  readonly allowAnonymous: boolean;
  readonly allowedHosts: readonly string[];
  readonly webId: string;
  readonly maxUploadBytes: number;
  readonly uploadBudgetBytes: number;
  readonly maxPixels: number;
  readonly pack: string;
  readonly smallFaces: boolean;
  readonly falsePositiveRate: number;
  readonly minWorkers: number;
  readonly maxWorkers: number;
  readonly concurrency: number;
  readonly idleSeconds: number;
  readonly sloSeconds: number;
  readonly bootSeconds: number;
  /** Instances to keep stopped, ready to be started; only where instances can be stopped, as on EC2. */
  readonly warmPool: number;
  /** Instance-seconds after which nothing more is launched; 0: no cap. */
  readonly maxInstanceSecondsPerHour: number;
  readonly maxInstanceSecondsPerDay: number;
  readonly visibilityTimeoutSeconds: number;
  readonly workerMemoryBytes: number;
  readonly retentionDays: number;
  readonly logLevel: string;
  readonly logFormat: 'pretty' | 'json' | 'auto';
  /** What the instances of the app tier are: processes of this machine, or EC2 instances; `auto`: as `on` suggests. */
  readonly fleet: 'auto' | 'process' | 'ec2';
  /** Of AWS, undefined: as the SDK finds it (shared config file, instance metadata). */
  readonly awsRegion: string | undefined;
  readonly awsProfile: string | undefined;
  readonly awsAccessKeyId: string | undefined;
  readonly awsSecretAccessKey: string | undefined;
  readonly awsSessionToken: string | undefined;
  /** Of services compatible with AWS's; the ones for one service win. */
  readonly awsEndpointUrl: string | undefined;
  readonly awsEndpointUrlS3: string | undefined;
  readonly awsEndpointUrlSqs: string | undefined;
  readonly awsEndpointUrlEc2: string | undefined;
  readonly awsEndpointUrlSsm: string | undefined;
  readonly awsEndpointUrlSts: string | undefined;
  readonly awsEndpointUrlCloudFormation: string | undefined;
  readonly awsEndpointUrlServiceQuotas: string | undefined;
  /** Key that objects are encrypted with; undefined: as the buckets say. */
  readonly kmsKey: string | undefined;
  /** Cap of the request queue, bytes. */
  readonly maxMessageBytes: number;
  /** PEM files of the web tier's certificate and key; undefined: plain HTTP. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Name of the EC2 launch template that workers are launched from; undefined: `<prefix>-app-tier`. */
  readonly launchTemplate: string | undefined;
  /** Instance types for workers, best first; empty: as the launch template says. */
  readonly instanceTypes: readonly string[];
  /** Subnets for workers, at most one a zone; empty: as the launch template says. */
  readonly subnets: readonly string[];
  /** How workers are bought; `spot` falls back to on-demand where the spot market has none. */
  readonly market: 'on-demand' | 'spot' | 'spot-only';
  /** Where the controller listens for heartbeats; 0 takes a free port. */
  readonly controllerHost: string;
  readonly controllerPort: number;
  /** Where instances reach it, `host` or `host:port`; undefined: where it listens, on EC2 the private address. */
  readonly controllerAddress: string | undefined;
  /** Of the instance metadata service; undefined: EC2's own. */
  readonly awsMetadataEndpoint: string | undefined;
  readonly awsMetadataDisabled: boolean;
  /** First of the ports on which tiers without a web server of their own serve metrics; 0: they don't. */
  readonly metricsPort: number;
  readonly metricsHost: string;
  /** Empty: none. */
  readonly metricsToken: string;
  /** Largest body of a batch. */
  readonly maxBatchBytes: number;
  /** Names, addresses and networks that webhooks may call though they are not public. */
  readonly webhookAllowedHosts: readonly string[];
  readonly scalingPreset: 'slo' | 'course' | 'original';
  readonly billingMinimumSeconds: number;
}

/** What the instances of the app tier are. */
export type FleetKind = 'process' | 'ec2';

/** `service`: as the service in the data folder was started. */
export type ConfigSource = 'flag' | 'environment' | '.env' | 'service' | 'default';

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<keyof Config, ConfigSource>>;
}
