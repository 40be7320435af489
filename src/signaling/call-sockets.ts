/**
 * Takes visitors' sockets: from which origins, how many of one address, how many messages of one socket. What passes goes to
 * `attachCall`; what does not is told why. The only file that knows socket.io.
 */
import type { Server as HttpServer } from 'node:http';
import { type Socket, Server as SocketServer } from 'socket.io';
import { AppError } from '../errors.ts';
import { type AttachedCall, attachCall, type CallSocketParts } from './call-socket.ts';
import type { DrainedSockets } from './drain.ts';
import type { HostPolicy } from './host-names.ts';
import { addressOf, type ConnectionGate, MessageBudget } from './limits.ts';
import { MAX_MESSAGE_BYTES } from './message-limits.ts';
import type { OriginPolicy } from './origins.ts';
import type { ClientToServerEvents, ServerToClientEvents } from './protocol.ts';

/** Beyond that nothing can be answered any more: the connection is closed. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024;
/** What a message becomes that is larger than one may be, or comes in binary parts; no names of the protocol. */
const OVERSIZE = 'oversize';
const BINARY = 'binary';
/** Sent and not read: beyond that a connection is cut off. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A pong each second is a sign of life. */
const PING_INTERVAL_MS = 1000;
const PING_TIMEOUT_MS = 10_000;
/** For a connection that does not say what it wants. */
const CONNECT_TIMEOUT_MS = 5000;

/** engine.io's code for a connection that `allowRequest` refused; every other one is a malformed request. */
const FORBIDDEN = 4;

export type CallSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

export interface CallSocketsParts extends CallSocketParts {
  origins: OriginPolicy;
  hosts: HostPolicy;
  gate: ConnectionGate;
  trustedProxies: number;
  messagesPerSecond: number;
}

/** Takes calls on `http`. @returns the sockets; closing them ends every call. */
export function acceptCalls(http: HttpServer, parts: CallSocketsParts): DrainedSockets & { close(): Promise<void> } {
  const attached = new Set<AttachedCall>();
  const { origins, hosts, gate, describe, metrics } = parts;
  const io = new SocketServer<ClientToServerEvents, ServerToClientEvents>(http, {
    maxHttpBufferSize: MAX_FRAME_BYTES,
    pingInterval: PING_INTERVAL_MS,
    pingTimeout: PING_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    serveClient: false,
    cors: { origin: [...origins.allowed] },
    allowRequest: ({ headers }, accept) =>
      accept(null, hosts.isAllowed(headers.host) && origins.isAllowed(headers.origin, headers.host)),
  });
  io.engine.on('connection_error', ({ code }: { code: number }) => {
    const reason = code === FORBIDDEN ? 'ORIGIN_REFUSED' : 'SIGNALING_INVALID';
    metrics.refusals.inc({ door: 'connection', reason });
  });
  io.engine.on('connection', (conn: Socket['conn']) => {
    conn.on('packet', refuseUnread);
    limitUnread(conn, parts);
  });
  /** @returns what gives the connection's place back. @throws AppError RATE_LIMITED. */
  async function enter({ conn, handshake, request }: CallSocket): Promise<() => void> {
    const { returnToken } = handshake.auth;
    const returning = typeof returnToken === 'string' ? await parts.returns.read(returnToken) : undefined;
    const address = addressOf(request, parts.trustedProxies);
    if (returning) return parts.returns.enter(returning.caller, address, conn);
    gate.enter(address, conn);
    return () => gate.leave(address, conn);
  }
  io.use((socket, next) => {
    const { conn } = socket;
    enter(socket).then(
      (leave) => {
        if (conn.readyState === 'open') conn.once('close', leave);
        else leave();
        next();
      },
      (error: Error) => {
        next(Object.assign(error, { data: describe(error, 'connection').failure.error }));
        setImmediate(() => conn.close()); // once the refusal is on its way
      },
    );
  });
  io.on('connection', (socket) => {
    limitMessages(socket, parts);
    const call = attachCall(socket, addressOf(socket.request, parts.trustedProxies), parts);
    attached.add(call);
    socket.once('disconnect', () => attached.delete(call));
  });
  return {
    tellDraining: (endsInS) => void io.emit('draining', { endsInS }),
    async dismiss() {
      await Promise.allSettled([...attached].map((call) => call.dismiss()));
    },
    close: () => io.close(),
  };
}

/** Before it is read: a message that is too large, or announces binary parts to be kept until all have come, keeps only what its answer needs, its number. */
function refuseUnread(packet: { type: string; data?: unknown }): void {
  const { data } = packet;
  if (packet.type !== 'message' || typeof data !== 'string') return;
  const isBinary = /^[56]/.test(data);
  if (!isBinary && Buffer.byteLength(data) <= MAX_MESSAGE_BYTES) return;
  const number = /^[25](?:\d+-)?(?:\/[^,]*,)?(\d*)\[/.exec(data.slice(0, 200))?.[1] ?? '';
  packet.data = `2${number}["${isBinary ? BINARY : OVERSIZE}"]`;
}

/** Answers that wait for who never reads them would fill the memory. */
function limitUnread(conn: Socket['conn'], { logger, metrics }: CallSocketsParts): void {
  let unreadBytes = 0;
  // What comes after a flush waits for the network to have taken all before it.
  conn.on('flush', () => {
    unreadBytes = 0;
  });
  conn.on('packetCreate', ({ data }: { data?: unknown }) => {
    unreadBytes += typeof data === 'string' ? Buffer.byteLength(data) : 0;
    if (unreadBytes <= MAX_UNREAD_BYTES || conn.readyState !== 'open') return;
    metrics.refusals.inc({ door: 'message', reason: 'CUT_OFF' });
    logger.warn({}, 'socket cut off: it does not read');
    conn.close(true);
  });
}

/** Before any handler: too many messages are refused, and those that nobody handles are answered too. */
function limitMessages(socket: CallSocket, { messagesPerSecond, logger, metrics, describe }: CallSocketsParts): void {
  const budget = new MessageBudget(messagesPerSecond);
  socket.use((message, next) => {
    if (socket.disconnected) return; // what was still on its way when the socket was cut off
    const verdict = budget.take();
    if (verdict === 'cut-off') {
      metrics.refusals.inc({ door: 'message', reason: 'CUT_OFF' });
      logger.warn({ socketId: socket.id }, 'socket cut off: too many messages');
      socket.disconnect(true);
      return;
    }
    const isKnown = socket.listenerCount(message[0]) > 0;
    if (verdict === 'accept' && isKnown) {
      next();
      return;
    }
    const refusal =
      verdict === 'refuse'
        ? new AppError('RATE_LIMITED', 'Too many messages on this connection; send fewer.', { retryAfterS: 1 })
        : (message[0] as string) === OVERSIZE
          ? new AppError(
              'TEXT_TOO_LONG',
              `The message is larger than ${MAX_MESSAGE_BYTES / 1024} kB; send it in parts.`,
            )
          : new AppError('SIGNALING_INVALID', 'There is no message of this name in the protocol.');
    const { failure } = describe(refusal, 'message');
    const reply: unknown = message.at(-1);
    if (typeof reply === 'function') reply(failure);
  });
}
