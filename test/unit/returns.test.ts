// Callers who come back: with a token of their own, past the limits of their address, as one call at a time.
import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { attachCall } from '../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../src/signaling/call-sockets.ts';
import { describer } from '../../src/signaling/failure.ts';
import type { CallRequest } from '../../src/signaling/hosting.ts';
import { PerMinute } from '../../src/signaling/limits.ts';
import type { Failure, Joined } from '../../src/signaling/protocol.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { ALL_RIGHTS, asViewer } from '../../src/signaling/rights.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { callSocketParts, silentCall, silentPeer } from '../support/call-socket-parts.ts';
import { returnLimits } from '../support/return-limits.ts';

const SECRET = 'a secret that server and successor share';

/** A server that takes two joins a minute from an address, and has one line. */
function serve(secret = SECRET, nowMs = () => 0) {
  const tickets = new TicketOffice(secret);
  const asBack: boolean[] = [];
  const metrics = createMetrics();
  let openCalls = 0;
  let openPeers = 0;
  const parts = callSocketParts({
    ...{ tickets, metrics, describe: describer(pino({ level: 'silent' }), metrics) },
    host: {
      open: async ({ isBack }: CallRequest) => {
        asBack.push(isBack ?? false);
        if (openCalls > 0) throw new Error('the only line is taken');
        openCalls += 1;
        return silentCall(async () => {
          openCalls -= 1;
        });
      },
    },
    openPeer: () => {
      openPeers += 1;
      return silentPeer(async () => {
        openPeers -= 1;
      });
    },
    joins: new PerMinute('joins', 2),
    returns: new Returns(tickets, { ...returnLimits(5), joinsPerMinute: 2 }, nowMs),
  });
  let sockets = 0;
  const connect = () => {
    const told: [string, unknown][] = [];
    const socket = new EventEmitter();
    const visitor = Object.assign(socket, {
      id: `visitor ${++sockets}`,
      conn: new EventEmitter(),
      disconnected: false,
      disconnect: () => {
        visitor.disconnected = true;
        socket.emit('disconnect');
      },
    });
    for (const name of ['ended', 'returnToken']) socket.on(name, (message) => void told.push([name, message]));
    attachCall(visitor as unknown as CallSocket, '192.0.2.1', parts);
    const ask = (name: string, message?: object) =>
      new Promise<Joined | Failure>((resolve) => socket.emit(name, message, resolve));
    const join = (ticket: string) => ask('join', { ticket, portraitId: 'mona-lisa' });
    return { visitor, told, join, leave: () => ask('leave') };
  };
  /** What `visavis_refusals_total` says of too many joins. */
  const refused = async (): Promise<number> => {
    const { values } = await metrics.refusals.get();
    return values.find(({ labels: { door, reason } }) => door === 'join' && reason === 'RATE_LIMITED')?.value ?? 0;
  };
  return { tickets, connect, asBack, refused, count: () => ({ openCalls, openPeers }) };
}

