import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Command, InvalidArgumentError } from 'commander';

import { systemClock } from '../../adapters/local/system-clock.ts';
import type { CloudAccount } from '../../cloud/account.ts';
import { bake } from '../../cloud/bake.ts';
import { type BroughtUp, bringUp } from '../../cloud/bring-up.ts';
import { type CostRequest, estimateCost, UnknownPriceError } from '../../cloud/cost.ts';
import { lookAtSystem } from '../../cloud/overview.ts';
import { packProgram } from '../../cloud/program-archive.ts';
import { parametersOf, parametersOfTemplate, SHARED_SETTINGS } from '../../cloud/stack-parameters.ts';
import { takeDown } from '../../cloud/take-down.ts';
import type { Talk } from '../../cloud/talk.ts';
import { connect, launcherPath, loggerFor, openCloudAccount } from '../../compose.ts';
import { type LoadedConfig, loadConfig } from '../../config.ts';
import { FacefleetError } from '../../errors.ts';
import { readFleetReport } from '../../scaling/fleet-report.ts';
import { onShutdownSignals } from '../../shutdown.ts';
import { costPage, overviewScreen } from '../aws-screen.ts';
import { examples, typedFlags, type Verb, withSettings } from '../command.ts';
import { json } from '../output.ts';

const verb: Verb = {
  define(command) {
    const changing = (name: string, summary: string) =>
      define(command, name, summary)
        .option('--dry-run', 'show the plan, change nothing')
        .option('--yes', 'do not ask');
    const deploying = (name: string, summary: string) =>
      withSettings(changing(name, summary), [
        ...SHARED_SETTINGS.filter((setting) => setting !== 'prefix'),
        'apiKeys',
      ]).option(
        '--set <Name=value>',
        'any parameter of the template; may be repeated',
        collectPair,
        new Map<string, string>(),
      );
    deploying('up', 'create the system, or make it what the settings say').action((_, self: Command) =>
      up(self, true),
    );
    deploying('update', 'change a running system: settings, and the program that lies here').action(
      (_, self: Command) => up(self, false),
    );
    define(command, 'status', 'the whole system on one screen')
      .option('--json', 'as JSON')
      .action((_, self: Command) => status(self));
    changing('bake', 'make an image for workers, so that they boot in seconds')
      .option('--type <type>', 'instance type that builds', 'c7i.large')
      .action((_, self: Command) => bakeImage(self));
    define(command, 'cost', 'estimate what an hour costs, with no worker, one, and the most')
      .option(
        '--price <type=USD>',
        'price of an instance type an hour; may be repeated',
        collectPair,
        new Map<string, string>(),
      )
      .option('--json', 'as JSON')
      .action((_, self: Command) => cost(self));
    changing('down', 'remove everything; people, pictures and results only with --delete-data')
      .option('--delete-data', 'remove the buckets too, for good')
      .action((_, self: Command) => down(self));
    examples(command, [
      ['facefleet aws up --prefix ada-faces --dry-run', 'what it would create'],
      ['facefleet aws up --prefix ada-faces --max-workers 5', 'create it, five workers at most'],
      ['facefleet aws up --prefix ada-faces --set LoadBalancer=true', 'any parameter of the template'],
      ['facefleet aws bake --prefix ada-faces', 'workers that boot in seconds'],
      ['facefleet aws status --prefix ada-faces', 'what runs'],
      ['facefleet aws down --prefix ada-faces --delete-data', 'leave nothing behind'],
    ]);
    command.addHelpText(
      'after',
      '\nSee docs/aws.md. Exits with 0 done or nothing to do, 1 failed or declined, 2 called wrongly.',
    );
  },
};
export default verb;

function define(command: Command, name: string, summary: string): Command {
  return withSettings(command.command(name).description(summary), ['prefix', 'awsRegion', 'awsProfile']);
}

async function up(self: Command, mayCreate: boolean): Promise<void> {
  const loaded = configOf(self);
  const { prefix: fleet, apiKeys } = loaded.config;
  const options = self.opts<{ dryRun?: boolean; set: Map<string, string> }>();
  const root = dirname(dirname(launcherPath()));
  const [program, template] = [await packProgram(root), readTemplate(root)];
  await using account = await announce(loaded);
  using signals = onShutdownSignals(loggerFor(loaded, 'aws'));
  const result = await bringUp({
    account,
    clock: systemClock,
    talk: talkOf(self),
    signal: signals.drain,
    fleet,
    template,
    parameters: { ...parametersOf(loaded), ...Object.fromEntries(options.set) },
    apiKeys,
    program,
    isDryRun: options.dryRun === true,
    mayCreate,
  });
  if (result === undefined) process.exitCode = options.dryRun === true ? 0 : 1;
  else process.stdout.write(nextSteps(result, fleet));
}

function nextSteps({ url, keysParameter, wasUpToDate }: BroughtUp, fleet: string): string {
  if (url === undefined) return 'done\n';
  const key =
    keysParameter === undefined
      ? ''
      : ` -H "X-Api-Key: $(aws ssm get-parameter --with-decryption --name ${keysParameter} --query Parameter.Value --output text)"`;
  return `${wasUpToDate ? '' : 'done\n'}\n  curl${key} -F inputFile=@picture.jpg ${url}/\n\nit costs money until \`facefleet aws down --prefix ${fleet}\`\n`;
}

async function status(self: Command): Promise<void> {
  const loaded = configOf(self);
  const { prefix: fleet } = loaded.config;
  await using account = await openCloudAccount(loaded);
  const readFleet = async () => {
    await using deployment = await connect(loaded, { component: 'aws' });
    return readFleetReport(deployment.state, systemClock.now());
  };
  const overview = await lookAtSystem({ account, fleet, readFleet });
  process.stdout.write(self.opts().json ? json(overview) : overviewScreen(overview, systemClock.now()));
}

