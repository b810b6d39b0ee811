import { BlockList, isIP } from 'node:net';
import { FacefleetError } from '../errors.ts';

export interface PlaceSettings {
  readonly controllerHost: string;
  readonly controllerPort: number;
  /** `host` or `host:port`. */
  readonly controllerAddress: string | undefined;
}

export interface PlaceOptions {
  readonly settings: PlaceSettings;
  /** Nobody has said where to listen. */
  readonly isHostDefault: boolean;
  /** Workers are on other machines. */
  readonly areWorkersElsewhere: boolean;
  /** The private address of this machine, where it knows it. */
  readonly machineAddress: string | undefined;
}

/** Where a controller listens, and what it tells workers. */
export interface ControllerPlace {
  readonly host: string;
  readonly port: number;
  /** As a URL has it, an IPv6 address in brackets. */
  readonly advertisedHost: string;
  /** Undefined: the one that it listens on. */
  readonly advertisedPort: number | undefined;
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '::', '[::]'];

/**
 * By default where only this machine reaches it, or with workers on other machines on this machine's private address.
 * Heartbeats and orders go over plain HTTP with a token, so never where the internet does.
 *
 * @throws FacefleetError `config-invalid` for public addresses, and where workers could not reach it.
 */
export function controllerPlace(options: PlaceOptions): ControllerPlace {
  const { settings, machineAddress } = options;
  const host = bare(hostOf(options));
  const { host: advertised, port: advertisedPort } = parseAddress(
    settings.controllerAddress ?? (WILDCARDS.includes(host) ? machineAddress : host),
  );
  if (advertised === undefined) {
    throw invalid(
      `FACEFLEET_CONTROLLER_HOST is ${host}, expected FACEFLEET_CONTROLLER_ADDRESS with it: where workers reach the controller`,
    );
  }
  refusePublic('FACEFLEET_CONTROLLER_HOST', host);
  refusePublic('FACEFLEET_CONTROLLER_ADDRESS', advertised);
  return { host, port: settings.controllerPort, advertisedHost: bracketed(advertised), advertisedPort };
}

export function advertisedUrl(
  { advertisedHost, advertisedPort }: ControllerPlace,
  listeningPort: number,
): string {
  return `http://${advertisedHost}:${advertisedPort ?? listeningPort}`;
}

function hostOf({ settings, isHostDefault, areWorkersElsewhere, machineAddress }: PlaceOptions): string {
  if (!isHostDefault || !areWorkersElsewhere) return settings.controllerHost;
  if (machineAddress !== undefined) return machineAddress;
  // Whoever says where it is reached knows what brings callers there.
  if (settings.controllerAddress !== undefined) return settings.controllerHost;
  throw invalid(
    'workers on other machines cannot reach 127.0.0.1, and no instance metadata service tells a private address: set FACEFLEET_CONTROLLER_HOST',
  );
}

function parseAddress(address: string | undefined): { host: string | undefined; port: number | undefined } {
  if (address === undefined) return { host: undefined, port: undefined };
  // An IPv6 address without brackets has more than one colon and no port.
  if (isIP(address) === 6) return { host: address, port: undefined };
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  return { host: bare(host ?? address), port: port === undefined ? undefined : Number(port) };
}

const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 32],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv6');
}

/** A name is taken as it is: in a VPC it is one of the VPC's. */
function refusePublic(variable: string, host: string): void {
  const family = isIP(host);
  if (family === 0 || PRIVATE.check(host, family === 6 ? 'ipv6' : 'ipv4')) return;
  throw invalid(
    `${variable} is ${host}, expected a private address: the controller must not be reached from the internet`,
  );
}

const bare = (host: string) => host.replace(/^\[(.*)\]$/, '$1');
const bracketed = (host: string) => (isIP(host) === 6 ? `[${host}]` : host);

function invalid(message: string): FacefleetError {
  return new FacefleetError('config-invalid', message);
}
