import { type LookupAddress, type LookupAllOptions, lookup as resolve } from 'node:dns';
import { BlockList, isIP } from 'node:net';

import { FacefleetError } from '../errors.ts';

/** IPv4 addresses that are nobody's on the internet: private, loopback, link-local (metadata services), shared, reserved. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** What the internet uses of IPv6, but for what leads to IPv4 addresses through a tunnel, and documentation. */
const GLOBAL_UNICAST = '2000::/3';
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const notPublic = blockList(NOT_PUBLIC);
const globalUnicast = blockList([GLOBAL_UNICAST]);
const notPublicV6 = blockList(NOT_PUBLIC_V6);

type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What `http.request` takes as `lookup`. */
type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Whom we may call. Anybody can give us an address, so we call only what is public: else a stranger could have us call the
 * metadata service of our machine, or whatever else only we can reach.
 *
 * A name is resolved and checked when the connection is made, and exactly the checked addresses are connected to: a name
 * that changes between two looks (DNS rebinding) gains nothing.
 */
export class Destinations {
  readonly #names: ReadonlySet<string>;
  readonly #addresses: BlockList;
  readonly #resolve: Resolve;

  /** `allowed`: host names, addresses and networks (`10.0.0.0/8`) that may be called though they are not public, in plain HTTP too. */
  constructor(allowed: readonly string[] = [], resolveAll: Resolve = resolve) {
    const networks = allowed.filter((entry) => isIP(entry.split('/', 1)[0]!) !== 0);
    this.#names = new Set(
      allowed.filter((entry) => !networks.includes(entry)).map((name) => name.toLowerCase()),
    );
    this.#addresses = blockList(networks);
    this.#resolve = resolveAll;
  }

  /**
   * Checks what an address says by itself; what its name resolves to is checked when it is called.
   *
   * @throws FacefleetError `bad-request`
   */
  check(text: string): URL {
    const url = URL.parse(text);
    if (url === null) throw refused('it is no address');
    if (url.username !== '' || url.password !== '') throw refused('it holds a user name or password');
    const host = hostOf(url);
    const isAllowed = this.#isAllowedName(host) || (isIP(host) !== 0 && this.#isAllowedAddress(host));
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) {
      throw refused('expected https');
    }
    if (!isAllowed && isIP(host) !== 0 && !isPublic(host)) throw refused(NO_PUBLIC_ADDRESS);
    if (!isAllowed && isLocalName(host)) throw refused(NO_PUBLIC_ADDRESS);
    return url;
  }

  /** For `http.request`: resolves the name and gives out its addresses only if all of them may be called. */
  readonly lookup = (
    hostname: string,
    options: { all?: boolean | undefined; family?: number | string | undefined },
    callback: LookupCallback,
  ): void => {
    this.#resolve(hostname, { all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const isTrusted = this.#isAllowedName(hostname);
      const isFine = ({ address }: LookupAddress) =>
        isTrusted || isPublic(address) || this.#isAllowedAddress(address);
      const [first] = addresses;
      if (first === undefined || !addresses.every(isFine))
        return callback(refused(NO_PUBLIC_ADDRESS) as never, []);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  #isAllowedName(host: string): boolean {
    return this.#names.has(host.toLowerCase());
  }

  #isAllowedAddress(address: string): boolean {
    return this.#addresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Whether an address belongs to somebody on the internet. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublic.check(address, 'ipv4');
    case 6:
      return globalUnicast.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6');
    default:
      return false;
  }
}

const NO_PUBLIC_ADDRESS =
  'it leads to no public address; FACEFLEET_WEBHOOK_ALLOWED_HOSTS names others that may be called';

function refused(why: string): FacefleetError {
  return new FacefleetError('bad-request', `the webhook cannot be called: ${why}`);
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isLocalName(host: string): boolean {
  return (
    /(^|\.)(localhost|local|internal|home\.arpa)$/i.test(host) || (!host.includes('.') && isIP(host) === 0)
  );
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
