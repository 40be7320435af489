/**
 * A server's life from start to end, as signals steer it. In: how to start it, signals. Out: its end. SIGTERM drains: calls end by themselves
 * or after a time. Any other signal, and a second one of any kind, ends it at once. Nothing that hangs keeps the process.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { RunningServer } from '../signaling/server.ts';
import { END_SIGNALS, SAME_SIGNAL_MS } from './run-command.ts';

/** What has not given back what it holds by then goes with the process. */
const CLOSE_LIMIT_MS = 5000;
/** … after a second signal. */
const FORCED_LIMIT_MS = 500;

/** @throws AppError INTERRUPTED when a signal comes before the server runs, or a second one before it has ended in order. */
export async function runUntilSignalled(start: () => Promise<RunningServer>, drainMs: number): Promise<void> {
  const signals = new Signals();
  try {
    const starting = start();
    const first = signals.next();
    const server = await Promise.race([starting, first]);
    if (typeof server === 'string') {
      starting.catch(() => {}); // it would be told of twice
      throw new AppError('INTERRUPTED', `Interrupted by ${server} before the server was ready.`);
    }
    console.log(`Visavis is ready: open ${server.url}`);
    const signal = await first;
    const second = signals.next();
    const stop = new AbortController();
    void second.then(() => stop.abort());
    if (signal === 'SIGTERM' && drainMs > 0) {
      console.log(`Draining: no new calls; those there are have ${drainMs / 1000} s to end …`);
      await server.drain(drainMs, stop.signal);
    }
    console.log('Closing …');
    const closed = Promise.resolve(server[Symbol.asyncDispose]()).then(() => true);
    closed.catch(() => {}); // told by the race, unless it comes too late
    const isClosed = await Promise.race([closed, delay(CLOSE_LIMIT_MS, false), second]);
    if (typeof isClosed === 'string' && !(await Promise.race([closed, delay(FORCED_LIMIT_MS, false)])))
      throw new AppError('INTERRUPTED', `Ended by ${isClosed} before everything was closed.`);
    if (isClosed === false) console.error('visavis: not everything was closed in time; it ends with the process.');
  } finally {
    signals[Symbol.dispose]();
  }
}

/** Signals, one after the other. */
class Signals implements Disposable {
  private waiting: ((name: NodeJS.Signals) => void)[] = [];
  private readonly come: NodeJS.Signals[] = [];
  private interruptedMs = Number.NEGATIVE_INFINITY;
  private readonly receive = (name: NodeJS.Signals): void => {
    if (name === 'SIGINT') {
      const sinceMs = performance.now() - this.interruptedMs;
      if (sinceMs < SAME_SIGNAL_MS) return;
      this.interruptedMs = performance.now();
    }
    const waiting = this.waiting.shift();
    if (waiting) waiting(name);
    else this.come.push(name);
  };

  constructor() {
    for (const name of END_SIGNALS) process.on(name, this.receive);
  }

  next(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      const name = this.come.shift();
      if (name) resolve(name);
      else this.waiting.push(resolve);
    });
  }

  [Symbol.dispose](): void {
    for (const name of END_SIGNALS) process.off(name, this.receive);
  }
}
