import type { Config, LoadedConfig } from '../config.ts';
import type { StackParameters } from './account.ts';

/** Parameters of the template that are settings of Facefleet, by the setting's name. */
const SHARED = {
  prefix: 'Prefix',
  dialect: 'Dialect',
  pack: 'Pack',
  falsePositiveRate: 'FalsePositiveRate',
  retentionDays: 'RetentionDays',
  logLevel: 'LogLevel',
  port: 'Port',
  allowAnonymous: 'AllowAnonymous',
  allowedHosts: 'AllowedHosts',
  minWorkers: 'MinWorkers',
  maxWorkers: 'MaxWorkers',
  concurrency: 'Concurrency',
  idleSeconds: 'IdleSeconds',
  sloSeconds: 'SloSeconds',
  bootSeconds: 'BootSeconds',
  visibilityTimeoutSeconds: 'VisibilityTimeoutSeconds',
  kmsKey: 'KmsKey',
  maxMessageBytes: 'MaxMessageBytes',
  instanceTypes: 'InstanceTypes',
  subnets: 'Subnets',
  market: 'Market',
  controllerPort: 'ControllerPort',
} as const satisfies Partial<Record<keyof Config, string>>;

export type SharedSetting = keyof typeof SHARED;
export const SHARED_SETTINGS = Object.keys(SHARED) as SharedSetting[];

/** Those settings that somebody has set somewhere: the template, or the running stack, has its own opinion on the others. */
export function parametersOf({ config, sources }: LoadedConfig): StackParameters {
  const given = SHARED_SETTINGS.filter((name) => name === 'prefix' || sources[name] !== 'default');
  return Object.fromEntries(given.map((name) => [SHARED[name], wordOf(config[name])]));
}

export function wordOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** The names and defaults of a template's parameters, read off its text: our own template, in its own layout. */
export function parametersOfTemplate(template: string): ReadonlyMap<string, string | undefined> {
  const section = /^Parameters:\n([\s\S]*?)^\S/m.exec(template)?.[1] ?? '';
  const blocks = section.split(/^ {2}(?=\w+:$)/m).filter((block) => block.trim() !== '');
  return new Map(
    blocks.map((block) => {
      const name = /^\w+/.exec(block)?.[0] ?? '';
      const fallback = /^ {4}Default: (.*)$/m.exec(block)?.[1];
      return [name, fallback?.replace(/^'(.*)'$/, '$1')];
    }),
  );
}
