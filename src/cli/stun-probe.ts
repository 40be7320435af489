/**
 * Whether a STUN or TURN server answers, as calls would ask it. In: its address as browsers take it; out: the address it sees us at, or nothing
 * where it speaks TCP only. A binding request of RFC 8489, which TURN servers answer too.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIP, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

const MAGIC = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;
const RESEND_MS = 500;

interface IceAddress {
  kind: 'stun' | 'stuns' | 'turn' | 'turns';
  host: string;
  port: number;
  isTcp: boolean;
}

/** Undefined for what is no such address. */
export function parseIceUrl(url: string): IceAddress | undefined {
  const match = /^(stuns?|turns?):(\[[\da-f:.]+\]|[^:?[\]]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(url);
  if (!match) return undefined;
  const kind = match[1].toLowerCase() as IceAddress['kind'];
  const port = match[3] === undefined ? (kind.endsWith('s') ? 5349 : 3478) : Number(match[3]);
  const host = match[2].replace(/^\[|\]$/g, '');
  return port > 0 && port < 65_536 ? { kind, host, port, isTcp: kind.endsWith('s') || match[4] === 'tcp' } : undefined;
}

/** @returns our address as the server sees it; undefined over TCP, where a connection is all that is asked for. */
export function probeIce(address: IceAddress, signal: AbortSignal): Promise<string | undefined> {
  return address.isTcp ? probeTcp(address, signal) : probeUdp(address, signal);
}

function probeTcp({ kind, host, port }: IceAddress, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const isTls = kind.endsWith('s');
    const socket = isTls
      ? tlsConnect({ host, port, ...(isIP(host) ? {} : { servername: host }) })
      : tcpConnect(port, host);
    const finish = (act: () => void): void => {
      socket.destroy();
      act();
    };
    socket.once(isTls ? 'secureConnect' : 'connect', () => finish(() => resolve(undefined)));
    socket.once('error', (error) => finish(() => reject(error)));
    signal.addEventListener('abort', () => finish(() => reject(signal.reason)), { once: true });
  });
}

function probeUdp({ host, port }: IceAddress, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const transaction = randomBytes(12);
    const request = Buffer.alloc(20);
    request.writeUInt16BE(BINDING_REQUEST, 0);
    request.writeUInt32BE(MAGIC, 4);
    transaction.copy(request, 8);
    let isOver = false;
    const finish = (act: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearInterval(timer);
      socket.close();
      act();
    };
    const send = (): void =>
      socket.send(request, port, host, (error) => {
        if (error) finish(() => reject(error));
      });
    const timer = setInterval(send, RESEND_MS);
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('message', (reply) => {
      if (reply.length < 20 || reply.readUInt16BE(0) !== BINDING_SUCCESS || !reply.subarray(8, 20).equals(transaction))
        return;
      finish(() => resolve(mappedAddress(reply) ?? 'an address it does not tell'));
    });
    signal.addEventListener('abort', () => finish(() => reject(signal.reason)), { once: true });
    send();
  });
}

/** IPv4 only: what else is mapped matters to nobody here. */
function mappedAddress(reply: Buffer): string | undefined {
  for (let at = 20; at + 4 <= reply.length; ) {
    const length = reply.readUInt16BE(at + 2);
    if (
      reply.readUInt16BE(at) === XOR_MAPPED_ADDRESS &&
      length >= 8 &&
      at + 12 <= reply.length &&
      reply[at + 5] === 1
    ) {
      const mask = reply.subarray(4, 8);
      return [...reply.subarray(at + 8, at + 12)].map((byte, i) => byte ^ mask[i]).join('.');
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}
