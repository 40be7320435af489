/**
 * Which addresses a caller may make the server send to. Every network candidate of a caller makes the server send STUN packets to an address and port
 * of the caller's choice, before anyone there has agreed. In: candidates, wherever they come from (answer, trickle, restart, a resolved name);
 * out: taken or not. Few at once, a trickle of new ones over time: enough for who changes networks, too few to scan with.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { LeakyBucket } from './limits.ts';

/** One call's worth on a machine with several networks, and what a further network brings. */
const MAX_CANDIDATES = 20;
const CANDIDATES_PER_SECOND = 1;
/** A few at once, when a network comes and goes; then one each ten seconds. */
const MAX_RESTARTS = 5;
const RESTARTS_PER_SECOND = 0.1;
/** Media come from ports above those of well-known services. */
const MIN_PORT = 1024;
const MAX_REMEMBERED = 500;

export interface CandidateAddress {
  /** An address, or the mDNS name behind which a browser hides one. */
  host: string;
  port: number;
  transport: string;
}

const subnets = (...list: [string, number][]): BlockList => {
  const blocks = new BlockList();
  for (const [address, prefix] of list) blocks.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4');
  return blocks;
};
/** Nobody's, everybody's, this link's (and with it the metadata services of clouds) and addresses that hide an IPv4 one. */
const NEVER = subnets(
  ...([
    ['0.0.0.0', 8],
    ['169.254.0.0', 16],
    ['192.0.0.0', 24],
    ['224.0.0.0', 3],
    ['100.100.100.200', 32],
    ['::', 128],
    ['fe80::', 10],
    ['fec0::', 10],
    ['ff00::', 8],
    ['fd00:ec2::254', 128],
    ['64:ff9b::', 96],
    ['2002::', 16],
  ] as [string, number][]),
);
/** IPv4 in IPv6 notation, of which a browser makes none. Not among the others: it would match every IPv4 address. */
const MAPPED = subnets(['::ffff:0:0', 96]);
const LOOPBACK = subnets(['127.0.0.0', 8], ['::1', 128]);
const PRIVATE = subnets(['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['fc00::', 7]);

export interface CandidateRules {
  /** The server answers this machine only: so are its callers. */
  allowLoopback: boolean;
  denyPrivate: boolean;
}

/** Whether packets may be sent to an address that a caller names. */
export function mayReach(host: string, { allowLoopback, denyPrivate }: CandidateRules): boolean {
  if (/^[\w-]+\.local$/i.test(host)) return !denyPrivate;
  const version = isIP(host);
  if (version === 0 || host.includes('%')) return false;
  const family = isIPv6(host) ? 'ipv6' : 'ipv4';
  if (family === 'ipv6' && MAPPED.check(host, family)) return false;
  if (LOOPBACK.check(host, family)) return allowLoopback;
  return !NEVER.check(host, family) && !(denyPrivate && PRIVATE.check(host, family));
}

/** RFC 8839 §5.1: foundation, component, transport, priority, address, port. */
export function readCandidate(line: string): CandidateAddress | undefined {
  const [, transport, host, port] =
    /^(?:a=)?(?:candidate:)?\S+ \d+ (\S+) \d+ (\S+) (\d+) typ \S+/i.exec(line.trim()) ?? [];
  return transport && host && port ? { transport, host, port: Number(port) } : undefined;
}

/** The candidates and restarts of one visitor, over all its calls. */
export class CandidateBudget {
  private readonly rules: CandidateRules;
  private readonly candidates: LeakyBucket;
  private readonly restarts: LeakyBucket;
  /** Those that were taken: named again they cost nothing. */
  private readonly taken = new Set<string>();

  constructor(rules: CandidateRules, nowMs?: () => number) {
    this.rules = rules;
    this.candidates = new LeakyBucket(MAX_CANDIDATES, CANDIDATES_PER_SECOND, nowMs);
    this.restarts = new LeakyBucket(MAX_RESTARTS, RESTARTS_PER_SECOND, nowMs);
  }

  /** @returns `ignored` for what is never sent to: another transport than UDP, a forbidden address. */
  take({ host, port, transport }: CandidateAddress): 'taken' | 'ignored' | 'too many' {
    if (transport.toLowerCase() !== 'udp' || port < MIN_PORT || port > 65_535) return 'ignored';
    if (!mayReach(host, this.rules)) return 'ignored';
    const name = `${host.toLowerCase()} ${port}`;
    if (this.taken.has(name)) return 'taken';
    if (!this.candidates.take()) return 'too many';
    if (this.taken.size >= MAX_REMEMBERED) this.taken.clear();
    this.taken.add(name);
    return 'taken';
  }

  /** After a name was resolved. */
  mayReach(host: string): boolean {
    return mayReach(host, this.rules);
  }

  /** @returns in how many seconds another restart may be asked for; 0: now, and this one counts. */
  restart(): number {
    return this.restarts.take() ? 0 : this.restarts.freeInS;
  }
}
