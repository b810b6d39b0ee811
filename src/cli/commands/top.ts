import type { Command } from 'commander';
import { connect } from '../../compose.ts';
import type { Deployment } from '../../deployment.ts';
import { onShutdownSignals } from '../../shutdown.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { Terminal } from '../top/terminal.ts';
import { type TopSample, TopSampler } from '../top/top-sample.ts';
import { layOut, plainText } from '../top/top-screen.ts';

const DEFAULT_INTERVAL_SECONDS = 1;
const BACKLOGS_KEPT = 300;
/** Without a window to fit into. */
const ENDLESS = { columns: 200, rows: 1000 };

interface Options {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly interval: string;
}

const verb: Verb = {
  define(command) {
    withSettings(command, [...DEPLOYMENT_SETTINGS, 'host', 'port', 'metricsToken'])
      .option('--once', 'say how things are, and end; the default where there is no terminal')
      .option('--json', 'one JSON object a look, for programs')
      .option('--interval <seconds>', 'time between two looks', String(DEFAULT_INTERVAL_SECONDS))
      .action((options: Options, self: Command) => top(options, self));
    examples(command, [
      ['facefleet top', 'queues, workers, latency and decisions, live; q ends it'],
      ['facefleet top --once', 'the same as text, once'],
      ['facefleet top --json | jq .latency.p95Seconds', 'one line a second for a program'],
    ]);
    command.addHelpText(
      'after',
      '\nLatency comes from the metrics of the web tier on --host and --port (where the API is, with --metrics-token if it has one).\nOn one machine it needs the broker: `facefleet up` or `facefleet broker`.\nExits with 0 done, 1 failed, 2 called wrongly.',
    );
  },
};
export default verb;

async function top(options: Options, self: Command): Promise<void> {
  const seconds = Number(options.interval);
  if (!(seconds >= 0.1 && seconds <= 3600)) {
    self.error(`error: --interval is ${JSON.stringify(options.interval)}, expected seconds from 0.1 to 3600`);
  }
  const loaded = configOf(self);
  // Log lines would run through the screen; what does not answer is shown on it.
  const quiet = { ...loaded, config: Object.freeze({ ...loaded.config, logLevel: 'silent' }) };
  await using deployment = await connect(quiet, { component: 'top', waitSeconds: 2 });
  const sampler = new TopSampler(deployment);
  if (options.json === true) await printJson(sampler, deployment, { ...options, seconds });
  else if (options.once === true || !process.stdout.isTTY) {
    const sample = await sampler.take();
    process.stdout.write(plainText(layOut(sample, [], ENDLESS)));
  } else await watch(sampler, deployment, seconds);
}

async function printJson(
  sampler: TopSampler,
  { clock, logger, lost }: Deployment,
  { once, seconds }: { once?: boolean; seconds: number },
): Promise<void> {
  using signals = onShutdownSignals(logger);
  const end = AbortSignal.any([signals.drain, lost]);
  // Whoever reads may have had enough.
  const gone = new AbortController();
  process.stdout.once('error', () => gone.abort());
  do {
    process.stdout.write(`${JSON.stringify(await sampler.take())}\n`);
    if (once === true) return;
    await clock.sleep(seconds * 1000, AbortSignal.any([end, gone.signal]));
  } while (!end.aborted && !gone.signal.aborted);
}

async function watch(
  sampler: TopSampler,
  { clock, logger, lost }: Deployment,
  seconds: number,
): Promise<void> {
  using signals = onShutdownSignals(logger);
  using terminal = new Terminal(process.stdout, process.stdin);
  const end = AbortSignal.any([signals.drain, lost, terminal.quit]);
  let sample: TopSample = await sampler.take();
  let backlogs: number[] = [];
  const show = () => terminal.show(layOut(sample, backlogs, terminal.size));
  terminal.onResize(show);
  while (!end.aborted) {
    const [requests] = sample.queues ?? [];
    backlogs = [...backlogs, (requests?.visible ?? 0) + (requests?.delayed ?? 0)].slice(-BACKLOGS_KEPT);
    show();
    await clock.sleep(seconds * 1000, end);
    if (!end.aborted) sample = await sampler.take();
  }
}
