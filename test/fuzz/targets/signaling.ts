/**
 * Messages of one visitor's socket, as a sequence: every request is answered once, with a result or an error of ours, whatever it holds and in
 * whatever order; when the socket has gone, nothing is left of its calls.
 */
import { EventEmitter } from 'node:events';
import { AppError } from '../../../src/errors.ts';
import { attachCall } from '../../../src/signaling/call-socket.ts';
import type { CallSocket } from '../../../src/signaling/call-sockets.ts';
import type { HostedCall } from '../../../src/signaling/hosting.ts';
import type { MediaPeer } from '../../../src/signaling/peer.ts';
import { CALL_ROOM, TicketOffice } from '../../../src/signaling/tickets.ts';
import { callSocketParts, silentCall, silentPeer } from '../../support/call-socket-parts.ts';
import { type FuzzTarget, holds, textOf } from '../target.ts';

const MAX_STEPS = 40;
/** Stands for a ticket that is good; tickets are signed, so that no mutation makes one. */
const GOOD = 'GOOD';

const tickets = new TicketOffice('');

/** What is not closed. */
const open = { calls: 0, peers: 0 };
const call: HostedCall = {
  ...silentCall(async () => {
    open.calls -= 1;
  }),
  speak: ({ text }) => {
    holds(text.length > 0, 'a text is not empty');
    return 1;
  },
  setControls: ({ gaze }) => holds(Math.abs(gaze?.yawRad ?? 0) < 10, 'controls are in range'),
};
const peer: MediaPeer = {
  ...silentPeer(async () => {
    open.peers -= 1;
  }),
  accept: async (sdp) => {
    if (!sdp.startsWith('v=0')) throw new AppError('SIGNALING_INVALID', 'This is no answer.');
  },
  addCandidate: async ({ candidate }) => {
    if (candidate.includes('bad')) throw new Error('of the vendor');
  },
};
const parts = callSocketParts({
  tickets,
  host: {
    async open() {
      open.calls += 1;
      return call;
    },
  },
  openPeer: () => {
    open.peers += 1;
    return peer;
  },
});

async function ask(socket: EventEmitter, name: string, message: unknown): Promise<void> {
  let replies = 0;
  const replied = new Promise<unknown>((resolve) => {
    const isHandled = socket.emit(name, message, (reply: unknown) => {
      replies += 1;
      resolve(reply);
    });
    if (!isHandled) resolve({});
  });
  const reply = await replied;
  if (name === 'disconnect') return;
  holds(typeof reply === 'object' && reply !== null, `${name} is answered with an object`);
  const { error } = reply as { error?: { code?: unknown; message?: unknown } };
  holds(
    error === undefined || (typeof error.code === 'string' && error.code !== 'INTERNAL'),
    `${name}: ${JSON.stringify(error)}`,
  );
  await Promise.resolve();
  holds(replies <= 1, `${name} is answered once`);
}

export const target: FuzzTarget = {
  name: 'signaling',
  covers: ['src/signaling/', 'node_modules/zod'],
  seeds: () =>
    [
      [
        ['join', { ticket: GOOD, portraitId: 'mona-lisa' }],
        ['answer', { sdp: 'v=0' }],
        ['candidate', { candidate: 'candidate:1', sdpMid: '0' }],
      ],
      [
        ['join', { ticket: GOOD, portraitId: 'x', render: 'client', controls: { gaze: { yawRad: 0.1, pitchRad: 0 } } }],
        ['leave', {}],
      ],
      [
        ['join', { ticket: GOOD, portraitId: 'x' }],
        ['speak', { text: 'Hi.', voice: 'de' }],
        ['stop', {}],
        ['say', { text: 'a' }],
      ],
      [
        ['join', { ticket: GOOD, portraitId: 'x' }],
        ['talk', { isOn: true }],
        ['hold', { isDown: true }],
        ['mirror', { isOn: true }],
      ],
      [
        ['join', { ticket: GOOD, portraitId: 'x' }],
        ['invite', {}],
        ['restart', {}],
        ['join', { ticket: GOOD, portraitId: 'y' }],
      ],
      [
        ['controls', { emotion: { happy: 0.5 }, headDistance: 1, seed: 3 }],
        ['candidate', { candidate: 'bad' }],
        ['nonsense', 1],
      ],
      [
        ['sfuReceive', { rtpCapabilities: {} }],
        ['sfuConnect', { transportId: 'a', dtlsParameters: {} }],
        ['sfuReady', {}],
      ],
      [
        ['sfuMicrophone', {}],
        ['sfuProduce', { rtpParameters: {} }],
        ['sfuRestart', {}],
        ['join', { ticket: 'x', portraitId: '' }],
      ],
    ].map((steps) => JSON.stringify(steps)),
  words: [
    ...[
      'join',
      'answer',
      'candidate',
      'restart',
      'speak',
      'say',
      'talk',
      'hold',
      'stop',
      'mirror',
      'invite',
      'controls',
      'leave',
    ].map((name) => `["${name}",{}],`),
    ...[
      '"ticket":"GOOD"',
      '"portraitId":"',
      '"isOn":true',
      '"text":"',
      '"sdp":"',
      '"candidate":"',
      'null',
      '[]',
      '{}',
      'true',
      '1e308',
      '"__proto__":{},',
      '"constructor":1,',
    ],
  ],
  async run(input) {
    let steps: unknown;
    try {
      steps = JSON.parse(textOf(input));
    } catch {
      return;
    }
    if (!Array.isArray(steps)) return;
    const socket = Object.assign(new EventEmitter(), {
      id: 'visitor',
      conn: new EventEmitter(),
      disconnected: false,
      disconnect() {},
    });
    attachCall(socket as unknown as CallSocket, '127.0.0.1', parts);
    for (const step of steps.slice(0, MAX_STEPS)) {
      const [name, message] = Array.isArray(step) ? step : ['', step];
      // Other names never reach a handler of ours: socket.io keeps these for itself.
      if (
        typeof name !== 'string' ||
        ['disconnect', 'disconnecting', 'error', 'newListener', 'removeListener'].includes(name)
      )
        continue;
      if ((message as { ticket?: unknown } | null)?.ticket === GOOD)
        (message as { ticket: string }).ticket = await tickets.issue(CALL_ROOM);
      await ask(socket, name, message);
    }
    socket.disconnected = true;
    socket.emit('disconnect', 'gone');
    await new Promise((resolve) => setImmediate(resolve));
    holds(open.calls === 0 && open.peers === 0, `${open.calls} calls and ${open.peers} peers are left`);
  },
};
