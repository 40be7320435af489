/** What a visitor's socket needs to serve a call, without a face, a voice or a network. A test replaces what it is about. */
import { pino } from 'pino';
import { AppError } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { CallSocketParts } from '../../src/signaling/call-socket.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import type { CallHost, HostedCall } from '../../src/signaling/hosting.ts';
import { PerMinute } from '../../src/signaling/limits.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import type { MediaPeer } from '../../src/signaling/peer.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from './open-access.ts';
import { returnLimits } from './return-limits.ts';

type Replaced = Partial<Omit<CallSocketParts, 'host'>> &
  Pick<CallSocketParts, 'openPeer'> & { host: Pick<CallHost, 'open'> & Partial<CallHost> };

export function callSocketParts(replaced: Replaced): CallSocketParts {
  const logger = pino({ level: 'silent' });
  const metrics = createMetrics();
  const tickets = replaced.tickets ?? new TicketOffice('');
  const rooms = {
    async enter(): Promise<never> {
      throw new AppError('NOT_ALLOWED', 'There are no rooms in this test.');
    },
  };
  return {
    iceServers: () => [],
    tickets,
    access: openAccess as unknown as CallSocketParts['access'],
    candidateRules: { allowLoopback: true, denyPrivate: false },
    maxCallS: 0,
    calls: new LiveCalls(),
    joins: new PerMinute('joins', 0),
    returns: new Returns(tickets, returnLimits(0)),
    rooms: rooms as unknown as CallSocketParts['rooms'],
    silenceS: 30,
    drain: new Drain(),
    describe: describer(logger, metrics),
    metrics,
    logger,
    ...replaced,
    host: { fps: 25, admit() {}, voices: async () => [], ...replaced.host },
  };
}

/** A call in which nothing is heard or said. */
export const silentCall = (close: () => Promise<void>): HostedCall => ({
  events: { connected() {}, keyframeRequest() {}, microphone() {}, link() {}, closed() {} },
  speak: () => 1,
  openSound: () => ({ turnId: 1, isOver: false, push: async () => {}, end() {} }),
  setMirror() {},
  say() {},
  setTalk() {},
  setHears() {},
  hold() {},
  stop() {},
  setControls() {},
  followBuffers() {},
  close,
});

/** A peer that takes everything and sends nothing. */
export const silentPeer = (close: () => Promise<void>): MediaPeer => ({
  videoCodec: 'VP8',
  send() {},
  createOffer: async () => 'v=0',
  accept: async () => {},
  addCandidate: async () => {},
  close,
});
