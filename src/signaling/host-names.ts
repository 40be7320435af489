/**
 * By which names this server may be asked for. In: the Host header; out: yes or no. A page elsewhere can give its own name our address (DNS
 * rebinding) and would then read what is ours; its browser still says the page's own name here.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { AppError } from '../errors.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export const isLoopbackAddress = (address: string): boolean =>
  isIP(address) !== 0 && loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** @param name a host name or an address, as it stands in settings: `localhost`, `127.0.0.1`, `::1`. */
export const isLoopbackHost = (name: string): boolean =>
  /^(.+\.)?localhost$/i.test(name) || isLoopbackAddress(name.replace(/%.*$/, ''));

/** Domains that nobody can register: names below them are of this network. */
const LOCAL_DOMAINS = /\.(local|internal|home\.arpa)$/i;

/** @returns the name or address in a Host header, without port and brackets; undefined for what is none. */
export function hostNameOf(header: string): string | undefined {
  const [, name, address] = /^(?:([a-z\d._-]+)|\[([\da-f:.]+)\])(?::\d{1,5})?$/i.exec(header) ?? [];
  return (name ?? address)?.toLowerCase().replace(/\.$/, '');
}

export class HostPolicy {
  private readonly names: ReadonlySet<string>;
  private readonly isLocalOnly: boolean;

  /**
   * @param names the configured ones.
   * @param origins allowed ones: a proxy in front passes on the name of its own site.
   * @param listensOn the address that the server listens on.
   */
  constructor(names: readonly string[], origins: readonly string[], listensOn: string) {
    const all = [...names, ...origins.map((origin) => new URL(origin).hostname), hostname()];
    this.names = new Set(all.map((name) => name.toLowerCase()));
    this.isLocalOnly = isLoopbackHost(listensOn);
  }

  /** @param host the header; undefined from a program that sends none, which no browser does. */
  isAllowed(host: string | undefined): boolean {
    if (host === undefined) return true;
    const name = hostNameOf(host);
    if (name === undefined) return false;
    if (isLoopbackHost(name) || this.names.has(name)) return true;
    if (this.isLocalOnly) return false;
    // A browser that was told an address asks for that address, and a name without a dot is of this network.
    return isIP(name) !== 0 || !name.includes('.') || LOCAL_DOMAINS.test(name);
  }
}

export const hostRefused = (): AppError =>
  new AppError(
    'HOST_REFUSED',
    'This server is not known by the name it was asked for; its operator can add the name to server.hosts.',
  );
