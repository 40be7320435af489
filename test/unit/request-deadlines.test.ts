// Slow senders: a request whose body does not come is answered and cut off; one that was found to be invited takes as long as it likes.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestDeadlines } from '../../src/signaling/request-deadlines.ts';

const deadlines = new RequestDeadlines(({ url }) => (url?.startsWith('/long') ? 3_600_000 : 30), 30);
let server: Server;
const arrived: Record<string, (request: IncomingMessage) => void> = {};

beforeAll(async () => {
  server = createServer((request, response) => {
    arrived[request.url!]?.(request);
    request.on('end', () => response.end('thank you')).on('error', () => {});
    if (request.url?.endsWith('answers-early')) response.end('no');
    request.resume();
  });
  server.prependListener('request', deadlines.guard);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function open(path: string, headers: string[]) {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write([`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n'));
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.on('error', () => {});
  return { socket, closed: once(socket, 'close').then(() => text) };
}

describe('a request', () => {
  it.each(['Content-Length: 10', 'Transfer-Encoding: chunked'])(
    'whose body does not come is answered 408 and cut off (%s)',
    async (header) => {
      const answer = await open('/slow', [header]).closed;
      expect(answer).toMatch(/^HTTP\/1.1 408/);
      expect(answer).toContain('REQUEST_TIMEOUT');
    },
  );

  it('that was answered already is cut off all the same', async () => {
    expect(await open('/answers-early', ['Content-Length: 10']).closed).toMatch(/^HTTP\/1.1 200/);
  });

  it('that was refused is not read for as long as one that is wanted', async () => {
    const { socket, closed } = open('/long/answers-early', ['Content-Length: 1000000']);
    const drip = setInterval(() => socket.write('x'), 10);
    // By then its sender may be told so as an error.
    await closed.catch(() => {});
    clearInterval(drip);
    expect(socket.destroyed).toBe(true);
  });

  it('that is complete is not', async () => {
    const { socket, closed } = open('/slow', ['Content-Length: 3', 'Connection: close']);
    socket.write('abc');
    expect(await closed).toMatch(/thank you$/);
  });

  it('whose sender was found to be invited takes as long as it likes', async () => {
    const lifted = new Promise<void>((resolve) => {
      arrived['/stream'] = (request) => {
        deadlines.lift(request);
        resolve();
      };
    });
    const stream = open('/stream', ['Content-Length: 3', 'Connection: close']);
    await lifted;
    // Others that came after it have been cut off by now.
    await open('/slow', ['Content-Length: 10']).closed;
    await open('/slow', ['Content-Length: 10']).closed;
    stream.socket.write('abc');
    expect(await stream.closed).toMatch(/thank you$/);
  });

  it('for a photo has more time than others', () => {
    const limits: number[] = [];
    const real = new RequestDeadlines();
    for (const url of ['/api/portraits', '/api/portraits?x', '/api/tickets', '/socket.io/?x'])
      limits.push((real as unknown as { limitMs(request: { url: string }): number }).limitMs({ url }));
    expect(limits).toEqual([300_000, 300_000, 60_000, 60_000]);
  });
});
