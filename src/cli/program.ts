import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import type { Verb } from './command.ts';

/** Every verb with its summary; the file `commands/<verb>.ts` is loaded when the verb is called. */
const VERBS: readonly (readonly [name: string, summary: string, load: () => Promise<{ default: Verb }>])[] = [
  ['up', 'run everything on this machine', () => import('./commands/up.ts')],
  ['web', 'run the web tier alone', () => import('./commands/web.ts')],
  ['worker', 'run one worker alone', () => import('./commands/worker.ts')],
  ['controller', 'run the autoscaling controller alone', () => import('./commands/controller.ts')],
  ['broker', 'run the broker alone', () => import('./commands/broker.ts')],
  ['fleet', 'show the fleet and its decisions; pause, resume, drain', () => import('./commands/fleet.ts')],
  ['top', 'watch queues, workers, latency and decisions', () => import('./commands/top.ts')],
  [
    'simulate',
    'play arrivals to scaling policies, and see what each costs',
    () => import('./commands/simulate.ts'),
  ],
  ['queue', 'show what waits where, and look after the dead letters', () => import('./commands/queue.ts')],
  ['console', 'a console on the running service', () => import('./commands/console.ts')],
  ['detect', 'find the faces of a picture', () => import('./commands/detect.ts')],
  ['compare', 'say whether two pictures show one person', () => import('./commands/compare.ts')],
  ['workload', 'send pictures to a service and measure it', () => import('./commands/workload.ts')],
  ['enroll', 'teach the gallery who people are', () => import('./commands/enroll.ts')],
  ['identify', 'say who is on a picture', () => import('./commands/identify.ts')],
  ['people', 'show, rename, merge, remove, export and import people', () => import('./commands/people.ts')],
  ['models', 'list, verify, choose, add and remove model packs', () => import('./commands/models.ts')],
  [
    'doctor',
    'check that everything is there which the settings ask for',
    () => import('./commands/doctor.ts'),
  ],
  ['aws', 'create, watch, change, price and remove the system on AWS', () => import('./commands/aws.ts')],
  ['systemd', 'install, remove and show the services of this machine', () => import('./commands/systemd.ts')],
  ['keys', 'make, show and revoke API keys', () => import('./commands/keys.ts')],
  ['config', 'print the effective settings and where each comes from', () => import('./commands/config.ts')],
];

export function createProgram(): Command {
  const program = new Command('facefleet')
    .description('Elastic face recognition: pictures in, names out.')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(facefleet --help lists the verbs)');
  for (const [name, summary, load] of VERBS) program.addCommand(lazyVerb(name, summary, load));
  return program;
}

/** Stands in for the verb until it is called, then hands all words over, so that `--help` of one verb loads no other. */
function lazyVerb(name: string, summary: string, load: () => Promise<{ default: Verb }>): Command {
  return new Command(name)
    .summary(summary)
    .description(summary)
    .helpOption(false)
    .allowUnknownOption()
    .argument('[words...]')
    .action(async (_words, _options, command: Command) => {
      const { default: verb } = await load();
      const real = new Command(`facefleet ${name}`)
        .description(summary)
        .exitOverride()
        .showHelpAfterError(`(facefleet ${name} --help)`);
      verb.define(real);
      await real.parseAsync(command.args, { from: 'user' });
    });
}
