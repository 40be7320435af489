/**
 * One visitor's socket: checks every message of the protocol, answers each in every case, and drives one call at a time through its
 * peer. A call ends with its socket, with its transport, and when nothing more is heard of the visitor.
 */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry.ts';
import type { CallSocket } from './call-sockets.ts';
import { describeFailure } from './failure.ts';
import type { CallAudience, CallHost, HostedCall } from './hosting.ts';
import type { IceServer } from './ice-servers.ts';
import type { PerMinute } from './limits.ts';
import type { LiveCalls } from './live-calls.ts';
import type { IceCandidate, MediaPeer, PeerEvents } from './peer.ts';
import { BEAT_MS, Presence } from './presence.ts';
import {
  answerSchema,
  type ClientToServerEvents,
  candidateSchema,
  controlsSchema,
  type Joined,
  joinSchema,
  mirrorSchema,
  type Render,
  type Reply,
  speakSchema,
} from './protocol.ts';
import { INVITATION_LIFETIME_S, type TicketOffice } from './tickets.ts';

/** Every one makes the server send packets to an address of the sender's choice. */
const MAX_CANDIDATES = 64;

export interface CallSocketParts {
  host: CallHost;
  /** A peer for a call that was just opened. */
  openPeer(
    events: PeerEvents,
    onCandidate: (candidate: IceCandidate) => void,
    render: Render,
    iceServers: IceServer[],
  ): MediaPeer;
  /** STUN and TURN servers for one call, ours and the viewer's. */
  iceServers(name: string): IceServer[];
  tickets: TicketOffice;
  calls: LiveCalls;
  joins: PerMinute;
  logger: Logger;
}

const emptySchema = z.object({}).optional();

/** A call and what belongs to it. */
interface OpenCall {
  call: HostedCall;
  peer: MediaPeer;
  beat: NodeJS.Timeout;
  candidates: number;
}

/** @param address of the visitor, as limits count them. */
export function attachCall(socket: CallSocket, address: string, parts: CallSocketParts): void {
  const { host, tickets, calls, logger } = parts;
  const presence = new Presence();
  let open: OpenCall | undefined;
  /** Counts what ends a call, so that one still being opened notices. */
  let endings = 0;

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

  const inCall = (): OpenCall => {
    if (!open) throw new AppError('SIGNALING_INVALID', 'There is no call on this connection; join first.');
    return open;
  };

  async function leave(reason: string): Promise<void> {
    endings += 1;
    const ending = open;
    open = undefined;
    if (!ending) return;
    clearInterval(ending.beat);
    calls.remove(socket.id, reason);
    await ending.call.close(reason);
    await ending.peer.close();
    logger.info({ sessionId: socket.id, reason }, 'call ended');
  }

  on('join', joinSchema, async (message): Promise<Joined> => {
    await parts.joins.take(address);
    const { canSpeak } = await tickets.redeem(message.ticket);
    if (!canSpeak) throw new AppError('TICKET_INVALID', 'This ticket is for watching; ask for one that opens a call.');
    await leave('joined again');
    return await join(message);
  });
  async function join(message: z.infer<typeof joinSchema>): Promise<Joined> {
    const beginning = endings;
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
        if (open?.peer !== peer) return;
        socket.emit('ended', { reason });
        leave(reason).catch((err) => logger.error({ err }, 'closing a call failed'));
      },
    };
    const onCandidate = (candidate: IceCandidate): void => void socket.emit('candidate', candidate);
    let peer: MediaPeer | undefined;
    // The call is opened first: a busy server answers before any port is taken.
    const { portraitId, controls = {}, render = 'server' } = message;
    const call = await host.open({ portraitId, controls, render }, () => peer!, audience);
    if (endings !== beginning || socket.disconnected) {
      await call.close('left');
      throw new AppError('SIGNALING_INVALID', 'The call was given up while it was opened; join again.');
    }
    const iceServers = parts.iceServers(socket.id);
    peer = parts.openPeer(listening(call.events, presence), onCandidate, render, iceServers);
    presence.seen();
    open = { call, peer, beat: setInterval(() => beat(), BEAT_MS), candidates: 0 };
    calls.add(socket.id, call);
    logger.info({ sessionId: socket.id, portraitId: message.portraitId }, 'call opened');
    try {
      const offerSdp = await peer.createOffer();
      return { sessionId: socket.id, offerSdp, iceServers, fps: host.fps, render };
    } catch (error) {
      await leave('join failed');
      throw error;
    }
  }
  function beat(): void {
    const reason = presence.beat();
    if (!reason) return;
    leave(reason).catch((err) => logger.error({ err }, 'closing a call failed'));
    socket.disconnect(true);
  }
  socket.conn.on('packet', () => presence.seen());

  on('answer', answerSchema, async (message) => {
    await inCall().peer.accept(message.sdp);
    return {};
  });
  on('candidate', candidateSchema, async (message) => {
    if (!open) return {}; // trickled in while the call ended
    if (++open.candidates > MAX_CANDIDATES)
      throw new AppError('SIGNALING_INVALID', `A call takes ${MAX_CANDIDATES} network candidates at most.`);
    try {
      await open.peer.addCandidate(message as IceCandidate);
    } catch (cause) {
      throw new AppError('SIGNALING_INVALID', 'The network candidate is not a usable one.', { cause });
    }
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

/** The peer's events, each of them a sign of life. */
function listening(events: PeerEvents, presence: Presence): PeerEvents {
  return {
    ...events,
    connected: () => {
      presence.connected();
      events.connected();
    },
    microphone: (packet) => {
      presence.seen();
      events.microphone(packet);
    },
    link: (report) => {
      presence.seen();
      events.link(report);
    },
  };
}
