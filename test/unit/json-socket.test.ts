// A WebSocket that speaks JSON: order, ends of every kind, a line that goes dead without a word.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { JsonSocket } from '../../src/agent/json-socket.ts';
import { MockProvider, until } from '../support/mock-provider.ts';

const at = (mock: MockProvider, path = '/s') => mock.url.replace('http', 'ws') + path;
afterEach(() => vi.useRealTimers());

async function readAll(socket: JsonSocket): Promise<unknown[]> {
  const messages: unknown[] = [];
  for await (const message of socket) messages.push(message);
  return messages;
}

describe('a JSON socket', () => {
  it('gives messages in order, then ends when the other side closes', async () => {
    await using mock = await MockProvider.start();
    mock.onSocket('/s', (socket) => {
      for (let i = 0; i < 100; i++) socket.send(JSON.stringify({ i }));
      socket.close(1000);
    });
    const socket = await JsonSocket.open(at(mock), { timeoutMs: 10_000 });
    expect(await readAll(socket)).toEqual(Array.from({ length: 100 }, (_, i) => ({ i })));
    expect(socket.isOpen).toBe(false);
  });

  it.each([
    ['is closed with a reason', (s: import('ws').WebSocket) => s.close(4001, 'no more money'), /4001 no more money/],
    ['breaks', (s: import('ws').WebSocket) => s.terminate(), /1006/],
    ['sends something else', (s: import('ws').WebSocket) => s.send('[1]'), /no JSON object/],
    ['sends bytes', (s: import('ws').WebSocket) => s.send(Buffer.from('{}')), /no JSON object/],
  ])('tells what came and then that it %s', async (_, act, message) => {
    await using mock = await MockProvider.start();
    mock.onSocket('/s', (socket) => {
      socket.send('{"first":true}');
      setTimeout(() => act(socket), 10);
    });
    const socket = await JsonSocket.open(at(mock), { timeoutMs: 10_000 });
    const reader = socket[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual({ first: true });
    await expect(reader.next()).rejects.toThrow(message);
  });

  it('says with which status it was refused, that nobody answered, or why it was aborted', async () => {
    await using mock = await MockProvider.start();
    await expect(JsonSocket.open(at(mock, '/nothing'), { timeoutMs: 10_000 })).rejects.toMatchObject({ status: 404 });
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(JsonSocket.open(at(mock), { timeoutMs: 10_000, signal })).rejects.toThrow('changed my mind');
    const mute = (await import('node:net')).createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as import('node:net').AddressInfo;
    await expect(JsonSocket.open(`ws://127.0.0.1:${port}/`, { timeoutMs: 50 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    mute.close();
  });

  it('hangs up when aborted, disposed of, or read no further', async () => {
    await using mock = await MockProvider.start();
    mock.onSocket('/s', (socket) => socket.send('{}'));
    const abort = new AbortController();
    await JsonSocket.open(at(mock), { timeoutMs: 10_000, signal: abort.signal });
    (await JsonSocket.open(at(mock), { timeoutMs: 10_000 }))[Symbol.dispose]();
    for await (const _ of await JsonSocket.open(at(mock), { timeoutMs: 10_000 })) break;
    abort.abort();
    await until(() => mock.open === 0, 'all are hung up');
  });

  it('notices that a line has gone dead', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
    let pings = 0;
    server.on('connection', (socket) =>
      socket.on('ping', () => {
        pings += 1;
      }),
    );
    await new Promise((resolve) => server.once('listening', resolve));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { port } = server.address() as import('node:net').AddressInfo;
    const socket = await JsonSocket.open(`ws://127.0.0.1:${port}/`, { timeoutMs: 10_000 });
    const read = readAll(socket);
    read.catch(() => {});
    vi.advanceTimersByTime(10_000);
    await until(() => pings === 1, 'it is asked');
    expect(socket.isOpen).toBe(true);
    vi.advanceTimersByTime(10_000);
    await expect(read).rejects.toThrow(/gone dead/);
    server.close();
  });
});
