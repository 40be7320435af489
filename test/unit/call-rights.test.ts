// What a ticket allows, kept while a call is under way: who speaks, with which face, for how long, and until its key is revoked.
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Access } from '../../src/signaling/access.ts';
import { attachCall } from '../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../src/signaling/call-sockets.ts';
import type { CallAudience } from '../../src/signaling/hosting.ts';
import type { Failure, Joined } from '../../src/signaling/protocol.ts';
import { ALL_RIGHTS, asViewer, type Rights } from '../../src/signaling/rights.ts';
import { CALL_ROOM, type IssueOptions, TicketOffice } from '../../src/signaling/tickets.ts';
import { callSocketParts, silentCall, silentPeer } from '../support/call-socket-parts.ts';
import { openAccess } from '../support/open-access.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

function visitor({ maxCallS = 0 } = {}) {
  const tickets = new TicketOffice('');
  const state = { openCalls: 0, isInForce: true, keyCalls: 0, iceEndsS: undefined as number | undefined };
  let audience: CallAudience | undefined;
  const access = {
    ...openAccess,
    isInForce: () => state.isInForce,
    openCall: () => {
      state.keyCalls += 1;
      let isOpen = true;
      return () => {
        if (isOpen) state.keyCalls -= 1;
        isOpen = false;
      };
    },
  };
  const parts = callSocketParts({
    tickets,
    host: {
      open: async (_request, _peer, told) => {
        audience = told;
        state.openCalls += 1;
        return silentCall(async () => {
          state.openCalls -= 1;
        });
      },
    },
    openPeer: () => silentPeer(async () => {}),
    iceServers: (_name, endsS) => {
      state.iceEndsS = endsS;
      return [];
    },
    access: access as unknown as Access,
    candidateRules: { allowLoopback: false, denyPrivate: false },
    maxCallS,
    silenceS: 0,
  });
  const emitter = new EventEmitter();
  const told: [string, Record<string, unknown>][] = [];
  const socket = Object.assign(emitter, {
    id: 'visitor',
    conn: new EventEmitter(),
    disconnected: false,
    disconnect() {},
  });
  for (const name of ['ended', 'hint']) emitter.on(name, (message) => void told.push([name, message]));
  attachCall(socket as unknown as CallSocket, '192.0.2.1', parts);
  const ask = (name: string, message?: object) =>
    new Promise<Joined & Failure>((resolve) => emitter.emit(name, message, resolve));
  return {
    state,
    told,
    ask,
    speaking: (isSpeaking: boolean) => audience!.turn({ turnId: 1, state: isSpeaking ? 'started' : 'ended' }),
    join: (ticket: string, portraitId = 'maya') => ask('join', { ticket, portraitId }),
    ticket: (rights: Partial<Rights> = {}, options?: IssueOptions) =>
      tickets.issue(CALL_ROOM, { ...ALL_RIGHTS, ...rights }, options),
    tickets,
  };
}

describe('a ticket', () => {
  it('for watching opens no call', async () => {
    const { join, ticket, state } = visitor();
    expect(await join(await ticket(asViewer(ALL_RIGHTS)))).toMatchObject({ error: { code: 'TICKET_INVALID' } });
    expect(state.openCalls).toBe(0);
  });

  it('for some faces opens calls with these alone', async () => {
    const { join, ticket, state } = visitor();
    const rights = { portraits: ['maya', 'kofi'] };
    expect(await join(await ticket(rights), 'mona-lisa')).toMatchObject({
      error: { code: 'NOT_ALLOWED', message: expect.stringContaining('maya, kofi') },
    });
    expect([state.openCalls, state.keyCalls]).toEqual([0, 0]);
    expect(await join(await ticket(rights), 'kofi')).toMatchObject({ offerSdp: 'v=0' });
  });

  it.each([
    [{ canInvite: false }, 'NOT_ALLOWED'],
    [{ canProgram: false }, 'NOT_ALLOWED'],
    [{}, undefined],
  ])('with %j: programs are invited, or not', async (rights, code) => {
    const { ask, join, ticket, tickets } = visitor();
    await join(await ticket(rights));
    const reply = (await ask('invite')) as unknown as { ticket: string } & Failure;
    expect(reply.error?.code).toBe(code);
    if (!code)
      expect(await tickets.verify(reply.ticket)).toMatchObject({
        room: 'visitor',
        canProgram: true,
        canInvite: false,
        canUpload: false,
      });
  });
});

