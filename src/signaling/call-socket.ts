/**
 * One socket per visitor: checks every message of the protocol, answers each in every case, and drives one call at a time through its
 * peer. A call ends with its socket.
 */
import type { Server as HttpServer } from 'node:http';
import { type Socket, Server as SocketServer } from 'socket.io';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry.ts';
import { describeFailure } from './failure.ts';
import type { CallAudience, CallHost, HostedCall } from './hosting.ts';
import type { LiveCalls } from './live-calls.ts';
import type { IceCandidate, MediaPeer, PeerEvents } from './peer.ts';
import {
  answerSchema,
  type ClientToServerEvents,
  candidateSchema,
  controlsSchema,
  type Joined,
  joinSchema,
  mirrorSchema,
  type Reply,
  type ServerToClientEvents,
  speakSchema,
} from './protocol.ts';
import { INVITATION_LIFETIME_S, type TicketOffice } from './tickets.ts';

const MAX_MESSAGE_BYTES = 256 * 1024;

export interface CallSocketParts {
  host: CallHost;
  /** A peer for a call that was just opened. */
  openPeer(events: PeerEvents, onCandidate: (candidate: IceCandidate) => void): MediaPeer;
  /** What the viewer's browser is to use as well. */
  iceServers: Joined['iceServers'];
  tickets: TicketOffice;
  calls: LiveCalls;
  logger: Logger;
  /** Says whether a page of this origin may come in. */
  isAllowed(origin: string | undefined, host: string | undefined): boolean;
}

/** Takes calls on `http`. @returns the sockets; closing them ends every call. */
export function acceptCalls(http: HttpServer, parts: CallSocketParts): { close(): Promise<void> } {
  const io = new SocketServer<ClientToServerEvents, ServerToClientEvents>(http, {
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    serveClient: false,
    allowRequest: ({ headers }, accept) => accept(null, parts.isAllowed(headers.origin, headers.host)),
  });
  io.on('connection', (socket) => attachCall(socket, parts));
  return io;
}

const emptySchema = z.object({}).optional();

type CallSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

function attachCall(socket: CallSocket, parts: CallSocketParts): void {
  const { host, tickets, calls, logger } = parts;
  let call: HostedCall | undefined;
  let peer: MediaPeer | undefined;

  /** Checks a message, runs its handler, answers in every case. */
  function on<S extends z.ZodType, R extends object>(
    name: keyof ClientToServerEvents,
    schema: S,
    handle: (message: z.infer<S>) => R | Promise<R>,
  ): void {
    const listener = async (raw: unknown, reply?: unknown): Promise<void> => {
      const answer: Reply<R> = typeof reply === 'function' ? (reply as Reply<R>) : () => {};
      try {
        const parsed = schema.safeParse(raw);
        if (!parsed.success) {
          const issue = parsed.error.issues[0]!;
          throw new AppError(
            'SIGNALING_INVALID',
            `Message "${name}" is not acceptable: ${issue.path.join('.') || 'value'}: ${issue.message}.`,
          );
        }
        answer(await handle(parsed.data));
      } catch (error) {
        answer(describeFailure(error, logger).failure);
      }
    };
    socket.on(name, listener as never);
  }

  const inCall = (): { call: HostedCall; peer: MediaPeer } => {
    if (!call || !peer) throw new AppError('SIGNALING_INVALID', 'There is no call on this connection; join first.');
    return { call, peer };
  };

  async function leave(reason: string): Promise<void> {
    const [oldCall, oldPeer] = [call, peer];
    call = undefined;
    peer = undefined;
    calls.remove(socket.id, reason);
    await oldCall?.close(reason);
    await oldPeer?.close();
  }

  on('join', joinSchema, async (message): Promise<Joined> => {
    await tickets.redeem(message.ticket);
    await leave('joined again');
    try {
      return await open(message);
    } catch (error) {
      await leave('join failed');
      throw error;
    }
  });
  async function open(message: z.infer<typeof joinSchema>): Promise<Joined> {
    const audience: CallAudience = {
      caption: (m) => void socket.emit('caption', m),
      turn: (m) => {
        socket.emit('turn', m);
        calls.tell(socket.id, (watcher) => watcher.turn(m));
      },
      stats: (m) => void socket.emit('stats', m),
      failed: (m) => {
        socket.emit('failed', m);
        calls.tell(socket.id, (watcher) => watcher.failed(m));
      },
      ended: (reason) => {
        socket.emit('ended', { reason });
        calls.remove(socket.id, reason);
      },
    };
    const onCandidate = (candidate: IceCandidate): void => void socket.emit('candidate', candidate);
    // The call is opened first: a busy server answers before any port is taken.
    call = await host.open(message.portraitId, message.controls ?? {}, () => peer!, audience);
    calls.add(socket.id, call);
    peer = parts.openPeer(call.events, onCandidate);
    if (socket.disconnected) throw new AppError('SIGNALING_INVALID', 'The connection closed while joining.');
    return {
      sessionId: socket.id,
      offerSdp: await peer.createOffer(),
      iceServers: parts.iceServers,
      fps: host.fps,
    };
  }
  on('answer', answerSchema, async (message) => {
    await inCall().peer.accept(message.sdp);
    return {};
  });
  on('candidate', candidateSchema, async (message) => {
    await peer?.addCandidate({ ...message, candidate: message.candidate } as IceCandidate);
    return {};
  });
  on('restart', emptySchema, async () => ({ offerSdp: await inCall().peer.createOffer({ iceRestart: true }) }));
  on('speak', speakSchema, (message) => ({ turnId: inCall().call.speak(message) }));
  on('stop', emptySchema, () => {
    inCall().call.stop();
    return {};
  });
  on('mirror', mirrorSchema, ({ isOn }) => {
    inCall().call.setMirror(isOn);
    return {};
  });
  on('invite', emptySchema, async () => {
    inCall();
    const ticket = await tickets.issue(socket.id, true, INVITATION_LIFETIME_S);
    return { sessionId: socket.id, ticket, expiresInS: INVITATION_LIFETIME_S };
  });
  on('controls', controlsSchema, (message) => {
    inCall().call.setControls(message);
    return {};
  });
  on('leave', emptySchema, async () => {
    await leave('left');
    return {};
  });
  socket.on('disconnect', () => {
    leave('disconnected').catch((err) => logger.error({ err }, 'closing a call failed'));
  });
}
