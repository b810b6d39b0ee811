import type { Command } from 'commander';
import { connect, loggerFor } from '../../compose.ts';
import { openPage } from '../../web/page/page.ts';
import { startWebTier } from '../../web/web-tier.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { aborted, runTier } from '../tier.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, [
      ...DEPLOYMENT_SETTINGS,
      'host',
      'port',
      'dialect',
      'apiKeys',
      'requireKeys',
      'allowAnonymous',
      'allowedHosts',
      'webId',
      'tlsCert',
      'tlsKey',
      'maxUploadBytes',
      'uploadBudgetBytes',
      'metricsToken',
      'webhookAllowedHosts',
      'maxBatchBytes',
      'logLevel',
      'logFormat',
    ]).action((_options, self: Command) => {
      const loaded = configOf(self);
      return runTier(loggerFor(loaded, 'web'), async (link) => {
        await using deployment = await connect(loaded, { component: 'web', waitSeconds: 10 });
        await using web = await startWebTier({
          deployment,
          page: openPage(deployment.logger),
        });
        link.ready({ pid: process.pid, url: web.url });
        await aborted(link.stop, deployment.lost);
      });
    });
    examples(command, [
      ['facefleet web', 'the web tier alone; a broker must serve the data folder'],
      ['facefleet web --port 8000 --dialect course', 'as the cloud-computing course wants it'],
    ]);
  },
};
export default verb;
