import type { Config, FleetKind } from './types.ts';

/** What the instances of the app tier are. */
export function fleetKind({ on, fleet }: Pick<Config, 'on' | 'fleet'>): FleetKind {
  if (fleet !== 'auto') return fleet;
  return on === 'aws' ? 'ec2' : 'process';
}
