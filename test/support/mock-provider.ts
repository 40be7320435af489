/**
 * An in-process service for adapters' tests, plain node:http and ws: routes in, and what was asked of it out. It sees when a caller hangs
 * up, which is how tests know that cancelling is more than looking away.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

interface MockRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type HttpRoute = (request: MockRequest, response: ServerResponse) => void | Promise<void>;
type SocketRoute = (socket: WebSocket, request: IncomingMessage) => void;

export class MockProvider implements AsyncDisposable {
  readonly requests: MockRequest[] = [];
  /** Answers and sockets under way. */
  open = 0;
  url = '';
  private readonly routes = new Map<string, HttpRoute>();
  private readonly socketRoutes = new Map<string, SocketRoute>();
  private readonly server = createServer((request, response) => this.serve(request, response));
  private readonly sockets = new WebSocketServer({ noServer: true });
  private readonly connections = new Set<Socket>();

  static async start(): Promise<MockProvider> {
    const mock = new MockProvider();
    mock.server.on('connection', (socket) => {
      mock.connections.add(socket);
      socket.on('close', () => mock.connections.delete(socket));
    });
    mock.server.on('upgrade', (request, stream, head) => {
      const route = mock.socketRoutes.get(new URL(request.url ?? '/', 'http://mock').pathname);
      if (!route) {
        stream.end('HTTP/1.1 404 Not Found\r\n\r\n');
        return;
      }
      mock.sockets.handleUpgrade(request, stream, head, (socket) => {
        mock.open += 1;
        socket.on('close', () => {
          mock.open -= 1;
        });
        route(socket, request);
      });
    });
    await new Promise<void>((resolve) => mock.server.listen(0, '127.0.0.1', resolve));
    mock.url = `http://127.0.0.1:${(mock.server.address() as AddressInfo).port}`;
    return mock;
  }

  /** @param path with method: `POST /v1/chat/completions`. */
  on(path: string, route: HttpRoute): void {
    this.routes.set(path, route);
  }

  onSocket(path: string, route: SocketRoute): void {
    this.socketRoutes.set(path, route);
  }

  socketRoute(path: string): SocketRoute {
    return this.socketRoutes.get(path)!;
  }

  requestsTo(path: string): MockRequest[] {
    return this.requests.filter((request) => `${request.method} ${request.path}` === path);
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'http://mock').pathname;
      const seen: MockRequest = {
        method: request.method ?? '',
        path,
        headers: request.headers,
        body: Buffer.concat(parts).toString('latin1'),
      };
      this.requests.push(seen);
      this.open += 1;
      response.on('close', () => {
        this.open -= 1;
      });
      const route = this.routes.get(`${seen.method} ${path}`);
      if (!route)
        response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such route"}}');
      else void route({ ...seen, body: Buffer.concat(parts).toString('utf8') }, response);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    for (const socket of this.connections) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Server-sent events of a chat completion, one per delta; `open` leaves the stream hanging. */
export function chat(response: ServerResponse, deltas: object[], { isOpen = false } = {}): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const delta of deltas)
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta }] })}\n\n`,
    );
  if (!isOpen) response.end('data: [DONE]\n\n');
}

/** Resolves when the condition holds; fails after a generous limit. */
export async function until(condition: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
