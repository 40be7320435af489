// Who means no good: anything may arrive on a socket, in any order; every question is answered, nothing breaks, other calls go on.
import { connect } from 'node:net';
import fc from 'fast-check';
import { SignJWT, UnsecuredJWT } from 'jose';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure, Joined } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const PORTRAIT = 'mona-lisa';
const SECRET = 'a secret that only this test and its server know';
let server: TestServer;
/** An honest caller, in a call for as long as the others try. */
let honest: LoopbackClient;

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.server.ticketSecret = SECRET;
    config.limits.messagesPerSecond = 0;
  });
  honest = new LoopbackClient(server.url);
  await honest.join(PORTRAIT);
  await honest.until('pictures', () => honest.pictures.length > 3);
});
afterAll(async () => {
  await honest?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const code = (reply: object): string | undefined => (reply as Failure).error?.code;

/** The honest caller still sees new pictures and has been told of no failure. */
async function allIsWell(): Promise<void> {
  const from = honest.pictures.length;
  await honest.until('pictures all the same', () => honest.pictures.length > from + 5);
  expect(honest.failures).toEqual([]);
}

const NAMES = [
  ...['join', 'answer', 'candidate', 'restart', 'speak', 'say', 'talk', 'hold', 'stop', 'mirror', 'invite', 'controls'],
  ...['buffers', 'leave', 'constructor', '__proto__', ''],
];
/** Half of them nearly right, so that they get past the first look. */
const message = fc.oneof(
  fc.anything({ withNullPrototype: false }),
  fc.record(
    {
      ticket: fc.string(),
      portraitId: fc.constantFrom(PORTRAIT, '../../etc/passwd', ''),
      sdp: fc.oneof(fc.string(), fc.constant('v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 X 96\r\n')),
      candidate: fc.oneof(
        fc.string(),
        fc.constant('candidate:1 1 udp 1 256.1.1.1 99999 typ host'),
        fc.constant('candidate:1 1 udp 1 10.255.255.1 9 typ srflx raddr x rport y'),
      ),
      sdpMid: fc.string(),
      sdpMLineIndex: fc.integer(),
      text: fc.string(),
      voice: fc.string(),
      isOn: fc.boolean(),
      isDown: fc.boolean(),
      headDistance: fc.double(),
      gaze: fc.record({ yawRad: fc.double(), pitchRad: fc.double() }),
      emotion: fc.dictionary(fc.string(), fc.double()),
    },
    { requiredKeys: [] },
  ),
);
const isSendable = (value: unknown): boolean => {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false; // cycles and big integers do not leave the sender
  }
};

describe('fuzzed signaling', () => {
  it.each([['before a call'], ['in a call']])(
    'is answered, each message once, without a bug of ours: %s',
    async (when) => {
      await using client = new LoopbackClient(server.url);
      if (when === 'in a call') await client.join(PORTRAIT);
      const replies = new Map<string, number>();
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...NAMES), message.filter(isSendable), async (name, body) => {
          if (name === 'leave') return; // the call is wanted
          const late = new Promise<never>((_resolve, reject) =>
            setTimeout(() => reject(new Error(`no answer to ${name}`)), 20_000).unref(),
          );
          const answer = await Promise.race([client.request(name as never, body), late]);
          const told = code(answer) ?? 'done';
          replies.set(told, (replies.get(told) ?? 0) + 1);
          expect(told, `${name} ${JSON.stringify(body)} → ${JSON.stringify(answer)}`).not.toBe('INTERNAL');
        }),
        { numRuns: 400, seed: 4711, endOnFailure: true },
      );
      expect(replies.get('SIGNALING_INVALID')).toBeGreaterThan(100);
      expect(client.socket.connected).toBe(true);
      await allIsWell();
    },
  );

  it('that is too large is an error, in bytes as in characters, and the call goes on', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    await client.until('pictures', () => client.pictures.length > 3);
    const texts = { ascii: 'x'.repeat(1_500_000), chinese: '漢'.repeat(90_000), quoted: '"'.repeat(140_000) };
    for (const [what, text] of Object.entries(texts))
      for (const name of ['say', 'speak'] as const) {
        const answer = (await client.request(name, { text })) as Failure;
        expect(answer.error?.code, `${name} ${what}`).toMatch(/^(TEXT_TOO_LONG|SIGNALING_INVALID)$/);
        expect(answer.error.message, `${name} ${what}`).toMatch(/kB|character/);
      }
    expect(await client.request('candidate' as 'say', { candidate: 'x'.repeat(400_000) })).toHaveProperty('error');
    const seen = client.pictures.length;
    await client.until('the call going on', () => client.pictures.length > seen + 5);
    expect(client.ends).toEqual([]);
    expect(client.socket.connected).toBe(true);
  });

  it('that nothing could hold closes its socket, and no other', async () => {
    await using client = new LoopbackClient(server.url);
    await client.until('the connection', () => client.socket.connected);
    client.socket.io.reconnection(false);
    client.socket.emit('speak', { text: 'x'.repeat(3_000_000) }, () => {});
    await client.until('the end of the connection', () => !client.socket.connected);
    await allIsWell();
  });

  it('lives with a peer that speaks no socket.io', async () => {
    const body = { method: 'POST', body: '4"]'.repeat(50) };
    const response = await fetch(new URL('socket.io/?EIO=4&transport=polling&sid=forged', server.url), body);
    expect(response.status).toBe(400);
    const odd = await fetch(new URL('api/portraits/%E0%A4%A/thumbnail', server.url));
    expect([400, 404]).toContain(odd.status);
    expect(await odd.json()).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    await allIsWell();
  });
});

