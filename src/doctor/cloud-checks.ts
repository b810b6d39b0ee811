import type { Caller, CloudAccount, Market, VcpuQuota } from '../cloud/account.ts';
import type { Config } from '../config.ts';
import { bucketNames, queueNames } from '../jobs/keys.ts';
import { examine, type Finding, fail, failure, ok, warn } from './finding.ts';

/** AWS refuses signatures that are five minutes off. */
const REFUSED_SKEW_SECONDS = 300;
const WORRYING_SKEW_SECONDS = 30;

const UP = 'run `facefleet aws up`';

export interface CloudCheckOptions {
  readonly account: CloudAccount;
  readonly config: Config;
  /** Whether workers are EC2 instances. */
  readonly hasEc2Fleet: boolean;
}

/** Of the account that the settings name. Without an identity nothing else can be asked, and is not. */
export async function checkCloud(options: CloudCheckOptions): Promise<readonly Finding[]> {
  let caller: Caller | undefined;
  const identity = await examine('credentials', async () => {
    caller = await options.account.whoAmI();
    return [
      ok('credentials', `${caller.arn}, account ${caller.accountId}, region ${caller.region}`),
      clockFinding(caller),
    ];
  });
  if (caller === undefined) return identity;
  const { prefix } = options.config;
  const rest = await Promise.all([
    ...Object.values(bucketNames(prefix)).map((bucket) =>
      examine(`bucket ${bucket}`, () => checkBucket(options, bucket)),
    ),
    examine('conditional writes', () => checkConditions(options)),
    ...checkQueues(options),
    ...(options.hasEc2Fleet ? checkFleet(options, caller) : []),
  ]);
  return [...identity, ...rest.flat()];
}

function clockFinding({ clockSkewSeconds: skew }: Caller): Finding {
  const what = `this machine's clock is ${Math.abs(skew)} s ${skew < 0 ? 'behind' : 'ahead of'} AWS's`;
  const next = 'set the clock, and keep it set with chrony or systemd-timesyncd';
  if (Math.abs(skew) >= REFUSED_SKEW_SECONDS) return fail('clock', what, next);
  return Math.abs(skew) >= WORRYING_SKEW_SECONDS ? warn('clock', what, next) : ok('clock', what);
}

async function checkBucket({ account }: CloudCheckOptions, bucket: string): Promise<Finding> {
  const check = `bucket ${bucket}`;
  const state = await account.storage.state(bucket);
  if (state === 'ours') return ok(check, 'is there and may be used');
  if (state === 'missing') return fail(check, 'does not exist', UP);
  return fail(
    check,
    'belongs to somebody else, is in another region, or may not be looked at (s3:ListBucket)',
    'choose another FACEFLEET_PREFIX: bucket names are unique in all of AWS; or check AWS_REGION and the policy',
  );
}

/** Everything that must happen once stands on them. */
async function checkConditions({ account, config }: CloudCheckOptions): Promise<Finding[]> {
  const check = 'conditional writes';
  const { state } = bucketNames(config.prefix);
  if ((await account.storage.state(state)) !== 'ours') return [];
  if (await account.storage.honoursConditions(state)) return [ok(check, `${state} refuses a second create`)];
  return [
    fail(
      check,
      `the store behind ${state} ignores If-None-Match, so two controllers could both lead and results be overwritten`,
      'use S3, or a compatible service that honours conditional writes',
    ),
  ];
}

function checkQueues(options: CloudCheckOptions): Promise<readonly Finding[]>[] {
  const names = queueNames(options.config.prefix);
  return [
    examine(`queue ${names.requests}`, () => checkRequests(options, names)),
    examine(`queue ${names.deadLetters}`, () => checkDeadLetters(options, names.deadLetters)),
    examine(`queue ${names.responses}`, async () => {
      const check = `queue ${names.responses}`;
      const found = await options.account.queues.look(names.responses);
      // A web tier makes its own.
      return found === undefined
        ? warn(check, 'does not exist', `the web tier makes it, if it may; or ${UP}`)
        : ok(check, 'is there');
    }),
  ];
}

async function checkRequests(
  { account, config }: CloudCheckOptions,
  names: ReturnType<typeof queueNames>,
): Promise<Finding[]> {
  const check = `queue ${names.requests}`;
  const found = await account.queues.look(names.requests);
  if (found === undefined) return [fail(check, 'does not exist', UP)];
  const findings = [ok(check, `is there, with ${found.visible} waiting and ${found.inFlight} in work`)];
  if (found.maxMessageBytes !== config.maxMessageBytes) {
    const what = `takes messages of up to ${found.maxMessageBytes} bytes, FACEFLEET_MAX_MESSAGE_BYTES is ${config.maxMessageBytes}`;
    findings.push(
      warn(
        check,
        what,
        `set both to the same, or ${UP}; tiers whose role may not change queues do not start`,
      ),
    );
  }
  if (found.deadLetterQueue !== names.deadLetters) {
    const what = `gives up messages to ${found.deadLetterQueue ?? 'nobody: they come again for ever'}, expected ${names.deadLetters}`;
    findings.push(fail(check, what, UP));
  }
  return findings;
}

