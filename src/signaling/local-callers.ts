/**
 * Whether a request comes from a program on this machine, whose operator may see the server's insides. In: the request; out: yes or no.
 * What a reverse proxy passes on is never local, wherever the proxy runs, as long as it says for whom it asks.
 */
import type { IncomingMessage } from 'node:http';
import { isLoopbackAddress } from './host-names.ts';

export function isLocal({
  socket,
  headers,
}: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } }): boolean {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined || headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined)
    return false;
  return isLoopbackAddress(remoteAddress);
}