describe('a caller who comes back', () => {
  it('takes the place of the call that it had, on a machine that has no other', async () => {
    const { tickets, connect, count } = serve();
    const first = connect();
    const joined = (await first.join(await tickets.issue(CALL_ROOM))) as Joined;
    expect(joined.offerSdp).toBe('v=0');
    const stranger = connect();
    expect(await stranger.join(await tickets.issue(CALL_ROOM))).toHaveProperty('error');
    const second = connect();
    expect(await second.join(joined.returnToken)).toMatchObject({ offerSdp: 'v=0' });
    expect(first.told).toEqual([['ended', { reason: 'replaced' }]]);
    expect(first.visitor.disconnected).toBe(true);
    expect(count()).toEqual({ openCalls: 1, openPeers: 1 });
    await second.leave();
    expect(count()).toEqual({ openCalls: 0, openPeers: 0 });
  });

  it('may do so again with the same token, whose newer ones work too, on the same connection as well', async () => {
    const { tickets, connect, count } = serve();
    const first = connect();
    const { returnToken } = (await first.join(await tickets.issue(CALL_ROOM))) as Joined;
    expect(await first.join(returnToken)).toHaveProperty('offerSdp');
    expect(first.visitor.disconnected).toBe(false);
    const again = (await connect().join(returnToken)) as Joined;
    expect(await connect().join(again.returnToken)).toHaveProperty('offerSdp');
    expect(count()).toEqual({ openCalls: 1, openPeers: 1 });
  });

  it('is not refused for what others of its address asked for, but has a limit of its own', async () => {
    const { tickets, connect } = serve();
    const first = connect();
    const { returnToken } = (await first.join(await tickets.issue(CALL_ROOM))) as Joined;
    await first.leave();
    for (let i = 0; i < 3; i++) await connect().join('forged');
    expect(await connect().join(await tickets.issue(CALL_ROOM))).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    for (let i = 0; i < 5; i++) expect(await connect().join(returnToken), `return ${i}`).toHaveProperty('offerSdp');
    expect(await connect().join(returnToken)).toMatchObject({
      error: { code: 'RATE_LIMITED', retryAfterS: expect.any(Number) },
    });
  });

  it('is known by the server that took the place of the one before, if they share a secret', async () => {
    const before = serve();
    const { returnToken } = (await before.connect().join(await before.tickets.issue(CALL_ROOM))) as Joined;
    expect(await serve().connect().join(returnToken)).toHaveProperty('offerSdp');
    expect(await serve('another secret').connect().join(returnToken)).toMatchObject({
      error: { code: 'TICKET_INVALID' },
    });
  });

  it('keeps the place for a minute after the call has ended or the server has started, and not for longer', async () => {
    const { tickets } = serve();
    let nowMs = 0;
    const returns = new Returns(tickets, returnLimits(0), () => nowMs);
    const newcomer = returns.admit(await tickets.redeem(await tickets.issue(CALL_ROOM)));
    expect(returns.hasPlace(newcomer)).toBe(false);
    const back = (await returns.read(await returns.issue(newcomer)))!;
    expect(returns.hasPlace(back)).toBe(true);
    nowMs = 100_000;
    expect(returns.hasPlace(back)).toBe(false);
    // One who only asks has no place yet.
    returns.hold(back.caller, async () => {}).release();
    expect(returns.hasPlace(back)).toBe(false);
    returns.ended(back.caller);
    nowMs += 50_000;
    expect(returns.hasPlace(back)).toBe(true);
    nowMs += 20_000;
    expect(returns.hasPlace(back)).toBe(false);
  });

  it('is no newcomer to a full server, however long that has been running', async () => {
    let nowMs = 0;
    const { tickets, connect, asBack } = serve(SECRET, () => nowMs);
    const { returnToken } = (await connect().join(await tickets.issue(CALL_ROOM))) as Joined;
    nowMs = 3_600_000;
    const second = connect();
    await second.join(returnToken);
    await second.leave();
    nowMs += 120_000;
    await connect().join(returnToken);
    expect(asBack).toEqual([false, true, false]);
  });

  it('shares eight times the room of newcomers with all who come back from its address', async () => {
    const { tickets } = serve();
    const returns = new Returns(tickets, { returnsPerMinute: 5, joinsPerMinute: 1, connections: 1 });
    const caller = async () => returns.admit(await tickets.redeem(await tickets.issue(CALL_ROOM))).caller;
    const leave: (() => void)[] = [];
    for (let i = 0; i < 8; i++) {
      const each = await caller();
      leave.push(returns.enter(each, '192.0.2.1', {}));
      await returns.take(each, '192.0.2.1');
    }
    const ninth = await caller();
    expect(() => returns.enter(ninth, '192.0.2.1', {})).toThrow(/returning callers from this address/);
    await expect(returns.take(ninth, '192.0.2.1')).rejects.toThrow(/returns from this address/);
    returns.enter(ninth, '192.0.2.2', {});
    await returns.take(ninth, '192.0.2.2');
    leave[0]!();
    returns.enter(ninth, '192.0.2.1', {});
  });

  it('is refused when the tokens of an address are shown without end, and each refusal is counted', async () => {
    const { tickets, connect, refused, count } = serve();
    const tokens: string[] = [];
    for (let i = 0; i < 6; i++) {
      const ticket = await tickets.redeem(await tickets.issue(CALL_ROOM));
      tokens.push(await tickets.issueReturn(ticket, `caller ${i}`));
    }
    // Each token has 5 returns a minute; of its address there are 16.
    const answers: (Joined | Failure)[] = [];
    for (let round = 0; round < 10; round++)
      for (const token of tokens) {
        const visitor = connect();
        answers.push(await visitor.join(token));
        await visitor.leave();
      }
    expect(answers.filter((answer) => 'offerSdp' in answer)).toHaveLength(16);
    expect(answers.at(-1)).toMatchObject({ error: { code: 'RATE_LIMITED', retryAfterS: expect.any(Number) } });
    expect(await refused()).toBe(60 - 16);
    expect(count()).toEqual({ openCalls: 0, openPeers: 0 });
  });

  it('has no more rights than it came with', async () => {
    const { tickets } = serve();
    const returns = new Returns(tickets, returnLimits(0));
    const ticket = await tickets.redeem(await tickets.issue('room/lobby', asViewer(ALL_RIGHTS)));
    const back = await returns.read(await returns.issue(returns.admit(ticket)));
    expect(back).toMatchObject({ room: 'room/lobby', canSpeak: false });
    expect(await returns.read(await tickets.issue(CALL_ROOM))).toBeUndefined();
    expect(await returns.read('forged')).toBeUndefined();
  });

  it('has one call where two of its connections join at once, whichever of them is answered', async () => {
    const { tickets, connect, count } = serve();
    const first = connect();
    const { returnToken } = (await first.join(await tickets.issue(CALL_ROOM))) as Joined;
    await first.leave();
    // The first may be through before the second comes and ends its call: then both are answered.
    await Promise.all([connect().join(returnToken), connect().join(returnToken)]);
    expect(count().openCalls).toBeLessThanOrEqual(1);
    expect(count().openPeers).toBe(count().openCalls);
    expect(await connect().join(returnToken)).toHaveProperty('offerSdp');
    expect(count()).toEqual({ openCalls: 1, openPeers: 1 });
  });
});