async function bakeImage(self: Command): Promise<void> {
  const loaded = configOf(self);
  const { prefix: fleet } = loaded.config;
  const options = self.opts<{ dryRun?: boolean; type: string }>();
  await using account = await announce(loaded);
  using signals = onShutdownSignals(loggerFor(loaded, 'aws'));
  const talk = talkOf(self);
  const common = {
    account,
    clock: systemClock,
    talk,
    signal: signals.drain,
    fleet,
    isDryRun: options.dryRun === true,
  };
  const image = await bake({ ...common, builderType: options.type });
  if (image === undefined) {
    process.exitCode = common.isDryRun ? 0 : 1;
    return;
  }
  talk.say(`workers launched from now on boot from ${image}, once the stack says so:`);
  const stack = await account.stacks.describe(fleet);
  const root = dirname(dirname(launcherPath()));
  const program = { ...(await packProgram(root)), key: stack?.parameters.SourceObject ?? '' };
  const result = await bringUp({
    ...common,
    template: readTemplate(root),
    parameters: { WorkerImage: image },
    apiKeys: [],
    // The image holds the program that the stack names, which may not be the one that lies here.
    program,
    mayCreate: false,
  });
  if (result === undefined) process.exitCode = 1;
}

async function cost(self: Command): Promise<void> {
  const loaded = configOf(self);
  const options = self.opts<{ json?: boolean; price: Map<string, string> }>();
  const root = dirname(dirname(launcherPath()));
  const defaults = Object.fromEntries(parametersOfTemplate(readTemplate(root)));
  // Of the running system, if there is one and it can be asked; else of what `up` would make.
  const running = await runningParameters(loaded);
  const parameters = { ...defaults, ...running, ...parametersOf(loaded) };
  try {
    const estimate = estimateCost(costRequest(parameters, options.price));
    process.stdout.write(
      options.json ? json(estimate) : costPage(estimate, loaded.config.awsRegion ?? estimate.region),
    );
  } catch (error) {
    if (!(error instanceof UnknownPriceError)) throw error;
    const flags = error.types.map((type) => `--price ${type}=0.1`).join(' ');
    throw new FacefleetError('bad-request', `${error.message}; say it in USD an hour: ${flags}`);
  }
}

async function runningParameters(loaded: LoadedConfig): Promise<Readonly<Record<string, string>>> {
  await using account = await openCloudAccount(loaded);
  // An estimate needs no account; without one it is of the defaults.
  const stack = await account.stacks.describe(loaded.config.prefix).catch(() => undefined);
  return stack?.parameters ?? {};
}

function costRequest(
  parameters: Readonly<Record<string, string | undefined>>,
  prices: ReadonlyMap<string, string>,
): CostRequest {
  const overrides = new Map([...prices].map(([type, price]) => [type, Number(price)]));
  const wrong = [...overrides].find(([, price]) => !(price >= 0));
  if (wrong !== undefined)
    throw new FacefleetError(
      'bad-request',
      `--price ${wrong[0]}=${prices.get(wrong[0])}, expected a number of USD`,
    );
  return {
    webType: parameters.WebInstanceType ?? '',
    workerTypes: (parameters.InstanceTypes ?? '').split(','),
    minWorkers: Number(parameters.MinWorkers),
    maxWorkers: Number(parameters.MaxWorkers),
    hasLoadBalancer: parameters.LoadBalancer === 'true',
    overrides,
  };
}

async function down(self: Command): Promise<void> {
  const loaded = configOf(self);
  const options = self.opts<{ dryRun?: boolean; deleteData?: boolean }>();
  await using account = await announce(loaded);
  using signals = onShutdownSignals(loggerFor(loaded, 'aws'));
  const left = await takeDown({
    account,
    clock: systemClock,
    talk: talkOf(self),
    signal: signals.drain,
    fleet: loaded.config.prefix,
    deleteData: options.deleteData === true,
    isDryRun: options.dryRun === true,
  });
  if (options.dryRun) return;
  const unwanted = left.filter((line) => !line.includes(' stays '));
  process.stdout.write(left.length === 0 ? 'nothing is left\n' : `left: ${left.join('\n      ')}\n`);
  if (unwanted.length > 0) process.exitCode = 1;
}

/** These verbs are about AWS, wherever the service of this folder runs. */
function configOf(self: Command): LoadedConfig {
  return loadConfig({ flags: { ...typedFlags(self), on: 'aws' } });
}

/** Says whose account it is before anything happens in it. */
async function announce(loaded: LoadedConfig): Promise<CloudAccount> {
  const account = await openCloudAccount(loaded);
  const { accountId, arn, region } = await account.whoAmI();
  process.stdout.write(`account ${accountId} in ${region}, as ${arn}\n`);
  return account;
}

function talkOf(self: Command): Talk {
  return {
    say: (line) => process.stdout.write(`${line}\n`),
    async confirm(question) {
      if (self.opts().yes === true) return true;
      if (!process.stdin.isTTY) {
        throw new FacefleetError(
          'bad-request',
          `nobody can be asked "${question}" here: add --yes, or --dry-run to see the plan alone`,
        );
      }
      const terminal = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
      } finally {
        terminal.close();
      }
    },
  };
}

function readTemplate(root: string): string {
  return readFileSync(join(root, 'deploy', 'cloudformation', 'facefleet.yaml'), 'utf8');
}

function collectPair(text: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected Name=value.');
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]]);
}
