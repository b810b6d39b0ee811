import { createRequire } from 'node:module';
import { relative } from 'node:path';
import type { LoadedConfig } from '../config.ts';
import type { ReadyFacts } from '../supervisor/supervised-child.ts';
import { isLoopback } from '../web/guards.ts';

export interface ServiceFacts {
  readonly loaded: LoadedConfig;
  /** What each tier said when it was ready. */
  readonly facts: Readonly<Record<string, ReadyFacts>>;
  /** The data folder as the user would type it. */
  readonly folder: string;
  readonly json: boolean;
}

/** What `up` says once: what runs where, where data lies, a line to try. */
export function describeService({ loaded, facts, folder, json }: ServiceFacts): string {
  const { config } = loaded;
  const url = String(facts.web?.url);
  if (json) return `${JSON.stringify({ url, dataDir: config.dataDir, tiers: facts })}\n`;
  const kept =
    config.retentionDays === 0 ? 'kept until you delete them' : `kept ${config.retentionDays} days`;
  return [
    'Facefleet is running.',
    `  page        ${url}/ui/`,
    `  web         ${url}`,
    `  workers     ${config.minWorkers} to ${config.maxWorkers}, started when pictures come, log in ${folder}/logs`,
    `  data        ${folder} (pictures and results ${kept})`,
    `  access      ${accessOf(config)}`,
    `  processes   ${Object.entries(facts)
      .map(([name, { pid }]) => `${name} ${pid}`)
      .join(', ')}`,
    'Try:',
    `  curl -F inputFile=@${samplePicture()} ${url}/`,
    '  npx facefleet enroll --help      (to give faces names)',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

function accessOf({ host, apiKeys, requireKeys, allowAnonymous }: LoadedConfig['config']): string {
  if (isLoopback(host) && apiKeys.length === 0 && !requireKeys) return 'this machine alone, without a key';
  const exempt = allowAnonymous ? '; POST / without one' : '';
  return `with an API key${exempt} (npx facefleet keys --help)`;
}

/** A picture of people that came with npm. */
function samplePicture(): string {
  const folder = createRequire(import.meta.url)
    .resolve('@vladmandic/face-api/package.json')
    .replace('package.json', 'demo');
  return relative(process.cwd(), `${folder}/sample1.jpg`);
}
