/**
 * One visitor's socket: checks every message of the protocol, answers each in every case, and drives one call at a time through its
 * peer. A call ends with its socket, with its transport, and when nothing more is heard of the visitor.
 */
import type { z } from 'zod';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Logger } from '../telemetry.ts';
import type { Access } from './access.ts';
import { answering, emptySchema } from './answering.ts';
import { SHUTDOWN } from './call-ends.ts';
import { CallLimit, endOf } from './call-limit.ts';
import type { CallSocket } from './call-sockets.ts';
import { CandidateBudget, type CandidateRules, readCandidate } from './candidates.ts';
import { DRAINING_RETRY_S, type Drain } from './drain.ts';
import type { Describe } from './failure.ts';
import type { CallAudience, CallHost, HostedCall } from './hosting.ts';
import type { IceServer } from './ice-servers.ts';
import type { PerMinute } from './limits.ts';
import type { LiveCalls } from './live-calls.ts';
import type { IceCandidate, MediaPeer, PeerEvents } from './peer.ts';
import { BEAT_MS, Presence } from './presence.ts';
import {
  answerSchema,
  buffersSchema,
  candidateSchema,
  controlsSchema,
  hearsSchema,
  holdSchema,
  type Joined,
  joinSchema,
  mirrorSchema,
  type Render,
  type SfuJoined,
  saySchema,
  speakSchema,
  talkSchema,
} from './protocol.ts';
import type { ReturningTicket, Returns } from './returns.ts';
import { isSfuPeer, type SfuPeer } from './room-media.ts';
import type { RoomAudience, RoomMember } from './room-member.ts';
import type { RoomRequest, Rooms } from './rooms.ts';
import { answerSfuMessages } from './sfu-messages.ts';
import { INVITATION_LIFETIME_S, RETURN_LIFETIME_S, sharedRoomName, type TicketOffice } from './tickets.ts';

/** A return token is renewed long before it ends. */
const RENEWAL_BEATS = (RETURN_LIFETIME_S * 500) / BEAT_MS;

export interface CallSocketParts {
  host: CallHost;
  /** A peer for a call that was just opened. */
  openPeer(
    events: PeerEvents,
    onCandidate: (candidate: IceCandidate) => void,
    options: {
      render: Render;
      iceServers: IceServer[];
      candidates: CandidateBudget | undefined;
      codecs?: Config['webrtc']['codecs'];
    },
  ): MediaPeer;
  candidateRules: CandidateRules;
  /** STUN and TURN servers for one call, ours and the viewer's, with passwords that do not outlive it. */
  iceServers(name: string, callEndsS: number | undefined): IceServer[];
  tickets: TicketOffice;
  access: Access;
  calls: LiveCalls;
  rooms: Rooms;
  joins: PerMinute;
  returns: Returns;
  /** Longest call, s; 0: no limit. */
  maxCallS: number;
  /** After so long without a sign of life a call is over. */
  silenceS: number;
  drain: Drain;
  describe: Describe;
  metrics: Metrics;
  logger: Logger;
}

/** A call and what belongs to it. */
interface OpenCall {
  /** By which programs find the call; that of a room is the room's. */
  sessionId: string;
  call: HostedCall;
  peer: MediaPeer | SfuPeer;
  ticket: ReturningTicket;
  limit: CallLimit;
  isSpeaking: boolean;
  beat: NodeJS.Timeout;
  beats: number;
}

/** Of the answer to `join`, what depends on the way in. */
type Entered = Omit<Joined, 'returnToken'> | Omit<SfuJoined, 'returnToken'>;

/** What the server may do with a visitor's call. */
export interface AttachedCall {
  /** The server stops: the call is over, and the visitor told when to come back. */
  dismiss(): Promise<void>;
}

