import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

import { FacefleetError } from './errors.ts';
import type { Dialect } from './jobs/job.ts';
import type { MachineIdentity } from './ports/machine.ts';
import type { NotifyEnvironment } from './systemd/notifier.ts';

/** Everything that can be set, parsed once; nothing else reads `process.env`. Units end the names. */
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

export type ConfigSource = 'flag' | 'environment' | '.env' | 'default';

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<keyof Config, ConfigSource>>;
}

interface Setting<T> {
  /** Environment variable; the first one is ours, others are accepted too. */
  readonly variables: readonly string[];
  /** As typed on a command line, without the dashes; none for what would then show in a list of processes. */
  readonly flag?: string;
  /** Some depend on where it runs. */
  readonly fallback: (on?: Config['on']) => T;
  /** Throws an Error whose message says what was expected. */
  readonly parse: (text: string) => T;
  readonly help: string;
  readonly secret?: boolean;
}

const text = (pattern: RegExp, expected: string) => (value: string) => {
  if (!pattern.test(value)) throw new Error(expected);
  return value;
};

const number =
  (
    { min, max, unit = '', integer = true }: { min: number; max: number; unit?: string; integer?: boolean },
    scale = 1,
  ) =>
  (value: string): number => {
    const parsed = Number(value);
    const usable = value.trim() !== '' && Number.isFinite(parsed) && (!integer || Number.isInteger(parsed));
    if (!usable || parsed < min || parsed > max) {
      throw new Error(
        `${integer ? 'a whole number' : 'a number'} from ${min} to ${max}${unit && ` ${unit}`}`,
      );
    }
    return parsed * scale;
  };

const flag = (value: string): boolean => {
  if (['1', 'true', 'yes', 'on'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'no', 'off', ''].includes(value.toLowerCase())) return false;
  throw new Error('true or false');
};

const oneOf =
  <T extends string>(...words: readonly T[]) =>
  (value: string): T => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new Error(`one of ${words.join(', ')}`);
    return word;
  };

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const listOf =
  (pattern: RegExp, expected: string) =>
  (value: string): readonly string[] =>
    list(value).map(text(pattern, expected));

const MEBI = 1024 * 1024;
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
    64 * MEBI,
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
  maxWorkers: setting('max-workers', cores, number({ min: 1, max: 1000 }), 'most workers at once'),
  concurrency: setting('concurrency', 1, number({ min: 1, max: 256 }), 'jobs at once per worker'),
  idleSeconds: onAws(
    2,
    setting(
      'idle-seconds',
      10,
      number({ min: 0, max: 86_400, unit: 's', integer: false }),
      'fewer workers must have been enough for so long before any is let go (10; on AWS 2)',
    ),
  ),
  sloSeconds: {
    ...onAws(
      60,
      setting(
        'slo-seconds',
        2,
        number({ min: 0.1, max: 3600, unit: 's', integer: false }),
        'latency target: a job should be done within this time (2; on AWS 60)',
      ),
    ),
    variables: ['FACEFLEET_SLO_SECONDS', 'FACEFLEET_TARGET_SECONDS'],
  },
  bootSeconds: onAws(
    40,
    setting(
      'boot-seconds',
      1,
      number({ min: 0, max: 3600, unit: 's', integer: false }),
      'time that a worker takes to boot, until that was measured (1; on AWS 40)',
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
  controllerPort: setting(
    'controller-port',
    0,
    number({ min: 0, max: 65_535 }),
    'port of the controller; 0 takes a free one',
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
  billingMinimumSeconds: onAws(
    60,
    setting(
      'billing-minimum-seconds',
      0,
      number({ min: 0, max: 86_400, unit: 's' }),
      'a worker is paid for at least so long (0; on AWS 60)',
    ),
  ),
};

function setting<T>(flagName: string, fallback: T, parse: (text: string) => T, help: string): Setting<T> {
  return {
    variables: [`FACEFLEET_${flagName.replaceAll('-', '_').toUpperCase()}`],
    flag: flagName,
    fallback: () => fallback,
    parse,
    help,
  };
}

/** With another default on AWS. */
function onAws<T>(fallback: T, setting: Setting<T>): Setting<T> {
  return { ...setting, fallback: (on) => (on === 'aws' ? fallback : setting.fallback(on)) };
}

function optional<T>(flagName: string, parse: (text: string) => T, help: string): Setting<T | undefined> {
  return setting<T | undefined>(flagName, undefined, parse, help);
}

function file(value: string): string {
  return resolve(text(/./, 'a file')(value));
}

function credential(variable: string): Setting<string | undefined> {
  return {
    variables: [variable],
    fallback: () => undefined,
    parse: text(/^[\x21-\x7e]+$/, 'printable characters without spaces'),
    help: 'credentials for AWS; without any: instance role, SSO, profile',
    secret: true,
  };
}

/** `service` as in AWS's own variables, empty for all of them. */
function endpointUrl(service: string): Setting<string | undefined> {
  const suffix = service === '' ? '' : `_${service}`;
  return {
    ...optional(
      `aws-endpoint-url${suffix.toLowerCase().replace('_', '-')}`,
      httpUrl,
      service === '' ? 'a service compatible with AWS' : `the same, for ${service} alone`,
    ),
    variables: [`AWS_ENDPOINT_URL${suffix}`],
  };
}

function httpUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('a URL such as http://127.0.0.1:9000');
  }
  return value;
}

