import { start } from 'node:repl';
import type { Command } from 'commander';
import { connect } from '../../compose.ts';
import { Gallery } from '../../gallery/index.ts';
import { JobClient } from '../../jobs/job-client.ts';
import { queueNames } from '../../jobs/keys.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';

const INTRODUCTION = `A console on the running service. At hand:
  deployment   its ports: .input .output .state .queues
  requests     the request queue:      await requests.depth()
  gallery      people and faces:       await gallery.people()
  jobs         submit and wait:        await jobs.result('<job id>')
  config       the effective settings
`;

const verb: Verb = {
  define(command) {
    withSettings(command, [...DEPLOYMENT_SETTINGS, 'dialect']).action(async (_options, self: Command) => {
      const loaded = configOf(self);
      await using deployment = await connect(loaded, { component: 'console', waitSeconds: 2 });
      await using jobs = await JobClient.open(deployment);
      process.stdout.write(INTRODUCTION);
      const server = start({ prompt: 'facefleet> ', useGlobal: false });
      Object.assign(server.context, {
        deployment,
        requests: deployment.queues.open(queueNames(loaded.config.prefix).requests),
        gallery: new Gallery({ state: deployment.state, clock: deployment.clock }),
        jobs,
        config: loaded.config,
      });
      await new Promise((resolve) => server.once('exit', resolve));
    });
    examples(command, [['facefleet console', 'look around in ./.facefleet while it runs']]);
  },
};
export default verb;
