// What a connection can make the server keep: answers that it never reads, parts of messages that never become whole, its own words said back to it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createMetrics } from '../../src/metrics.ts';
import { acceptCalls, type CallSocketsParts } from '../../src/signaling/call-sockets.ts';
import { describer } from '../../src/signaling/failure.ts';
import { HostPolicy } from '../../src/signaling/host-names.ts';
import { ConnectionGate, MessageBudget } from '../../src/signaling/limits.ts';
import type { LiveCall } from '../../src/signaling/live-calls.ts';
import { OriginPolicy } from '../../src/signaling/origins.ts';
import { ProgramSocket } from '../../src/signaling/program-socket.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from '../support/open-access.ts';
import { returnLimits } from '../support/return-limits.ts';

/** Between the packets of one request of engine.io's. */
const SEPARATOR = '\x1e';

let http: Server;
let url: string;
let sockets: { close(): Promise<void> };

beforeEach(async () => {
  http = createServer((_request, response) => response.end());
  const tickets = new TicketOffice('');
  const metrics = createMetrics();
  const logger = pino({ level: 'silent' });
  const parts = {
    gate: new ConnectionGate(0),
    origins: new OriginPolicy([], '127.0.0.1'),
    hosts: new HostPolicy([], [], '127.0.0.1'),
    returns: new Returns(tickets, returnLimits(0)),
    candidateRules: { allowLoopback: true, denyPrivate: false },
    ...{ tickets, access: openAccess, trustedProxies: 0, messagesPerSecond: 0, silenceS: 0, metrics, logger },
    describe: describer(logger, metrics),
  };
  sockets = acceptCalls(http, parts as unknown as CallSocketsParts);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/socket.io/?EIO=4`;
});
afterEach(async () => {
  await sockets.close();
  http.closeAllConnections();
  http.close();
});

it('ends a connection that sends and never fetches its answers', async () => {
  const opened = await (await fetch(`${url}&transport=polling`)).text();
  const session = `${url}&transport=polling&sid=${/"sid":"([^"]+)"/.exec(opened)?.[1]}`;
  const send = async (...packets: string[]) =>
    (await fetch(session, { method: 'POST', body: packets.join(SEPARATOR) })).status;
  expect(await send('40{}')).toBe(200);
  const messages = Array.from({ length: 2000 }, (_, i) => `42${i}["nobody handles this",{}]`);
  const statuses: number[] = [];
  // Each answer has more than a hundred bytes.
  for (let i = 0; i < 10; i++) statuses.push(await send(...messages));
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(400); // there is no such session any more
});

/** What comes of `packet` and the frames after it: the answer's text, or the code with which the connection was closed. */
function sent(...frames: (string | Buffer)[]): Promise<string | number> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}&transport=websocket`);
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.on('message', (data) => {
      const text = String(data);
      if (text.startsWith('0')) socket.send('40{}');
      else if (text.startsWith('40')) for (const frame of frames) socket.send(frame);
      else if (text.startsWith('43')) {
        resolve(text);
        socket.terminate();
      }
    });
  });
}

it('keeps no binary parts, for no message has any', async () => {
  expect(await sent('4510-7["speak",{"_placeholder":true,"num":0}]')).toMatch(/^437\[.*SIGNALING_INVALID/);
  expect(await sent(Buffer.alloc(100))).toEqual(expect.any(Number));
});

it('does not say back what was sent, however long it is', async () => {
  const answer = await sent(`427["mirror",{"isOn":true,"${'k'.repeat(200_000)}":1}]`);
  expect(answer).toMatch(/^437\[.*SIGNALING_INVALID.*Unrecognized key/);
  expect(String(answer).length).toBeLessThan(500);
});

it('counts sound that belongs to nothing among a program’s messages, and ends a program that does not read', () => {
  const listeners = new Map<string, (...values: unknown[]) => void>();
  const told: string[] = [];
  const ends: string[] = [];
  const socket = {
    bufferedAmount: 0,
    on: (name: string, listener: (...values: unknown[]) => void) => void listeners.set(name, listener),
    send: (text: string) => void told.push(text),
    close: (code: number) => void ends.push(`closed ${code}`),
    terminate: () => void ends.push('terminated'),
  };
  const live = { watchers: new Set(), call: {} } as unknown as LiveCall;
  const budget = new MessageBudget(1, () => 0);
  const describe = () => ({ error: { code: 'SIGNALING_INVALID', message: 'no' } });
  new ProgramSocket(socket as unknown as WebSocket, 'call', live, budget, describe);
  const sound = () => listeners.get('message')?.(Buffer.alloc(1), true);
  for (let i = 0; i < 20; i++) sound();
  expect(ends).toEqual([]);
  sound();
  expect(ends).toEqual(['closed 4429']);
  socket.bufferedAmount = 2 ** 21;
  const before = told.length;
  (live.watchers.values().next().value as { failed(failure: object): void }).failed({ error: describe().error });
  expect(told.length).toBe(before);
  expect(ends.at(-1)).toBe('terminated');
});