export interface ConfigInput {
  /** By flag name, as typed. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder whose `.env` is read; false for none. */
  readonly dotenvFolder?: string | false;
}

/**
 * Flags over environment over `.env` over defaults, frozen.
 *
 * @throws FacefleetError `config-invalid` that lists every problem: the variable or flag, its value, what was expected.
 */
export function loadConfig(input: ConfigInput = {}): LoadedConfig {
  const environment = input.environment ?? process.env;
  const dotenv = readDotenv(input.dotenvFolder ?? process.cwd());
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};

  for (const [name, setting] of Object.entries(SETTINGS) as [keyof Config, Setting<unknown>][]) {
    const found = lookUp(setting, input.flags ?? {}, environment, dotenv);
    sources[name] = found?.source ?? 'default';
    if (found === undefined) {
      values[name] = setting.fallback();
      continue;
    }
    try {
      values[name] = setting.parse(found.text);
    } catch (error) {
      const shown = setting.secret ? '(hidden)' : JSON.stringify(found.text);
      problems.push(`${found.label} is ${shown}, expected ${(error as Error).message}`);
    }
  }
  problems.push(...unknownVariables(environment, dotenv));
  if (problems.length === 0 && fleetKind(values as unknown as Config) === 'ec2') {
    for (const [name, value] of Object.entries(EC2_DEFAULTS)) {
      if (sources[name] === 'default') values[name] = value;
    }
  }
  if (problems.length === 0) {
    const config = values as unknown as Config;
    problems.push(
      ...contradictions(config),
      ...awsContradictions(config, sources as LoadedConfig['sources']),
    );
  }
  if (problems.length > 0) {
    throw new FacefleetError(
      'config-invalid',
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }
  return {
    config: Object.freeze(values) as unknown as Config,
    sources: Object.freeze(sources) as LoadedConfig['sources'],
  };
}

/**
 * Of a worker that a fleet on this machine has launched: from `FACEFLEET_INSTANCE_ID`, `_SLOT` and `_GENERATION`. Undefined
 * when it was told nothing.
 */
export function instanceIdentity(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): MachineIdentity | undefined {
  const id = environment.FACEFLEET_INSTANCE_ID;
  if (id === undefined) return undefined;
  const place = (variable: string) => {
    const value = environment[variable] ?? '';
    if (/^\d{1,9}$/.test(value)) return Number(value);
    throw new FacefleetError(
      'config-invalid',
      `${variable} is ${JSON.stringify(value)}, expected a whole number`,
    );
  };
  return {
    id,
    slot: place('FACEFLEET_INSTANCE_SLOT'),
    generation: place('FACEFLEET_INSTANCE_GENERATION'),
  };
}

/** Of systemd's protocol for services: for this process alone. */
const NOTIFY_VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Whom this process should tell that it is ready and alive, as systemd says by NOTIFY_SOCKET and WATCHDOG_*. */
export function notifyEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): NotifyEnvironment {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: pid } = environment;
  const isForUs = pid === undefined || Number(pid) === process.pid;
  const periodMs = Number(period ?? 0) / 1000;
  return { socket: socket || undefined, watchdogMs: isForUs && periodMs > 0 ? periodMs : undefined };
}

/** The variables of OpenTelemetry, which have names and rules of their own (`otlpSettings`): environment over `.env`. */
export function openTelemetryVariables(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  dotenvFolder: string | false = process.cwd(),
): Readonly<Record<string, string | undefined>> {
  const both = { ...readDotenv(dotenvFolder), ...environment };
  return Object.fromEntries(Object.entries(both).filter(([name]) => name.startsWith('OTEL_')));
}

/**
 * The environment for a child process that shall come to the same config: this process's own, with flags written as
 * their variables (a flag that was typed wins over the environment here as it did in the parent).
 */
export function childEnvironment(
  flags: Readonly<Record<string, string | boolean | undefined>>,
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...process.env };
  for (const setting of Object.values(SETTINGS) as Setting<unknown>[]) {
    const given = setting.flag === undefined ? undefined : flags[setting.flag];
    if (given !== undefined) environment[setting.variables[0]!] = String(given);
  }
  // A child that said "ready" in its parent's name would be believed.
  for (const variable of NOTIFY_VARIABLES) delete environment[variable];
  return environment;
}

