import { httpUrl, text } from './parsers.ts';
import type { FleetKind } from './types.ts';

export interface Setting<T> {
  /** Environment variable; the first one is ours, others are accepted too. */
  readonly variables: readonly string[];
  /** As typed on a command line, without the dashes; none for what would then show in a list of processes. */
  readonly flag?: string;
  /** Some depend on what the workers are. */
  readonly fallback: (fleet?: FleetKind) => T;
  /** Throws an Error whose message says what was expected. */
  readonly parse: (text: string) => T;
  readonly help: string;
  readonly secret?: boolean;
}

export function setting<T>(
  flagName: string,
  fallback: T,
  parse: (text: string) => T,
  help: string,
): Setting<T> {
  return {
    variables: [`FACEFLEET_${flagName.replaceAll('-', '_').toUpperCase()}`],
    flag: flagName,
    fallback: () => fallback,
    parse,
    help,
  };
}

/** With another default where workers are EC2 instances: a machine boots for a while, is billed by the minute, its cores are not ours. */
export function onEc2<T>(fallback: T, setting: Setting<T>): Setting<T> {
  return { ...setting, fallback: (fleet) => (fleet === 'ec2' ? fallback : setting.fallback(fleet)) };
}

export function optional<T>(
  flagName: string,
  parse: (text: string) => T,
  help: string,
): Setting<T | undefined> {
  return setting<T | undefined>(flagName, undefined, parse, help);
}

export function credential(variable: string): Setting<string | undefined> {
  return {
    variables: [variable],
    fallback: () => undefined,
    parse: text(/^[\x21-\x7e]+$/, 'printable characters without spaces'),
    help: 'credentials for AWS; without any: instance role, SSO, profile',
    secret: true,
  };
}

/** `service` as in AWS's own variables, empty for all of them. */
export function endpointUrl(service: string): Setting<string | undefined> {
  const suffix = service === '' ? '' : `_${service}`;
  return {
    ...optional(
      `aws-endpoint-url${suffix.toLowerCase().replaceAll('_', '-')}`,
      httpUrl,
      service === '' ? 'a service compatible with AWS' : `the same, for ${service} alone`,
    ),
    variables: [`AWS_ENDPOINT_URL${suffix}`],
  };
}
