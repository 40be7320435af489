/**
 * How much one caller may ask for: per address over HTTP and sockets, per socket in messages. In: requests and messages as they come;
 * out: nothing, or an AppError RATE_LIMITED that says when to try again. A limit of 0 is none.
 */
import type { IncomingMessage } from 'node:http';
import { ipKeyGenerator, MemoryStore, type RateLimitRequestHandler, rateLimit } from 'express-rate-limit';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry.ts';

const MINUTE_MS = 60_000;

/**
 * Who asks: the address, or for IPv6 its /56, which is what one customer has.
 * @param trustedProxies reverse proxies in front, each of which appends whom it saw to X-Forwarded-For.
 */
export function addressOf(request: IncomingMessage, trustedProxies: number): string {
  const told = trustedProxies === 0 ? [] : String(request.headers['x-forwarded-for'] ?? '').split(',');
  const nearestFirst = [request.socket.remoteAddress ?? '', ...told.map((part) => part.trim()).reverse()].filter(
    Boolean,
  );
  return ipKeyGenerator(nearestFirst[Math.min(trustedProxies, nearestFirst.length - 1)] ?? '');
}

/**
 * @param noticed told once.
 * @returns what is to see every request, and tells once that a proxy is not configured: all its callers would count as one.
 */
export function proxyWarning(
  trustedProxies: number,
  logger: Logger,
  noticed: () => void = () => {},
): (request: IncomingMessage) => void {
  let isSettled = trustedProxies > 0;
  return ({ headers }) => {
    if (isSettled || headers['x-forwarded-for'] === undefined) return;
    isSettled = true;
    noticed();
    logger.warn(
      { setting: 'server.trustedProxies' },
      'requests come through a reverse proxy, but server.trustedProxies is 0: all callers behind it share the limits of one address; set it to the number of proxies',
    );
  };
}

function tooMany(what: string, retryAfterS: number): AppError {
  return new AppError('RATE_LIMITED', `Too many ${what}; try again in ${retryAfterS} s.`, {
    retryAfterS,
  });
}

/**
 * express middleware: `perMinute` requests of one address, then 429 with Retry-After.
 * @param isExempt requests that another limit counts.
 */
export function limitRequests(
  what: string,
  perMinute: number,
  trustedProxies: number,
  isExempt: (response: { locals: Record<string, unknown> }) => boolean = () => false,
): RateLimitRequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    skip: (_request, response) => perMinute === 0 || isExempt(response),
    keyGenerator: (request) => addressOf(request, trustedProxies),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: false, // its checks write to the console; what they guard against is settled in addressOf
    handler: (request, _response, next) => {
      const { resetTime } = (request as unknown as { rateLimit: { resetTime: Date } }).rateLimit;
      next(tooMany(`${what} from this address`, Math.max(1, Math.ceil((resetTime.getTime() - Date.now()) / 1000))));
    },
  });
}

/** The same for what does not come as an HTTP request of its own. */
export class PerMinute implements Disposable {
  private readonly what: string;
  private readonly limit: number;
  private readonly store = new MemoryStore();

  constructor(what: string, limit: number) {
    this.what = what;
    this.limit = limit;
    this.store.init({ windowMs: MINUTE_MS } as never);
  }

  /** @param limit another than that of all. @throws AppError RATE_LIMITED. */
  async take(who: string, limit = this.limit): Promise<void> {
    if (limit === 0) return;
    const { totalHits, resetTime } = await this.store.increment(who);
    const leftMs = (resetTime?.getTime() ?? Date.now()) - Date.now();
    if (totalHits > limit) throw tooMany(this.what, Math.max(1, Math.ceil(leftMs / 1000)));
  }

  [Symbol.dispose](): void {
    this.store.shutdown();
  }
}

/** How many connections an address holds open at once. */
export class ConnectionGate {
  private readonly limit: number;
  private readonly what: string;
  private readonly open = new Map<string, Set<object>>();

  constructor(limit: number, what = 'connections from this address') {
    this.limit = limit;
    this.what = what;
  }

  /** Counts `connection` until `leave`; once, however often it enters. @throws AppError RATE_LIMITED. */
  enter(address: string, connection: object): void {
    const held = this.open.get(address) ?? new Set();
    if (this.limit > 0 && held.size >= this.limit && !held.has(connection)) throw tooMany(this.what, 10);
    this.open.set(address, held.add(connection));
  }

  /** Connections that are open. */
  get count(): number {
    return [...this.open.values()].reduce((sum, held) => sum + held.size, 0);
  }

  leave(address: string, connection: object): void {
    const held = this.open.get(address);
    held?.delete(connection);
    if (held?.size === 0) this.open.delete(address);
  }
}

/** So many at once; then as many as have leaked out since. */
export class LeakyBucket {
  private readonly capacity: number;
  private readonly perSecond: number;
  private readonly nowMs: () => number;
  private level = 0;
  private drainedMs: number;

  constructor(capacity: number, perSecond: number, nowMs: () => number = () => performance.now()) {
    this.capacity = capacity;
    this.perSecond = perSecond;
    this.nowMs = nowMs;
    this.drainedMs = nowMs();
  }

  take(): boolean {
    this.drain();
    if (this.level + 1 > this.capacity) return false;
    this.level += 1;
    return true;
  }

  /** Until `take` succeeds again, whole seconds. */
  get freeInS(): number {
    this.drain();
    return Math.max(0, Math.ceil((this.level + 1 - this.capacity) / this.perSecond));
  }

  private drain(): void {
    const nowMs = this.nowMs();
    this.level = Math.max(0, this.level - ((nowMs - this.drainedMs) / 1000) * this.perSecond);
    this.drainedMs = nowMs;
  }
}

const BURST_S = 2;
/** Who goes on in spite of refusals, this many times a burst, is cut off. */
const PATIENCE = 10;

/** Messages of one socket: a bucket that every message fills, refused ones too, and that drains all the time. */
export class MessageBudget {
  private readonly perSecond: number;
  private readonly nowMs: () => number;
  private level = 0;
  private drainedMs: number;

  constructor(perSecond: number, nowMs: () => number = () => performance.now()) {
    this.perSecond = perSecond;
    this.nowMs = nowMs;
    this.drainedMs = nowMs();
  }

  /** What to do with the message that has just come. */
  take(): 'accept' | 'refuse' | 'cut-off' {
    if (this.perSecond === 0) return 'accept';
    const nowMs = this.nowMs();
    this.level = Math.max(0, this.level - ((nowMs - this.drainedMs) / 1000) * this.perSecond) + 1;
    this.drainedMs = nowMs;
    const burst = this.perSecond * BURST_S;
    if (this.level <= burst) return 'accept';
    return this.level <= burst * PATIENCE ? 'refuse' : 'cut-off';
  }
}
