/**
 * A WebSocket client that speaks JSON. In: messages to send; out: what came, in order, as an async iterable that ends when the other side
 * closes properly and throws when the connection breaks. Whoever stops reading, or disposes, hangs up at once.
 */
import { type RawData, WebSocket } from 'ws';
import { timeoutError } from './patience.ts';

export type JsonMessage = Record<string, unknown>;

interface JsonSocketOptions {
  headers?: Record<string, string>;
  /** Longest wait for the connection. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** The server answered the request, for a socket or plainly, with an HTTP error. */
export class HttpRefused extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`refused with HTTP ${status}`);
    this.name = 'HttpRefused';
    this.status = status;
  }
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** A link that takes nothing any more. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
/** A line that has gone dead says nothing, not even that; a living one answers pings. */
const PING_MS = 10_000;
const NORMAL_CLOSE = [1000, 1001, 1005];

export class JsonSocket implements AsyncIterable<JsonMessage>, Disposable {
  readonly #socket: WebSocket;
  readonly #inbox: JsonMessage[] = [];
  #failure: Error | undefined;
  #hasEnded = false;
  #wake = (): void => {};
  #isAlive = true;
  readonly #pings: NodeJS.Timeout;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#pings = setInterval(() => this.#ping(), PING_MS).unref();
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', (code, reason) =>
      this.#end(
        NORMAL_CLOSE.includes(code)
          ? undefined
          : new Error(`the connection ended (${code} ${reason.toString()})`.trim()),
      ),
    );
  }

  /** @throws HttpRefused, a TimeoutError, the signal's reason, or what the network says. */
  static open(url: string, { headers = {}, timeoutMs, signal }: JsonSocketOptions): Promise<JsonSocket> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const socket = new WebSocket(url, { headers, maxPayload: MAX_MESSAGE_BYTES, followRedirects: false });
      const timer = setTimeout(() => fail(timeoutError(timeoutMs)), timeoutMs);
      const onAbort = (): void => fail(signal?.reason);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown): void => {
        settle();
        // Hanging up while connecting is itself an error event.
        socket.on('error', () => {});
        socket.terminate();
        reject(error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const opened = new JsonSocket(socket);
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        fail(new HttpRefused(response.statusCode ?? 0));
      });
      socket.once('error', fail);
      socket.once('open', () => {
        settle();
        socket.off('error', fail);
        const hangUp = (): void => opened[Symbol.dispose]();
        signal?.addEventListener('abort', hangUp, { once: true });
        socket.once('close', () => signal?.removeEventListener('abort', hangUp));
        resolve(opened);
      });
    });
  }

  get isOpen(): boolean {
    return !this.#hasEnded && this.#socket.readyState === WebSocket.OPEN;
  }

  /** A message to a socket that is closing is lost, like one on a line that went dead a moment later. */
  send(message: JsonMessage): void {
    if (!this.isOpen) return;
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.fail(new Error('the connection takes nothing any more'));
      return;
    }
    this.#socket.send(JSON.stringify(message));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JsonMessage> {
    try {
      for (;;) {
        while (this.#inbox.length > 0) yield this.#inbox.shift()!;
        if (this.#failure) throw this.#failure;
        if (this.#hasEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Hangs up; who reads gets this error after what has come so far. */
  fail(error: Error): void {
    this.#end(error);
    this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.#end(undefined);
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#hasEnded) return;
    this.#isAlive = true;
    let message: unknown;
    try {
      message = isBinary ? undefined : JSON.parse(data.toString());
    } catch {
      message = undefined;
    }
    if (typeof message === 'object' && message !== null && !Array.isArray(message))
      this.#inbox.push(message as JsonMessage);
    else this.fail(new Error('a message came that is no JSON object'));
    this.#wake();
  }

  #ping(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (!this.#isAlive) {
      this.fail(new Error('the connection has gone dead'));
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  #end(failure: Error | undefined): void {
    clearInterval(this.#pings);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = failure;
    this.#wake();
  }
}