async function checkDeadLetters({ account }: CloudCheckOptions, name: string): Promise<Finding> {
  const check = `queue ${name}`;
  const found = await account.queues.look(name);
  if (found === undefined) return fail(check, 'does not exist', UP);
  const count = found.visible + found.inFlight;
  if (count === 0) return ok(check, 'is there, and empty');
  return warn(
    check,
    `holds ${count} jobs that were given up`,
    '`facefleet queue` shows them, and sends them again',
  );
}

function checkFleet(options: CloudCheckOptions, caller: Caller): Promise<readonly Finding[]>[] {
  const { account, config } = options;
  const name = config.launchTemplate ?? `${config.prefix}-app-tier`;
  const check = `launch template ${name}`;
  return [
    examine(check, async () => {
      const template = await account.machines.launchTemplate(name);
      if (template === undefined) return fail(check, 'does not exist', UP);
      const known = ok(check, `version ${template.latestVersion}, image ${template.image}`);
      const launching = await examine('launching', () => tryLaunch(account, name, caller));
      return [known, ...launching, ...(await checkOfferings(options, template.instanceType, caller))];
    }),
  ];
}

/** Of the types that are set, else of the template's. */
async function checkOfferings(
  options: CloudCheckOptions,
  templateType: string | undefined,
  caller: Caller,
): Promise<readonly Finding[]> {
  const { account, config } = options;
  const types =
    config.instanceTypes.length > 0 || templateType === undefined ? config.instanceTypes : [templateType];
  const [first] = types;
  if (first === undefined) {
    return [
      warn(
        'instance types',
        'neither the settings nor the template name one',
        'set FACEFLEET_INSTANCE_TYPES',
      ),
    ];
  }
  const findings = await Promise.all([
    examine('instance types', () => checkTypes(account, types, caller)),
    examine('limits', () => checkLimits(options, first)),
  ]);
  return findings.flat();
}

async function tryLaunch(account: CloudAccount, name: string, { arn }: Caller): Promise<Finding> {
  await account.machines.tryLaunch(name);
  return ok('launching', `${arn} may launch from ${name} (a dry run)`);
}

async function checkTypes(
  account: CloudAccount,
  types: readonly string[],
  { region }: Caller,
): Promise<Finding> {
  const offered = await account.machines.offered(types);
  const missing = types.filter((type) => !offered.includes(type));
  if (missing.length === 0) return ok('instance types', `${types.join(', ')} are offered in ${region}`);
  const what = `${region} does not offer ${missing.join(', ')}`;
  const next = 'choose others: FACEFLEET_INSTANCE_TYPES';
  return offered.length === 0 ? fail('instance types', what, next) : warn('instance types', what, next);
}

/** Types whose vCPUs count together; others have limits of their own. */
const STANDARD_TYPE = /^(?:[acdhimrtz]|im|is)\d/;

async function checkLimits(
  { account, config }: CloudCheckOptions,
  type: string,
): Promise<readonly Finding[]> {
  const each = await account.machines.vcpus(type);
  if (each === undefined)
    return [warn('limits', `nobody knows how many vCPUs a ${type} has`, 'check the type')];
  const needed = { type, each, workers: config.maxWorkers };
  if (!STANDARD_TYPE.test(type)) {
    const what = `${said(needed)}; not checked: types like ${type} have a limit of their own`;
    return [warn('limits', what, 'look for it in Service Quotas, under Amazon EC2')];
  }
  return Promise.all(MARKETS[config.market].map((market) => checkLimit(account, market, needed)));
}

/** Where spot has no room on-demand is asked. */
const MARKETS: Readonly<Record<Config['market'], readonly Market[]>> = {
  'on-demand': ['on-demand'],
  spot: ['spot', 'on-demand'],
  'spot-only': ['spot'],
};

interface Needed {
  readonly type: string;
  readonly each: number;
  readonly workers: number;
}

const said = ({ type, each, workers }: Needed) =>
  `${workers} workers of ${type} need ${each * workers} vCPUs`;

/** What cannot be read is said, and no reason to fail. */
async function checkLimit(account: CloudAccount, market: Market, needed: Needed): Promise<Finding> {
  const check = 'limits';
  const { each, workers } = needed;
  const unchecked = `${said(needed)}; the limit for ${market} was not checked`;
  let quota: VcpuQuota | undefined;
  try {
    quota = await account.quotas.vcpus(market);
  } catch (error) {
    const { what, next } = failure(check, error);
    return warn(check, `${unchecked}: ${what}`, next ?? LOOK);
  }
  if (quota === undefined) return warn(check, `${unchecked}: Service Quotas does not know it`, LOOK);
  const allowed = `the account may run ${quota.value} ${market}, all its instances together (${quota.code})`;
  if (each * workers <= quota.value) return ok(check, `${said(needed)}; ${allowed}`);
  const most = Math.floor(quota.value / each);
  const more = `ask for more in Service Quotas (${quota.code})`;
  if (most === 0) return fail(check, `${said(needed)}; ${allowed}`, `${more}: not one worker can start`);
  return warn(
    check,
    `${said(needed)}; ${allowed}`,
    `${more}, or lower FACEFLEET_MAX_WORKERS to ${most} or less`,
  );
}

const LOOK = 'look at Service Quotas, under Amazon EC2';