/** @param address of the visitor, as limits count them. */
export function attachCall(socket: CallSocket, address: string, parts: CallSocketParts): AttachedCall {
  const { host, tickets, access, calls, returns, rooms, describe, metrics, logger } = parts;
  const presence = new Presence(parts.silenceS);
  let open: OpenCall | undefined;
  /** Counts what ends a call, so that one still being opened notices. */
  let endings = 0;
  /** Another connection of the same caller no longer ends what happens here. */
  let release = (): void => {};
  /** The key's limit of calls no longer counts this one. */
  let releaseKey = (): void => {};

  const on = answering(socket, describe);

  const inCall = (): OpenCall => {
    if (!open) throw new AppError('SIGNALING_INVALID', 'There is no call on this connection; join first.');
    return open;
  };

  function mediaPeer(): MediaPeer {
    const { peer } = inCall();
    if (isSfuPeer(peer)) throw new AppError('SIGNALING_INVALID', 'This room is not negotiated by SDP; see `sfu…`.');
    return peer;
  }

  function sfuPeer(): SfuPeer {
    const { peer } = inCall();
    if (!isSfuPeer(peer)) throw new AppError('SIGNALING_INVALID', 'This call is negotiated by SDP, not with an SFU.');
    return peer;
  }

  function requireSpeaker(): OpenCall {
    const call = inCall();
    if (!call.ticket.canSpeak)
      throw new AppError('NOT_ALLOWED', 'You are here to watch; join with a speaker’s ticket to speak in this room.');
    return call;
  }

  /** One for all calls of this socket. */
  const candidates = new CandidateBudget(parts.candidateRules);

  /** @returns ICE servers with passwords that are good from now on. @throws AppError RATE_LIMITED. */
  function restarting(): IceServer[] {
    const { ticket } = inCall();
    const retryAfterS = candidates.restart();
    if (retryAfterS > 0)
      throw new AppError('RATE_LIMITED', `Too many restarts of the connection; try again in ${retryAfterS} s.`, {
        retryAfterS,
      });
    metrics.iceRestarts.inc();
    return parts.iceServers(socket.id, ticket.callEndsS);
  }

  const onCandidate = (candidate: IceCandidate): void => void socket.emit('candidate', candidate);
  /** What the visitor is told of a call, however many share it. */
  const visitor: Omit<CallAudience, 'ended'> = {
    caption: (m) => void socket.emit('caption', m),
    turn: (m) => {
      if (open) open.isSpeaking = m.state === 'started';
      socket.emit('turn', m);
    },
    heard: (m) => void socket.emit('heard', m),
    activity: (m) => void socket.emit('activity', m),
    handoff: () => void socket.emit('handoff', {}),
    hint: (m) => void socket.emit('hint', m),
    stats: (m) => void socket.emit('stats', m),
    failed: (m) => void socket.emit('failed', m),
  };

  async function leave(reason: string): Promise<void> {
    endings += 1;
    release();
    releaseKey();
    const ending = open;
    open = undefined;
    if (!ending) return;
    clearInterval(ending.beat);
    calls.remove(socket.id, reason);
    returns.ended(ending.ticket.caller);
    // Whatever the call's end meets, and however long it takes, the peer's ports are given back.
    const ends = await Promise.allSettled([ending.call.close(reason), ending.peer.close()]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    logger.info({ sessionId: ending.sessionId, visitor: socket.id, reason }, 'call ended');
  }

  on('join', joinSchema, async (message): Promise<Joined | SfuJoined> => {
    parts.drain.admit();
    const ticket = await admit(message.ticket);
    const room = sharedRoomName(ticket);
    if (room === undefined && !ticket.canSpeak)
      throw new AppError('TICKET_INVALID', 'This ticket is for watching; ask for one that opens a call.');
    await leave('joined again');
    const held = returns.hold(ticket.caller, replace);
    release = held.release;
    const beginning = endings;
    let keyHeld = (): void => {};
    try {
      // What the caller had before makes room first.
      await held.before?.();
      keyHeld = access.openCall(ticket);
      releaseKey = keyHeld;
      const returnToken = await returns.issue(ticket);
      const entered =
        room === undefined ? await join(message, ticket, beginning) : await enter(message, ticket, room, beginning);
      if (ticket.isBack) metrics.returns.inc();
      return { ...entered, returnToken } as Joined | SfuJoined;
    } catch (error) {
      held.release();
      keyHeld();
      throw error;
    }
  });

  /** @returns the rights of whoever shows `token`, who may have been here before. @throws AppError RATE_LIMITED, TICKET_INVALID. */
  async function admit(token: string): Promise<ReturningTicket> {
    const returning = await returns.read(token);
    if (returning) await returns.take(returning.caller, address);
    else await parts.joins.take(address);
    const ticket = returning ?? returns.admit(await tickets.redeem(token));
    access.requireInForce(ticket);
    return returning ?? { ...ticket, ...endOf(ticket, parts.maxCallS) };
  }

  /** @throws AppError NOT_ALLOWED. */
  function requirePortrait({ portraits }: ReturningTicket, portraitId: string): void {
    if (portraits && !portraits.includes(portraitId))
      throw new AppError('NOT_ALLOWED', `This ticket is for the faces ${portraits.join(', ')}; choose one of them.`);
  }

  /** The caller is back on another connection. */
  async function replace(): Promise<void> {
    const left = leave('replaced');
    end('replaced');
    await left;
  }

  /** The last word on this connection. */
  function end(reason: string): void {
    socket.emit('ended', { reason });
    socket.disconnect(true);
  }

  async function join(
    message: z.infer<typeof joinSchema>,
    ticket: ReturningTicket,
    beginning: number,
  ): Promise<Entered> {
    const audience: CallAudience = {
      ...visitor,
      turn: (m) => {
        visitor.turn(m);
        calls.tell(socket.id, (watcher) => watcher.turn(m));
      },
      failed: (m) => {
        socket.emit('failed', m);
        calls.tell(socket.id, (watcher) => watcher.failed(m));
      },
      ended: (reason) => {
        isOver = true;
        if (!peer || open?.peer !== peer) return;
        socket.emit('ended', { reason });
        leave(reason).catch((err) => logger.error({ err }, 'closing a call failed'));
      },
    };
    let peer: MediaPeer | undefined;
    let isOver = false;
    requirePortrait(ticket, message.portraitId);
    // The call is opened first: a busy server answers before any port is taken.
    const { portraitId, controls = {}, render = 'server' } = message;
    const call = await host.open(
      { sessionId: socket.id, portraitId, controls, render, isBack: returns.hasPlace(ticket) },
      () => peer!,
      audience,
    );
    const requireStill = (): void => {
      if (endings !== beginning || socket.disconnected || isOver)
        throw new AppError('SIGNALING_INVALID', 'The call was given up while it was opened; join again.');
    };
    try {
      requireStill();
      const iceServers = parts.iceServers(socket.id, ticket.callEndsS);
      const options = { render, iceServers, candidates };
      peer = parts.openPeer(observed(call.events, presence, metrics), onCandidate, options);
      requireStill();
      begin({ sessionId: socket.id, call, peer, ticket });
      calls.add(socket.id, call);
      const offerSdp = await peer.createOffer();
      metrics.joins.inc({ kind: 'call' });
      logger.info({ sessionId: socket.id, portraitId: message.portraitId }, 'call opened');
      return { sessionId: socket.id, offerSdp, iceServers, fps: host.fps, render };
    } catch (error) {
      await giveUp(call, peer);
      throw error;
    }
  }
  /** Into a room that many viewers share. */
  async function enter(
    message: z.infer<typeof joinSchema>,
    ticket: ReturningTicket,
    name: string,
    beginning: number,
  ): Promise<Entered> {
    const maySpeak = ticket.canSpeak;
    const { portraitId, controls = {} } = message;
    const render = 'server';
    const openCall: RoomRequest['openCall'] = (peer, audience, sessionId) => {
      requirePortrait(ticket, portraitId);
      return host.open({ sessionId, portraitId, controls, render, isBack: returns.hasPlace(ticket) }, peer, audience);
    };
    const audience: RoomAudience = {
      ...visitor,
      room: (m) => void socket.emit('room', m),
      ended: (reason) => {
        if (!member || open?.call !== member) return;
        socket.emit('ended', { reason });
        leave(reason).catch((err) => logger.error({ err }, 'leaving a room failed'));
      },
    };
    let member: RoomMember | undefined;
    const hear = (events: PeerEvents): PeerEvents => observed(events, presence, metrics);
    member = await rooms.enter(
      { name, portraitId, openCall },
      { maySpeak, audience, onCandidate, candidates, listening: hear },
    );
    const { sessionId, peer } = member;
    try {
      if (endings !== beginning || socket.disconnected || member.isOver)
        throw new AppError('SIGNALING_INVALID', 'The room was left while it was entered; join again.');
      begin({ sessionId, call: member, peer, ticket });
      const iceServers = parts.iceServers(socket.id, ticket.callEndsS);
      const joined = { sessionId, iceServers, fps: host.fps, render } as const;
      const entered = isSfuPeer(peer)
        ? { ...joined, sfu: peer.offer, room: member.state }
        : { ...joined, offerSdp: await peer.createOffer(), room: member.state };
      metrics.joins.inc({ kind: 'room' });
      logger.info({ sessionId, visitor: socket.id, maySpeak }, 'room entered');
      return entered;
    } catch (error) {
      await giveUp(member, peer);
      throw error;
    }
  }

  /** What could not be joined leaves nothing open. The reason is told by whoever gave up; what fails on the way out is not. */
  async function giveUp(call: HostedCall, peer: MediaPeer | SfuPeer | undefined): Promise<void> {
    const failed = (err: unknown): void => logger.error({ err }, 'closing a call failed');
    if (open?.call === call) await leave('join failed').catch(failed);
    else for (const held of [call, peer]) await held?.close('join failed').catch(failed);
  }

  function begin(call: Omit<OpenCall, 'beat' | 'beats' | 'limit' | 'isSpeaking'>): void {
    presence.restart();
    const limit = new CallLimit(call.ticket.callEndsS);
    open = { ...call, limit, isSpeaking: false, beat: setInterval(() => beat(), BEAT_MS), beats: 0 };
  }

  /** Ends a call that may not go on, with a word to the visitor. @returns whether it did. */
  function endIfOver({ ticket, limit, isSpeaking }: OpenCall): boolean {
    const verdict = access.isInForce(ticket) ? limit.beat(isSpeaking) : 'revoked';
    if (verdict === 'warn') visitor.hint({ text: 'This call ends in a minute: its time is nearly over.' });
    if (verdict === undefined || verdict === 'warn') return false;
    const reason = verdict === 'revoked' ? 'revoked' : 'expired';
    const text = reason === 'revoked' ? 'Your access was taken back.' : 'The time of this call is over. Goodbye!';
    visitor.hint({ text });
    socket.emit('ended', { reason });
    leave(reason).catch((err) => logger.error({ err }, 'closing a call failed'));
    return true;
  }

  function beat(): void {
    if (open && endIfOver(open)) return;
    const reason = presence.beat();
    if (reason) {
      leave(reason).catch((err) => logger.error({ err }, 'closing a call failed'));
      end(reason);
    } else if (open && ++open.beats % RENEWAL_BEATS === 0)
      returns.issue(open.ticket).then(
        (returnToken) => void socket.emit('returnToken', { returnToken }),
        (err) => logger.error({ err }, 'renewing a return token failed'),
      );
  }
  socket.conn.on('packet', () => presence.seen());

  on('answer', answerSchema, async (message) => {
    await mediaPeer().accept(message.sdp);
    return {};
  });
  on('candidate', candidateSchema, async (message) => {
    if (!open) return {}; // trickled in while the call ended
    const address = readCandidate(message.candidate);
    if (address && candidates.take(address) === 'too many')
      throw new AppError('SIGNALING_INVALID', 'A call takes few network candidates; these are too many.');
    try {
      await mediaPeer().addCandidate(message as IceCandidate);
    } catch (cause) {
      throw new AppError('SIGNALING_INVALID', 'The network candidate is not a usable one.', { cause });
    }
    return {};
  });
  on('restart', emptySchema, async () => {
    const peer = mediaPeer();
    const iceServers = restarting();
    return { offerSdp: await peer.createOffer({ iceRestart: true }), iceServers };
  });
  const sfuPeerOf = (needsSpeaker?: boolean): SfuPeer => {
    if (needsSpeaker) requireSpeaker();
    return sfuPeer();
  };
  answerSfuMessages(on, sfuPeerOf, restarting);
  on('speak', speakSchema, (message) => ({ turnId: inCall().call.speak(message) }));
  on('say', saySchema, ({ text, voice }) => {
    inCall().call.say(text, voice);
    return {};
  });
  on('talk', talkSchema, ({ isOn, voice }) => {
    inCall().call.setTalk(isOn, voice);
    return {};
  });
  on('hears', hearsSchema, ({ isOn, wasGreeted, voice }) => {
    inCall().call.setHears(isOn, wasGreeted ?? false, voice);
    return {};
  });
  on('hold', holdSchema, ({ isDown }) => {
    inCall().call.hold(isDown);
    return {};
  });
  on('stop', emptySchema, () => {
    inCall().call.stop();
    return {};
  });
  on('mirror', mirrorSchema, ({ isOn }) => {
    inCall().call.setMirror(isOn);
    return {};
  });
  on('invite', emptySchema, async () => {
    const { sessionId, ticket } = requireSpeaker();
    if (!ticket.canInvite || !ticket.canProgram)
      throw new AppError('NOT_ALLOWED', 'Your ticket does not let you invite programs; ask for one that does.');
    const rights = { canSpeak: true, canUpload: false, canProgram: true, canInvite: false };
    const options = { lifetimeS: INVITATION_LIFETIME_S, keyId: ticket.keyId };
    return { sessionId, ticket: await tickets.issue(sessionId, rights, options), expiresInS: INVITATION_LIFETIME_S };
  });
  on('controls', controlsSchema, (message) => {
    inCall().call.setControls(message);
    return {};
  });
  on('probe', emptySchema, () => ({}));
  on('buffers', buffersSchema, (message) => {
    open?.call.followBuffers(message); // a last report may come after the call's end
    return {};
  });
  on('leave', emptySchema, async () => {
    await leave('left');
    return {};
  });
  socket.on('disconnect', () => {
    leave('disconnected').catch((err) => logger.error({ err }, 'closing a call failed'));
  });
  return {
    async dismiss() {
      if (!open) return;
      const left = leave(SHUTDOWN);
      socket.emit('ended', { reason: SHUTDOWN, retryAfterS: DRAINING_RETRY_S });
      await left;
    },
  };
}

/** The peer's events, each of them a sign of life, and counted. */
function observed(events: PeerEvents, presence: Presence, metrics: Metrics): PeerEvents {
  return {
    ...events,
    connected: (path) => {
      presence.connected();
      metrics.connections.inc({ path: path ?? 'unknown' });
      events.connected(path);
    },
    keyframeRequest: () => {
      metrics.keyframeRequests.inc();
      events.keyframeRequest();
    },
    resendRequest: (packets) => {
      metrics.nacks.inc(packets);
      events.resendRequest?.(packets);
    },
    microphone: (packet) => {
      presence.seen();
      events.microphone(packet);
    },
    link: (report) => {
      presence.seen();
      const { arrivals = [], lost = 0 } = report;
      metrics.videoPackets.inc(arrivals.length + lost);
      metrics.videoPacketsLost.inc(lost);
      events.link(report);
    },
    closed: (reason) => {
      if (reason === 'failed') metrics.iceFailures.inc();
      events.closed(reason);
    },
  };
}
