// Calls and rooms that cannot be opened: whichever step fails, nothing of those before it is left, and the next caller gets in.
import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../src/agent/conversation.ts';
import { resolveControls } from '../../src/engine/controls.ts';
import type { EngineListener, EngineSession } from '../../src/engine/engine-session.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Microphone } from '../../src/microphone.ts';
import { Session } from '../../src/session.ts';
import { attachCall, type CallSocketParts } from '../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../src/signaling/call-sockets.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import type { CallAudience } from '../../src/signaling/hosting.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import type { MediaOutlet, MediaPeer } from '../../src/signaling/peer.ts';
import { PeerFan } from '../../src/signaling/peer-fan.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { Rooms } from '../../src/signaling/rooms.ts';
import { CALL_ROOM, sharedRoom, TicketOffice } from '../../src/signaling/tickets.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { openAccess } from '../support/open-access.ts';
import { returnLimits } from '../support/return-limits.ts';

/** Steps of opening, in their order; `… dies` is a part that opens and fails at once. */
const CALL_STEPS = [
  ...['host', 'encoder', 'engine', 'engine dies', 'conversation', 'conversation dies', 'microphone'],
  ...['iceServers', 'peer', 'peer dies', 'offer'],
];
const ROOM_STEPS = [...CALL_STEPS, 'media'];

const logger = pino({ level: 'silent' });
const ignore = (): void => {};

function world() {
  let failing: string | undefined;
  const open = { encoders: 0, engines: 0, conversations: 0, microphones: 0, peers: 0, media: 0 };
  const metrics = createMetrics('test', false);
  const tickets = new TicketOffice('');
  const calls = new LiveCalls();
  const told: string[] = [];
  const step = (name: string): void => {
    if (failing === name) throw new Error(`no ${name}`);
  };
  /** Counts itself as open, and closed once. */
  const part = <T extends object>(kind: keyof typeof open, rest: object, close: string | symbol = 'close'): T => {
    open[kind] += 1;
    let isOpen = true;
    const end = () => {
      if (isOpen) open[kind] -= 1;
      isOpen = false;
      return Promise.resolve();
    };
    return Object.assign(rest, { [close]: end }) as T;
  };
  const openEngine = (listener: EngineListener): EngineSession => {
    step('engine');
    const engine = part<EngineSession>('engines', { setEncoder: ignore, requestKeyframe: ignore, setActivity: ignore });
    if (failing === 'engine dies') listener.failed(new Error('the rig is broken'));
    return engine;
  };
  const openPeer = ((events) => {
    step('peer');
    const peer: MediaPeer = part('peers', {
      videoCodec: 'VP8',
      send: ignore,
      createOffer: async () => {
        step('offer');
        return 'v=0';
      },
    });
    if (failing === 'peer dies') events.closed('failed');
    return peer;
  }) as CallSocketParts['openPeer'];
  const session = (peer: () => MediaOutlet, audience: CallAudience): Session =>
    new Session({
      peer,
      audience,
      openEngine,
      openConversation: (_face, told) => {
        step('conversation');
        const conversation = part<Conversation>('conversations', { tick: ignore, setTalk: ignore });
        if (failing === 'conversation dies') told.broken(new Error('a bug'));
        return conversation;
      },
      openEncoder: () => {
        step('encoder');
        return part('encoders', { encode: () => new Uint8Array() }, Symbol.dispose);
      },
      openMicrophone: () => {
        step('microphone');
        return part<Microphone>('microphones', { receive: ignore, tick: ignore }, Symbol.dispose);
      },
      synthesizer: {} as never,
      controls: resolveControls(),
      clock: new FakeClock(),
      logger,
      metrics,
      settings: { render: 'server', fps: 30, bitrateBps: 1e6, videoDelayUs: 0, ratePercent: 100, maxCharacters: 100 },
    });
  const parts = {
    host: {
      fps: 30,
      admit: ignore,
      open: async (_request: object, peer: () => MediaOutlet, audience: CallAudience) => {
        step('host');
        return session(peer, audience);
      },
    },
    openPeer,
    iceServers: () => {
      step('iceServers');
      return [];
    },
    tickets,
    access: openAccess,
    calls,
    rooms: new Rooms({
      calls,
      maxViewers: 5,
      openMedia: async () => {
        step('media');
        const fan = new PeerFan('VP8', (events) => openPeer(events, ignore, {} as never));
        const close = fan.close.bind(fan);
        open.media += 1;
        fan.close = async () => {
          open.media -= 1;
          await close();
        };
        return fan;
      },
    }),
    joins: { take: async () => {} },
    returns: new Returns(tickets, returnLimits(0)),
    maxCallS: 0,
    silenceS: 30,
    candidateRules: {},
    drain: new Drain(),
    describe: describer(logger, metrics),
    metrics,
    logger,
  } as unknown as CallSocketParts;
  let sockets = 0;
  const connect = () => {
    const events = new EventEmitter();
    const socket = Object.assign(events, {
      id: `visitor ${++sockets}`,
      conn: new EventEmitter(),
      disconnected: false,
      disconnect: ignore,
      emit: (name: string, ...rest: unknown[]) => {
        if (['ended', 'failed'].includes(name)) told.push(name);
        return EventEmitter.prototype.emit.call(events, name, ...rest);
      },
    });
    attachCall(socket as unknown as CallSocket, '192.0.2.1', parts);
    const ask = (name: string, message?: object) =>
      new Promise<object>((resolve) => socket.emit(name, message, resolve));
    return {
      join: async (room: string) => ask('join', { ticket: await tickets.issue(room), portraitId: 'maya' }),
      leave: () => ask('leave'),
    };
  };
  return {
    open,
    told,
    calls,
    metrics,
    connect,
    break: (name: string | undefined) => {
      failing = name;
    },
  };
}

