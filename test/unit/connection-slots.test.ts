// How many connections an address holds open: each is counted once, and given back when it closes, whoever closes it and in whatever way it came.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { acceptCalls, type CallSocketsParts } from '../../src/signaling/call-sockets.ts';
import { describer } from '../../src/signaling/failure.ts';
import { HostPolicy } from '../../src/signaling/host-names.ts';
import { ConnectionGate } from '../../src/signaling/limits.ts';
import { OriginPolicy } from '../../src/signaling/origins.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { SpeechApi, type SpeechApiParts } from '../../src/signaling/speech-api.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from '../support/open-access.ts';
import { returnLimits } from '../support/return-limits.ts';

const LIMIT = 2;
/** Of connections that are refused while one before is on its way out; each takes a moment of its own. */
const MAX_TRIES = 300;

describe('the gate', () => {
  it('counts each connection once, per address, and forgets those that left', () => {
    const gate = new ConnectionGate(LIMIT);
    const [a, b, c] = [{}, {}, {}];
    gate.enter('one', a);
    gate.enter('one', a);
    gate.enter('one', b);
    expect(() => gate.enter('one', c)).toThrow(/Too many connections/);
    gate.enter('other', c);
    gate.leave('one', c); // never was there
    expect(() => gate.enter('one', {})).toThrow(/Too many connections/);
    gate.leave('one', a);
    gate.leave('one', a);
    gate.enter('one', {});
    expect(() => gate.enter('one', {})).toThrow(/Too many connections/);
  });

  it('of 0 has no limit', () => {
    const gate = new ConnectionGate(0);
    for (let i = 0; i < 100; i++) gate.enter('one', {});
  });
});

describe('over a server', () => {
  let http: Server;
  let url: string;
  let sockets: { close(): Promise<void> };
  let speech: SpeechApi;
  let tickets: TicketOffice;
  let metrics: Metrics;
  const opened: Socket[] = [];

  beforeEach(async () => {
    http = createServer((_request, response) => response.end());
    tickets = new TicketOffice('');
    metrics = createMetrics();
    const logger = pino({ level: 'silent' });
    const describe = describer(logger, metrics);
    const shared = {
      gate: new ConnectionGate(LIMIT),
      origins: new OriginPolicy([], '127.0.0.1'),
      hosts: new HostPolicy([], [], '127.0.0.1'),
      returns: new Returns(tickets, returnLimits(0)),
      candidateRules: { allowLoopback: true, denyPrivate: false },
      limits: { messagesPerSecond: 0 },
      ...{ tickets, access: openAccess, trustedProxies: 0, messagesPerSecond: 1, silenceS: 0, metrics, logger },
    };
    sockets = acceptCalls(http, { ...shared, describe } as unknown as CallSocketsParts);
    const describeProgram = (error: unknown) => describe(error, 'program');
    speech = new SpeechApi({ ...shared, describe: describeProgram } as unknown as SpeechApiParts);
    http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  });
  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.close();
    speech.close();
    await sockets.close();
    http.closeAllConnections();
    http.close();
  });

  /** What `visavis_refusals_total` says of too many connections. */
  async function refused(): Promise<number> {
    const { values } = await metrics.refusals.get();
    return (
      values.find(({ labels: { door, reason } }) => door === 'connection' && reason === 'RATE_LIMITED')?.value ?? 0
    );
  }

  function connect(transports: ('websocket' | 'polling')[] = ['websocket'], auth = {}): Promise<Socket | undefined> {
    const socket = io(url, { transports, auth, forceNew: true, reconnection: false });
    opened.push(socket);
    return new Promise((resolve) => {
      socket.once('connect', () => resolve(socket));
      socket.once('connect_error', () => resolve(undefined));
    });
  }

  /** @returns the status of a refusal; undefined where the socket was opened. */
  function program(): { status: Promise<number | undefined>; socket: WebSocket } {
    const socket = new WebSocket(new URL('api/speech', url.replace('http', 'ws')));
    const status = new Promise<number | undefined>((resolve) => {
      socket.once('unexpected-response', (_request, response) => {
        response.resume();
        resolve(response.statusCode);
      });
      socket.once('open', () => resolve(undefined));
      socket.on('error', () => {});
    });
    return { status, socket };
  }

  /** Closing takes its way through the network. */
  async function untilThereIsRoom(): Promise<void> {
    for (let i = 0; i < MAX_TRIES; i++) {
      if (await connect()) return;
      for (const socket of opened.splice(0)) if (socket.connected) opened.push(socket);
    }
    throw new Error('no place was given back');
  }

  it.each([['websocket' as const], ['polling' as const]])('a closed %s makes room', async (transport) => {
    const first = await connect([transport]);
    expect(first).toBeDefined();
    expect(await connect([transport])).toBeDefined();
    expect(await connect([transport])).toBeUndefined();
    first!.close();
    await untilThereIsRoom();
    expect(await connect()).toBeUndefined();
  });

  it('those who come back have places of their own, bounded and counted when refused', async () => {
    const held = [await connect(), await connect()];
    expect(held).not.toContain(undefined);
    const ticket = await tickets.redeem(await tickets.issue(CALL_ROOM));
    const returnToken = await tickets.issueReturn(ticket, 'a caller');
    const before = await refused();
    const answers = await Promise.all(Array.from({ length: 10 }, () => connect(['websocket'], { returnToken })));
    expect(answers.filter(Boolean)).toHaveLength(8);
    expect((await refused()) - before).toBe(2);
  });

  it('one that the server closes makes room', async () => {
    const held = [await connect(), await connect()];
    expect(await connect()).toBeUndefined();
    const gone = new Promise((resolve) => held[0]!.once('disconnect', resolve));
    for (let i = 0; i < 100; i++) held[0]!.emit('stop', {}); // a flood
    await gone;
    await untilThereIsRoom();
  });

  it('programs count too; one that was not invited is closed, and makes room', async () => {
    expect(await connect()).toBeDefined();
    expect(await connect()).toBeDefined();
    expect(await program().status).toBe(429);
    opened[0]!.close();
    // Each is accepted, found to have no ticket, and closed: many more come in than there are places.
    let accepted = 0;
    for (let i = 0; i < MAX_TRIES && accepted < 3 * LIMIT; i++) {
      const { status, socket } = program();
      if ((await status) !== undefined) continue;
      accepted += 1;
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(accepted).toBe(3 * LIMIT);
  });

  it.each([
    ['socket.io/?EIO=4&transport=websocket', 'evil.example', false],
    ['api/speech', 'evil.example', false],
    ['socket.io/?EIO=4&transport=websocket', '127.0.0.1', true],
    ['api/speech', '127.0.0.1', true],
  ])('%s, asked for by the name %s without an origin: opened is %s', async (path, host, isOpened) => {
    const socket = new WebSocket(new URL(path, url.replace('http', 'ws')), { headers: { host } });
    const opened = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.terminate();
    expect(opened).toBe(isOpened);
  });
});
