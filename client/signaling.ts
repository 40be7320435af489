/**
 * One connection to the server, for as long as it lasts. In: requests. Out: their answers, the server's messages, and once that it is lost: because
 * it closed, or because nothing was heard for a while (a cut tells nobody). It never connects again by itself; see `recovery.ts`.
 */
import { io, type Socket } from 'socket.io-client';
import type { ClientToServerEvents, Failure, Reply, ServerToClientEvents } from '../src/signaling/protocol.ts';
import { bearer } from './access.ts';
import type { Trouble } from './recovery.ts';
import { words } from './words.ts';

export type CallSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

/** The server lets itself be heard every second. Beats are counted, not time: while the page itself stands still nobody is to blame. */
const BEAT_MS = 500;
const MAX_SILENT_BEATS = 7;
/** A face that was never used before is analysed while its first caller joins; meanwhile the server is heard. */
const REPLY_LIMIT_MS = 45_000;

/** The connection ended before the answer came: the same may be asked again on another one. */
export class ConnectionLost extends Error {}

export interface OpenOptions {
  serverUrl: string;
  /** Of the call before: with it the server makes room. */
  returnToken: string | undefined;
  /** By plain requests first; a WebSocket follows where one is answered. */
  isPlain: boolean;
  limitMs: number;
  signal: AbortSignal;
  /** Takes the server's messages, before the first one comes. */
  listen(socket: CallSocket): void;
  /** Told at most once, and never after `close`. */
  lost(): void;
}

export class Signaling {
  readonly socket: CallSocket;
  private readonly lost: () => void;
  private readonly waiting = new Set<(error: Error) => void>();
  private silentBeats = 0;
  private readonly beat: ReturnType<typeof setInterval>;
  isOpen = true;

  private constructor(socket: CallSocket, lost: () => void) {
    this.socket = socket;
    this.lost = lost;
    this.beat = setInterval(() => {
      if (++this.silentBeats > MAX_SILENT_BEATS) this.drop();
    }, BEAT_MS);
    const seen = (): void => {
      this.silentBeats = 0;
    };
    socket.io.on('ping', seen);
    socket.onAny(seen);
    socket.on('disconnect', () => this.drop());
  }

  /** @throws Trouble. */
  static open({ serverUrl, returnToken, isPlain, limitMs, signal, listen, lost }: OpenOptions): Promise<Signaling> {
    const { origin, pathname } = new URL(serverUrl);
    const socket: CallSocket = io(origin, {
      path: `${pathname.replace(/\/$/, '')}/socket.io`,
      transports: isPlain ? ['polling', 'websocket'] : ['websocket', 'polling'],
      forceNew: true,
      reconnection: false,
      ...(returnToken === undefined ? {} : { auth: { returnToken } }),
    });
    listen(socket);
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        socket.disconnect();
        reject(error);
      };
      const abort = (): void => giveUp(new ConnectionLost('given up'));
      const timer = setTimeout(() => giveUp(unanswered()), limitMs);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort);
      socket.once('connect_error', (error: Error & { data?: Failure['error'] }) =>
        giveUp(error.data ? refusal(error.data) : unreachable()),
      );
      socket.once('connect', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        resolve(new Signaling(socket, lost));
      });
    });
  }

  /** @throws ConnectionLost, and what the server answers as an error with its code. */
  request<T extends object>(send: (reply: Reply<T>) => void, limitMs = REPLY_LIMIT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new ConnectionLost(words('The server did not answer in time.')));
      const settle = (): void => {
        clearTimeout(timer);
        this.waiting.delete(fail);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const timer = setTimeout(() => fail(new ConnectionLost(words('The server did not answer in time.'))), limitMs);
      this.waiting.add(fail);
      send((result) => {
        settle();
        if ('error' in result) reject(refusal(result.error));
        else resolve(result);
      });
    });
  }

  /** @returns whether the server answers within the limit. */
  async isAnswering(limitMs: number): Promise<boolean> {
    return await this.request((reply) => this.socket.emit('probe', {}, reply), limitMs).then(
      () => true,
      (error) => !(error instanceof ConnectionLost),
    );
  }

  /** Nothing comes through any more. */
  drop(): void {
    if (!this.isOpen) return;
    this.close();
    this.lost();
  }

  close(): void {
    this.isOpen = false;
    clearInterval(this.beat);
    this.socket.removeAllListeners();
    this.socket.offAny();
    this.socket.disconnect();
    for (const fail of [...this.waiting]) fail(new ConnectionLost(words('The server did not answer in time.')));
  }
}

const UNREACHABLE = 'The server cannot be reached: check the network, and whether it is running.';
export const unreachable = (): Trouble => new Error(words(UNREACHABLE));
/** Nobody said no, either. */
export const unanswered = (): Trouble => new ConnectionLost(words(UNREACHABLE));

export const refusal = (error: Failure['error']): Trouble => Object.assign(new Error(error.message), error);

/** A ticket of the server's own. @param access a key, where the server asks for one; or empty. @throws Trouble. */
export async function fetchTicket(
  serverUrl: string,
  access: string,
  room: { name: string; as?: string } | undefined,
  limitMs: number,
  signal: AbortSignal,
): Promise<string> {
  const query = room ? `?${new URLSearchParams({ room: room.name, ...(room.as ? { as: room.as } : {}) })}` : '';
  const headers = bearer(access);
  return await limited(limitMs, signal, async (limit) => {
    const url = new URL(`api/tickets${query}`, serverUrl);
    const response = await fetch(url, { method: 'POST', headers, signal: limit }).catch(() => undefined);
    if (!response) throw unreachable();
    const { error, ticket } = (await response.json().catch(() => ({}))) as Partial<Failure> & { ticket?: string };
    if (error) throw refusal(error);
    if (!response.ok || ticket === undefined) throw new Error(`The server answered ${response.status}; is it Visavis?`);
    return ticket;
  });
}

/**
 * Whether a server is there again that refused a WebSocket, asked by a plain request: Firefox holds back the next WebSocket to such an address,
 * longer each time and up to a minute. @throws Trouble when it is not, ConnectionLost when nobody answers.
 */
export async function requireReachable(serverUrl: string, limitMs: number, signal: AbortSignal): Promise<void> {
  await limited(limitMs, signal, async (limit) => {
    const url = new URL('healthz', serverUrl);
    const response = await fetch(url, { cache: 'no-store', signal: limit }).catch(() => undefined);
    if (limit.aborted) throw unanswered();
    // A proxy answers for a server that is away, too.
    if (!response || response.status >= 500) throw unreachable();
  });
}

/** Runs what is given up after the limit, or when `signal` aborts. */
async function limited<T>(limitMs: number, signal: AbortSignal, run: (limit: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const abort = (): void => limit.abort();
  const timer = setTimeout(abort, limitMs);
  signal.addEventListener('abort', abort);
  try {
    return await run(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