function lookUp(
  setting: Setting<unknown>,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  dotenv: Readonly<Record<string, string | undefined>>,
): { text: string; label: string; source: ConfigSource } | undefined {
  const given = setting.flag === undefined ? undefined : flags[setting.flag];
  if (given !== undefined) return { text: String(given), label: `--${setting.flag}`, source: 'flag' };
  for (const [source, variables] of [
    ['environment', environment],
    ['.env', dotenv],
  ] as const) {
    for (const name of setting.variables) {
      const value = variables[name];
      if (value !== undefined && value !== '') {
        return { text: value, label: source === '.env' ? `${name} in .env` : name, source };
      }
    }
  }
  return undefined;
}

function readDotenv(folder: string | false): Readonly<Record<string, string | undefined>> {
  if (folder === false) return {};
  const file = resolve(folder, '.env');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

/** What the instances of the app tier are. */
export function fleetKind({ on, fleet }: Pick<Config, 'on' | 'fleet'>): 'process' | 'ec2' {
  if (fleet !== 'auto') return fleet;
  return on === 'aws' ? 'ec2' : 'process';
}

/** Where workers are machines of their own: a machine boots for a while, its cores are not ours, and a security group wants a port. */
const EC2_DEFAULTS = {
  bootSeconds: 120,
  maxWorkers: 20,
  controllerPort: 3002,
} as const satisfies Partial<Config>;

/** A misspelt variable that is silently ignored costs somebody an evening. */
function unknownVariables(...places: Readonly<Record<string, string | undefined>>[]): string[] {
  const known = new Set(Object.values(SETTINGS).flatMap((setting) => setting.variables));
  const internal = /^FACEFLEET_(INSTANCE_|INTERNAL_)/;
  const given = new Set(places.flatMap((place) => Object.keys(place)));
  return [...given]
    .filter((name) => name.startsWith('FACEFLEET_') && !known.has(name) && !internal.test(name))
    .map((name) => `${name} is set, but there is no such setting; \`facefleet config\` lists them`);
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.minWorkers > config.maxWorkers) {
    problems.push(
      `FACEFLEET_MIN_WORKERS is ${config.minWorkers}, expected at most FACEFLEET_MAX_WORKERS, ${config.maxWorkers}`,
    );
  }
  for (const [variable, cap, hours] of [
    ['FACEFLEET_MAX_INSTANCE_SECONDS_PER_HOUR', config.maxInstanceSecondsPerHour, 1],
    ['FACEFLEET_MAX_INSTANCE_SECONDS_PER_DAY', config.maxInstanceSecondsPerDay, 24],
  ] as const) {
    // What a single launch sets aside, and what the least number of workers costs.
    const least = Math.max(60 + config.bootSeconds, config.minWorkers * hours * 3600);
    if (cap > 0 && cap < least)
      problems.push(`${variable} is ${cap}, expected 0 or at least ${least}: nothing could be launched`);
  }
  if (config.warmPool > config.maxWorkers) {
    problems.push(
      `FACEFLEET_WARM_POOL is ${config.warmPool}, expected at most FACEFLEET_MAX_WORKERS, ${config.maxWorkers}`,
    );
  }
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [given, missing] = config.tlsKey === undefined ? ['CERT', 'KEY'] : ['KEY', 'CERT'];
    problems.push(`FACEFLEET_TLS_${given} is set, expected FACEFLEET_TLS_${missing} with it`);
  }
  if (config.uploadBudgetBytes < config.maxUploadBytes) {
    problems.push(
      `FACEFLEET_UPLOAD_BUDGET_MB is ${config.uploadBudgetBytes / MEBI}, expected at least FACEFLEET_MAX_UPLOAD_MB, ${config.maxUploadBytes / MEBI}`,
    );
  }
  return problems;
}

/** Of settings that only count on AWS: a shell that happens to hold half of them harms nobody who works locally. */
function awsContradictions(config: Config, sources: LoadedConfig['sources']): string[] {
  if (config.on === 'local') {
    return config.fleet === 'ec2'
      ? ['FACEFLEET_FLEET is "ec2", expected process or auto with --on local: EC2 cannot reach a data folder']
      : [];
  }
  const problems: string[] = [];
  // AWS refuses a key of one place with the secret of another, with a message that says nothing of the kind.
  const { awsAccessKeyId: key, awsSecretAccessKey: secret } = sources;
  if (key !== secret) {
    const place = (source: ConfigSource) => (source === 'default' ? 'not set' : `set in ${source}`);
    problems.push(
      `AWS_ACCESS_KEY_ID is ${place(key)} and AWS_SECRET_ACCESS_KEY is ${place(secret)}, expected both in one place`,
    );
  }
  if (config.awsSessionToken !== undefined && config.awsAccessKeyId === undefined) {
    problems.push('AWS_SESSION_TOKEN is set, expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY with it');
  }
  return problems;
}
