// A server that stops waits for nobody: not for half a request, not for a socket whose other side is silent.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { OpenConnections } from '../../src/signaling/open-connections.ts';

const UPGRADE = 'GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

it.each([
  ['headers that never end', 'GET / HTTP/1.1\r\nHost: here\r\nX-Slow: '],
  ['a body that never comes', 'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nx'],
  ['an upgraded socket', UPGRADE],
  ['nothing', ''],
])('ends %s', async (_name, sent) => {
  const server = createServer(() => {});
  server.on('upgrade', (_request, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  const connections = new OpenConnections(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.resume();
  const hasClosed = once(client, 'close');
  await once(server, 'connection');
  client.write(sent);
  if (sent === UPGRADE) await once(client, 'data');
  await connections.end(() => new Promise((resolve) => server.close(resolve)), 20);
  expect(server.listening).toBe(false);
  await hasClosed;
});