const NOTHING = { encoders: 0, engines: 0, conversations: 0, microphones: 0, peers: 0, media: 0 };
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

describe.each([
  ['a call', CALL_ROOM, CALL_STEPS],
  ['a room', sharedRoom('hall'), ROOM_STEPS],
])('%s', (_what, room, steps) => {
  it.each(steps)('leaves nothing behind where this step fails: %s', async (failing) => {
    const { open, told, calls, metrics, connect, break: breakAt } = world();
    const timers = vi.getTimerCount();
    const visitors = [connect(), connect(), connect()];
    breakAt(failing);
    for (const { join } of visitors) {
      const reply = await join(room);
      // A transport that dies right after it was opened may still be told of as an end.
      if (failing !== 'peer dies') expect(reply).toHaveProperty('error');
    }
    await settle();
    expect(open).toEqual(NOTHING);
    expect(calls.count).toBe(0);
    expect(vi.getTimerCount()).toBe(timers);
    expect((await metrics.calls.get()).values).toMatchObject(failing === 'host' ? [{ value: 0 }] : [{ value: 0 }]);
    expect(told.filter((name) => name === 'failed').length).toBeLessThanOrEqual(visitors.length);
    breakAt(undefined);
    expect(await visitors[0]!.join(room)).toHaveProperty('offerSdp');
    expect(open).toEqual({
      ...NOTHING,
      encoders: 1,
      engines: 1,
      conversations: 1,
      microphones: 1,
      peers: 1,
      media: room === CALL_ROOM ? 0 : 1,
    });
    await visitors[0]!.leave();
    await settle();
    expect(open).toEqual(NOTHING);
    expect(vi.getTimerCount()).toBe(timers);
  });
});

it('a viewer who cannot enter a room leaves nothing behind in it, and the others stay', async () => {
  const { open, connect, break: breakAt } = world();
  const [first, second] = [connect(), connect()];
  await first.join(sharedRoom('hall'));
  for (const failing of ['peer', 'offer', 'iceServers']) {
    breakAt(failing);
    expect(await second.join(sharedRoom('hall'))).toHaveProperty('error');
    expect(open).toMatchObject({ engines: 1, peers: 1, media: 1 });
  }
  breakAt(undefined);
  await first.leave();
  await settle();
  expect(open).toEqual(NOTHING);
});
