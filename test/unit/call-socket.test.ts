// A visitor's socket and the ends of its call: whatever fails on the way out, what the call held is given back.
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { attachCall } from '../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../src/signaling/call-sockets.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { callSocketParts, silentCall, silentPeer } from '../support/call-socket-parts.ts';

it('closes the peer though the call’s own end fails, and the visitor can call again', async () => {
  const tickets = new TicketOffice('');
  let openPeers = 0;
  const parts = callSocketParts({
    tickets,
    host: {
      open: async () =>
        silentCall(async () => {
          throw new Error('the engine is gone');
        }),
    },
    openPeer: () => {
      openPeers += 1;
      return silentPeer(async () => {
        openPeers -= 1;
      });
    },
  });
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
