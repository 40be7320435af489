/**
 * Whether a request comes from a program on this machine, whose operator may see the server's insides. In: the request; out: yes or no.
 * What a reverse proxy passes on is never local, wherever the proxy runs, as long as it says for whom it asks.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLocal({
  socket,
  headers,
}: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } }): boolean {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined || headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined)
    return false;
  return loopback.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4');
}