describe('a request for a socket', () => {
  it.each(['//', '/\\', 'http://', '//[/api/speech', '/api/speech/..'])(
    'of nothing, at %s, is not answered with our end',
    async (path) => {
      const { hostname, port } = new URL(server.url);
      const stream = connect(Number(port), hostname);
      stream.on('error', () => {});
      const headers = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
      stream.write(
        [`GET ${path} HTTP/1.1`, ...headers, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'),
      );
      stream.resume();
      await new Promise((resolve) => stream.once('close', resolve));
      await allIsWell();
    },
  );
});

describe('messages out of order', () => {
  it('end in one call, whatever was sent at once', async () => {
    await using client = new LoopbackClient(server.url);
    const tickets = await Promise.all([client.ticket(), client.ticket(), client.ticket()]);
    const joins = tickets.map((ticket) => client.request<Joined>('join', { ticket, portraitId: PORTRAIT }));
    const answers = await Promise.all(joins);
    const joined = answers.filter((answer) => 'offerSdp' in answer);
    expect(joined.length).toBeGreaterThan(0);
    for (const answer of answers) if (!('offerSdp' in answer)) expect(code(answer)).toBe('SIGNALING_INVALID');
    // One call of the three is left, beside the honest one.
    await client.until('two calls', () => true);
    expect(await sessions()).toBe(2);
    await client.request('leave', {});
    expect(await sessions()).toBe(1);
  });

  it('leaves nothing behind when the caller goes while the call is opened', async () => {
    await using client = new LoopbackClient(server.url);
    const ticket = await client.ticket();
    const join = client.request('join', { ticket, portraitId: PORTRAIT });
    const left = client.request('leave', {});
    expect(code(await left)).toBeUndefined();
    const answer = await join;
    if (!code(answer)) await client.request('leave', {}); // it was opened before the other message was read
    expect(await sessions()).toBe(1);
    const gone = new LoopbackClient(server.url);
    const another = await gone.ticket();
    await gone.until('the connection', () => gone.socket.connected);
    gone.socket.emit('join', { ticket: another, portraitId: PORTRAIT }, () => {});
    setTimeout(() => gone.socket.disconnect(), 5);
    await untilSessions(1);
    await gone[Symbol.asyncDispose]();
  });

  it('answers an answer that comes early, twice, or to nothing', async () => {
    await using client = new LoopbackClient(server.url);
    expect(code(await client.request('answer', { sdp: 'v=0' }))).toBe('SIGNALING_INVALID');
    await client.join(PORTRAIT);
    expect(code(await client.request('answer', { sdp: 'v=0\r\n' }))).toBe('SIGNALING_INVALID');
    await client.until('pictures', () => client.pictures.length > 3);
  });

  it('takes so many network candidates and no more', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 70; i++) {
      const candidate = {
        candidate: `candidate:${i} 1 udp 1 127.0.0.1 ${9000 + i} typ host`,
        sdpMid: '0',
        sdpMLineIndex: 0,
      };
      codes.push(code(await client.request('candidate' as never, candidate)));
    }
    expect(codes[0]).toBeUndefined();
    expect(codes.at(-1)).toBe('SIGNALING_INVALID');
    await client.until('pictures', () => client.pictures.length > 3);
  });
});