describe('the length of a call', () => {
  it('is that of the ticket: a word before the end, the end, and passwords that do not outlive it', async () => {
    const { join, ticket, told, state } = visitor({ maxCallS: 3600 });
    const startS = Date.now() / 1000;
    await join(await ticket({ maxCallS: 80 }));
    expect(state.iceEndsS).toBeCloseTo(startS + 80, 0);
    vi.advanceTimersByTime(19_000);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(told).toEqual([['hint', { text: expect.stringMatching(/ends in a minute/) }]]);
    await leftBehind(() => vi.advanceTimersByTime(8500));
    expect(state.openCalls).toBe(1);
  });

  it('is that of the server where the ticket names none, or a longer one; coming back does not lengthen it', async () => {
    const { join, ticket, tickets } = visitor({ maxCallS: 100 });
    const startS = Date.now() / 1000;
    for (const rights of [{}, { maxCallS: 5000 }]) {
      const { returnToken } = await join(await ticket(rights));
      expect((await tickets.verify(returnToken)).callEndsS).toBeCloseTo(startS + 100, 0);
      vi.advanceTimersByTime(10_000);
      const again = await join(returnToken);
      expect((await tickets.verify(again.returnToken)).callEndsS).toBeCloseTo(startS + 100, 0);
      vi.setSystemTime(startS * 1000);
    }
  });

  it('ends a short call without a warning, and hears a sentence out', async () => {
    const { join, ticket, told, state, speaking } = visitor();
    await join(await ticket({ maxCallS: 10 }));
    speaking(true);
    vi.advanceTimersByTime(11_000);
    expect(told).toEqual([]);
    speaking(false);
    vi.advanceTimersByTime(500);
    expect(told).toEqual([
      ['hint', { text: expect.stringMatching(/Goodbye/) }],
      ['ended', { reason: 'expired' }],
    ]);
    await leftBehind();
    expect([state.openCalls, state.keyCalls]).toEqual([0, 0]);
  });

  it('waits for no sentence that does not end', async () => {
    const { join, ticket, told, speaking } = visitor();
    await join(await ticket({ maxCallS: 5 }));
    speaking(true);
    vi.advanceTimersByTime(25_000);
    expect(told.at(-1)).toEqual(['ended', { reason: 'expired' }]);
  });
});

it('a call ends when its key is revoked, with a word', async () => {
  const { join, ticket, told, state } = visitor();
  await join(await ticket({}, { keyId: 'k' }));
  vi.advanceTimersByTime(2000);
  expect(told).toEqual([]);
  state.isInForce = false;
  vi.advanceTimersByTime(500);
  expect(told.map(([name]) => name)).toEqual(['hint', 'ended']);
  expect(told[1]![1]).toEqual({ reason: 'revoked' });
  await leftBehind();
  expect([state.openCalls, state.keyCalls]).toEqual([0, 0]);
});

describe('network candidates', () => {
  const candidate = (port: number) => ({ candidate: `candidate:1 1 udp 1 203.0.113.9 ${port} typ host`, sdpMid: '0' });

  it('are few, whatever call of a socket they are for', async () => {
    const { ask, join, ticket } = visitor();
    const codes: (string | undefined)[] = [];
    for (let port = 20_000; port < 20_030; port++) {
      if (port % 10 === 0) await join(await ticket());
      codes.push((await ask('candidate', candidate(port))).error?.code);
    }
    expect(codes.filter((code) => code === undefined).length).toBeLessThanOrEqual(21);
    expect(codes.at(-1)).toBe('SIGNALING_INVALID');
  });

  it('restarts are few at once', async () => {
    const { ask, join, ticket } = visitor();
    await join(await ticket());
    const replies: (Joined & Failure)[] = [];
    for (let i = 0; i < 6; i++) replies.push(await ask('restart'));
    expect(replies[0]).toMatchObject({ offerSdp: 'v=0', iceServers: [] });
    expect(replies[4]!.error).toBeUndefined();
    expect(replies[5]).toMatchObject({ error: { code: 'RATE_LIMITED', retryAfterS: expect.any(Number) } });
  });
});

/** What was begun comes to its end. */
async function leftBehind(step = () => {}): Promise<void> {
  step();
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
