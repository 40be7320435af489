// A visitor's socket and the ends of its call: whatever fails on the way out, what the call held is given back.
import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { attachCall, type CallSocketParts } from '../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../src/signaling/call-sockets.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from '../support/open-access.ts';

it('closes the peer though the call’s own end fails, and the visitor can call again', async () => {
  const tickets = new TicketOffice('');
  const logger = pino({ level: 'silent' });
  const metrics = createMetrics();
  let openPeers = 0;
  const parts = {
    host: {
      fps: 25,
      open: async () => ({
        events: {},
        close: async () => {
          throw new Error('the engine is gone');
        },
      }),
    },
    openPeer: () => {
      openPeers += 1;
      return {
        createOffer: async () => 'v=0',
        close: async () => {
          openPeers -= 1;
        },
      };
    },
    iceServers: () => [],
    tickets,
    access: openAccess,
    candidateRules: { allowLoopback: true, denyPrivate: false },
    maxCallS: 0,
    calls: new LiveCalls(),
    joins: { take: async () => {} },
    returns: new Returns(tickets, 0),
    silenceS: 30,
    drain: new Drain(),
    describe: describer(logger, metrics),
    metrics,
    logger,
  } as unknown as CallSocketParts;
  const socket = Object.assign(new EventEmitter(), { id: 'visitor', conn: new EventEmitter(), disconnected: false });
  attachCall(socket as unknown as CallSocket, '127.0.0.1', parts);
  const ask = (name: string, message?: object) => new Promise((resolve) => socket.emit(name, message, resolve));
  const join = async () => ask('join', { ticket: await tickets.issue(CALL_ROOM), portraitId: 'mona-lisa' });

  expect(await join()).toMatchObject({ offerSdp: 'v=0' });
  expect(openPeers).toBe(1);
  expect(await ask('leave')).toMatchObject({ error: { code: 'INTERNAL' } });
  expect(openPeers).toBe(0);
  expect(await join()).toMatchObject({ offerSdp: 'v=0' });
  expect(openPeers).toBe(1);
  await ask('leave');
  expect(openPeers).toBe(0);
});