describe('tickets', () => {
  const key = new TextEncoder().encode(SECRET);
  const good = () =>
    new SignJWT({ room: 'call', canSpeak: true })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('visavis')
      .setJti(crypto.randomUUID())
      .setExpirationTime('60s');

  it('open a call once, from a back end that shares the secret as from the page', async () => {
    await using client = new LoopbackClient(server.url);
    for (const ticket of [await good().sign(key), await client.ticket()]) {
      expect(code(await client.request('join', { ticket, portraitId: PORTRAIT }))).toBeUndefined();
      expect(code(await client.request('join', { ticket, portraitId: PORTRAIT }))).toBe('TICKET_INVALID');
      const at = { once: await client.request('leave', {}) };
      expect(code(at.once)).toBeUndefined();
    }
    // The same ticket on two sockets at the same instant.
    await using other = new LoopbackClient(server.url);
    const ticket = await client.ticket();
    const both = await Promise.all(
      [client, other].map((each) => each.request('join', { ticket, portraitId: PORTRAIT })),
    );
    expect(both.map(code).filter((each) => each === 'TICKET_INVALID')).toHaveLength(1);
  });

  it.each([
    ['of another secret', () => good().sign(new TextEncoder().encode('another secret, long enough to sign with'))],
    ['of no secret', async () => new UnsecuredJWT({ room: 'call', canSpeak: true }).setIssuer('visavis').encode()],
    ['of another issuer', () => good().setIssuer('elsewhere').sign(key)],
    [
      'that has expired',
      () =>
        good()
          .setExpirationTime(Math.floor(Date.now() / 1000) - 5)
          .sign(key),
    ],
    [
      'that never expires',
      () =>
        new SignJWT({ room: 'call' }).setProtectedHeader({ alg: 'HS256' }).setIssuer('visavis').setJti('1').sign(key),
    ],
    ['for another day', () => good().setExpirationTime('30d').sign(key)],
    [
      'for watching',
      () =>
        new SignJWT({ room: 'call', canSpeak: false })
          .setProtectedHeader({ alg: 'HS256' })
          .setIssuer('visavis')
          .setJti(crypto.randomUUID())
          .setExpirationTime('60s')
          .sign(key),
    ],
    [
      'for a call under way',
      () =>
        good()
          .sign(key)
          .then(async () =>
            new SignJWT({ room: honest.socket.id!, canSpeak: true })
              .setProtectedHeader({ alg: 'HS256' })
              .setIssuer('visavis')
              .setJti(crypto.randomUUID())
              .setExpirationTime('60s')
              .sign(key),
          ),
    ],
  ])('%s are refused', async (_what, forge) => {
    await using client = new LoopbackClient(server.url);
    expect(code(await client.request('join', { ticket: await forge(), portraitId: PORTRAIT }))).toBe('TICKET_INVALID');
  });
});

describe('other sites', () => {
  const elsewhere = { origin: 'https://evil.example' };

  it('get no ticket, no socket and no door for programs', async () => {
    const ticket = await fetch(new URL('api/tickets', server.url), { method: 'POST', headers: elsewhere });
    expect([ticket.status, code((await ticket.json()) as object)]).toEqual([403, 'ORIGIN_REFUSED']);
    const program = await fetch(new URL('api/speech', server.url), { method: 'POST', headers: elsewhere });
    expect(program.status).toBe(403);
    const socket = io(server.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: elsewhere,
    });
    await new Promise((resolve) => socket.once('connect_error', resolve));
    expect(socket.connected).toBe(false);
    socket.close();
  });

  it('that call themselves by our address are not taken for our own', async () => {
    const port = new URL(server.url).port;
    const rebound = { origin: `http://evil.example:${port}`, host: `evil.example:${port}` };
    const response = await rawPost(server.url, '/api/tickets', rebound);
    expect(response).toMatch(/^HTTP\/1.1 403/);
  });
});

/** With a Host header of our choice, which fetch does not allow. */
async function rawPost(url: string, path: string, headers: Record<string, string>): Promise<string> {
  const { connect } = await import('node:net');
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const lines = Object.entries({ ...headers, connection: 'close', 'content-length': '0' });
      socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    });
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('close', () => resolve(text)).on('error', reject);
  });
}

async function sessions(): Promise<number> {
  const text = await (await fetch(new URL('metrics', server.url))).text();
  return Number(/^visavis_calls (\d+)$/m.exec(text)![1]);
}

async function untilSessions(count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while ((await sessions()) !== count) {
    if (performance.now() > deadline) throw new Error(`${await sessions()} sessions instead of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
