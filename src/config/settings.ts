import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

import type { Dialect } from '../jobs/job.ts';
import { file, flag, httpUrl, list, listOf, number, oneOf, text } from './parsers.ts';
import { credential, endpointUrl, onEc2, optional, type Setting, setting } from './setting.ts';
import type { Config } from './types.ts';

export const MEBI = 1024 * 1024;
const cores = availableParallelism();

export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  on: setting('on', 'local', oneOf<Config['on']>('local', 'aws'), 'where it runs: local or aws'),
  dataDir: setting(
    'data-dir',
    resolve('.facefleet'),
    (value) => resolve(text(/./, 'a folder')(value)),
    'folder that holds everything',
  ),
  prefix: setting(
    'prefix',
    'facefleet',
    text(/^[a-z0-9][a-z0-9-]{1,35}$/, '2 to 36 of a-z, 0-9 and -'),
    'first part of bucket and queue names',
  ),
  host: setting(
    'host',
    '127.0.0.1',
    text(/^[0-9a-zA-Z.:_-]+$/, 'a host name or address'),
    'address the web tier listens on',
  ),
  port: {
    ...setting('port', 3001, number({ min: 0, max: 65_535 }), 'port of the web tier; 0 takes a free one'),
    variables: ['FACEFLEET_PORT', 'PORT'],
  },
  dialect: setting(
    'dialect',
    'native',
    oneOf<Dialect>('native', 'course'),
    'how objects are named: native, or as the cloud-computing course wants it',
  ),
  apiKeys: {
    ...setting('api-keys', [] as readonly string[], list, 'comma-separated keys; required off loopback'),
    secret: true,
  },
  requireKeys: setting('require-keys', false, flag, 'ask for a key on this machine too'),
  allowAnonymous: setting('allow-anonymous', false, flag, 'let POST / through without a key'),
  allowedHosts: setting(
    'allowed-hosts',
    [] as readonly string[],
    list,
    'further Host names that requests may carry',
  ),
  webId: setting(
    'web-id',
    '0',
    text(/^[a-z0-9-]{1,20}$/, '1 to 20 of a-z, 0-9 and -'),
    'name of this web process',
  ),
  maxUploadBytes: setting(
    'max-upload-mb',
    15 * MEBI,
    number({ min: 1, max: 1024, unit: 'MB' }, MEBI),
    'largest picture in MB',
  ),
  uploadBudgetBytes: setting(
    'upload-budget-mb',
    48 * MEBI,
    number({ min: 1, max: 65_536, unit: 'MB' }, MEBI),
    'memory in MB that all uploads in flight share',
  ),
  maxPixels: setting(
    'max-megapixels',
    40e6,
    number({ min: 1, max: 1000, unit: 'megapixels', integer: false }, 1e6),
    'largest picture in megapixels',
  ),
  pack: setting(
    'pack',
    'fast',
    text(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'the id of a model pack, see `facefleet models`'),
    'model pack',
  ),
  smallFaces: setting('small-faces', false, flag, 'look for faces below 40 px too (slower)'),
  falsePositiveRate: setting(
    'fpir',
    0.01,
    number({ min: 1e-6, max: 0.5, integer: false }),
    'how often a stranger may get a name',
  ),
  minWorkers: setting('min-workers', 0, number({ min: 0, max: 1000 }), 'workers kept when idle'),
  maxWorkers: onEc2(
    20,
    setting(
      'max-workers',
      cores,
      number({ min: 1, max: 1000 }),
      'most workers at once (as many as cores; on EC2 20)',
    ),
  ),
  concurrency: setting('concurrency', 1, number({ min: 1, max: 256 }), 'jobs at once per worker'),
  idleSeconds: onEc2(
    2,
    setting(
      'idle-seconds',
      10,
      number({ min: 0, max: 86_400, unit: 's', integer: false }),
      'fewer workers must have been enough for so long before any is let go (10; on EC2 2)',
    ),
  ),
  sloSeconds: {
    ...onEc2(
      60,
      setting(
        'slo-seconds',
        2,
        number({ min: 0.1, max: 3600, unit: 's', integer: false }),
        'latency target: a job should be done within this time (2; on EC2 60)',
      ),
    ),
    variables: ['FACEFLEET_SLO_SECONDS', 'FACEFLEET_TARGET_SECONDS'],
  },
  bootSeconds: onEc2(
    40,
    setting(
      'boot-seconds',
      1,
      number({ min: 0, max: 3600, unit: 's', integer: false }),
      'time that a worker takes to boot, until that was measured (1; on EC2 40)',
    ),
  ),
  warmPool: setting(
    'warm-pool',
    0,
    number({ min: 0, max: 1000 }),
    'EC2 workers to keep stopped after use, which start sooner than new ones',
  ),
  maxInstanceSecondsPerHour: setting(
    'max-instance-seconds-per-hour',
    0,
    number({ min: 0, max: 1e9 }),
    'worker-seconds an hour, all workers together, after which none is launched; 0: no cap',
  ),
  maxInstanceSecondsPerDay: setting(
    'max-instance-seconds-per-day',
    0,
    number({ min: 0, max: 1e9 }),
    'the same for a day (UTC); what runs goes on in either case',
  ),
  visibilityTimeoutSeconds: setting(
    'visibility-timeout',
    30,
    number({ min: 2, max: 43_200, unit: 's' }),
    "after this time a silent worker's message goes to another",
  ),
  workerMemoryBytes: setting(
    'worker-memory-mb',
    400 * MEBI,
    number({ min: 128, max: 65_536, unit: 'MB' }, MEBI),
    'a worker restarts above this, plus its gallery',
  ),
  retentionDays: setting(
    'retention-days',
    7,
    number({ min: 0, max: 36_500, unit: 'days', integer: false }),
    'how long uploads and results are kept; 0 for ever',
  ),
  logLevel: setting(
    'log-level',
    'info',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'least level that is logged',
  ),
  logFormat: setting(
    'log-format',
    'auto',
    oneOf<Config['logFormat']>('auto', 'pretty', 'json'),
    'how log lines look',
  ),
  fleet: setting(
    'fleet',
    'auto',
    oneOf<Config['fleet']>('auto', 'process', 'ec2'),
    'what workers are: process, ec2, or as --on suggests (auto)',
  ),
  awsRegion: {
    ...optional('aws-region', text(/^[a-z0-9-]{1,64}$/, 'a region such as us-east-1'), 'region of AWS'),
    variables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  },
  awsProfile: {
    ...optional('aws-profile', text(/./, 'a name'), 'profile of AWS'),
    variables: ['AWS_PROFILE'],
  },
  awsAccessKeyId: credential('AWS_ACCESS_KEY_ID'),
  awsSecretAccessKey: credential('AWS_SECRET_ACCESS_KEY'),
  awsSessionToken: credential('AWS_SESSION_TOKEN'),
  awsEndpointUrl: endpointUrl(''),
  awsEndpointUrlS3: endpointUrl('S3'),
  awsEndpointUrlSqs: endpointUrl('SQS'),
  awsEndpointUrlEc2: endpointUrl('EC2'),
  awsEndpointUrlSsm: endpointUrl('SSM'),
  awsEndpointUrlSts: endpointUrl('STS'),
  awsEndpointUrlCloudFormation: endpointUrl('CLOUDFORMATION'),
  awsEndpointUrlServiceQuotas: endpointUrl('SERVICE_QUOTAS'),
  maxMessageBytes: setting(
    'max-message-bytes',
    1024,
    number({ min: 1024, max: 262_144, unit: 'bytes' }),
    'largest message that the request queue takes; the course wants 1024',
  ),
  tlsCert: optional('tls-cert', file, 'PEM file of the certificate that the web tier shows; serves HTTPS'),
  tlsKey: optional('tls-key', file, 'PEM file of its key'),
  kmsKey: optional('kms-key', text(/^[\x21-\x7e]+$/, 'an id, alias or ARN'), 'KMS key for objects in S3'),
  launchTemplate: optional(
    'launch-template',
    text(/^[a-zA-Z0-9().\-/_]{3,128}$/, 'the name of a launch template'),
    'EC2 launch template of the workers; <prefix>-app-tier unless set',
  ),
  instanceTypes: setting(
    'instance-types',
    [] as readonly string[],
    listOf(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'instance types such as c7i.large'),
    'comma-separated EC2 instance types for workers, best first',
  ),
  subnets: setting(
    'subnets',
    [] as readonly string[],
    listOf(/^subnet-[0-9a-f]{8,17}$/, 'subnet ids'),
    'comma-separated subnets for workers, at most one in a zone',
  ),
  market: setting(
    'market',
    'on-demand',
    oneOf<Config['market']>('on-demand', 'spot', 'spot-only'),
    'how EC2 workers are bought; spot falls back to on-demand',
  ),
  controllerHost: setting(
    'controller-host',
    '127.0.0.1',
    text(/^[0-9a-zA-Z.:_-]+$/, 'a host name or address'),
    'address the controller listens on; never one that the internet reaches',
  ),
  // A security group wants a port that is known.
  controllerPort: onEc2(
    3002,
    setting(
      'controller-port',
      0,
      number({ min: 0, max: 65_535 }),
      'port of the controller; 0 takes a free one (0; on EC2 3002)',
    ),
  ),
  controllerAddress: optional(
    'controller-address',
    text(/^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z._-]+)(:\d{1,5})?$/, 'host or host:port'),
    'where workers reach the controller, if not where it listens',
  ),
  awsMetadataEndpoint: {
    variables: ['AWS_EC2_METADATA_SERVICE_ENDPOINT'],
    fallback: () => undefined,
    parse: httpUrl,
    help: 'instance metadata service, if not the one of EC2',
  },
  awsMetadataDisabled: {
    variables: ['AWS_EC2_METADATA_DISABLED'],
    fallback: () => false,
    parse: flag,
    help: 'ask no instance metadata service',
  },
  metricsPort: setting(
    'metrics-port',
    0,
    number({ min: 0, max: 60_000 }),
    'broker metrics here, controller at +1, workers at +10 and their slot; 0 for none',
  ),
  metricsHost: setting(
    'metrics-host',
    '127.0.0.1',
    text(/^[0-9a-zA-Z.:_-]+$/, 'a host name or address'),
    'address that those metrics are served on',
  ),
  metricsToken: {
    ...setting(
      'metrics-token',
      '',
      text(/^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without spaces'),
      'bearer token that reading metrics takes; required off loopback',
    ),
    secret: true,
  },
  maxBatchBytes: setting(
    'max-batch-mb',
    512 * MEBI,
    number({ min: 1, max: 65_536, unit: 'MB' }, MEBI),
    'largest batch of pictures in MB',
  ),
  webhookAllowedHosts: setting(
    'webhook-allowed-hosts',
    [] as readonly string[],
    listOf(/^[0-9a-zA-Z.:_-]+(\/\d{1,3})?$/, 'host names, addresses or networks such as 10.0.0.0/8'),
    'names, addresses, networks that webhooks may call though not public',
  ),
  scalingPreset: setting(
    'scaling-preset',
    'slo',
    oneOf<Config['scalingPreset']>('slo', 'course', 'original'),
    'how many workers: the fewest that keep the latency target (slo), or by the rules of course or original',
  ),
  billingMinimumSeconds: onEc2(
    60,
    setting(
      'billing-minimum-seconds',
      0,
      number({ min: 0, max: 86_400, unit: 's' }),
      'a worker is paid for at least so long (0; on EC2 60)',
    ),
  ),
};
