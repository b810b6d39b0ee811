import type { Config } from './types.ts';

/** What the instances of the app tier are. */
export function fleetKind({ on, fleet }: Pick<Config, 'on' | 'fleet'>): 'process' | 'ec2' {
  if (fleet !== 'auto') return fleet;
  return on === 'aws' ? 'ec2' : 'process';
}

/** Where workers are machines of their own: a machine boots for a while, its cores are not ours, and a security group wants a port. */
export const EC2_DEFAULTS = {
  bootSeconds: 120,
  maxWorkers: 20,
  controllerPort: 3002,
} as const satisfies Partial<Config>;
