/**
 * PooledWorker: one thread of the engine. In: messages for its sessions. Out: its answers, each to the session that it names; whether it is
 * stuck; its end, once, unless it was asked for. A thread is never ended by force while it may be in native code.
 */
import type { Worker } from 'node:worker_threads';
import { spawnWorker } from '../media/worker-thread.ts';
import type { FromWorker, ToWorker } from './avatar-messages.ts';

/** What a worker knows of a session. */
export interface WorkerSession {
  readonly id: number;
  receive(message: FromWorker): void;
  moveTo(worker: PooledWorker): void;
}

const END_LIMIT_MS = 5000;
/** A worker that lasted so long did not die of its start. */
const STEADY_MS = 5000;
/** In messages that concern the worker as a whole. */
const NO_SESSION = 0;

export class PooledWorker {
  readonly sessions = new Map<number, WorkerSession>();
  private readonly thread: Worker;
  private readonly hasEnded: Promise<void>;
  /** How many before it died young, one after the other. */
  readonly earlyDeaths: number;
  private readonly startedMs = performance.now();
  private isDisposed = false;
  /** The thread has ended; what is posted to it is lost. */
  isGone = false;
  private pendingAnswer: Promise<void> | undefined;
  private reason = 'it ends by itself';

  constructor(onLost: (worker: PooledWorker) => void, earlyDeaths = 0) {
    this.earlyDeaths = earlyDeaths;
    this.thread = spawnWorker(new URL('./avatar-worker.ts', import.meta.url));
    this.thread.on('message', (message: FromWorker) => this.sessions.get(message.sessionId)?.receive(message));
    this.thread.on('error', (error: unknown) => {
      this.reason = error instanceof Error ? error.message : String(error); // 'exit' follows
    });
    this.hasEnded = new Promise((resolve) => {
      this.thread.once('exit', () => {
        this.isGone = true;
        if (!this.isDisposed) onLost(this);
        resolve();
      });
    });
  }

  get isSteady(): boolean {
    return performance.now() - this.startedMs >= STEADY_MS;
  }

  post(message: ToWorker): void {
    this.thread.postMessage(message);
  }

  /** Resolves when the thread has answered, that is when it is not stuck; rejects when it ends first. */
  answer(): Promise<void> {
    // Asked again while it is stuck, it is not pinged again.
    this.pendingAnswer ??= this.ping().finally(() => {
      this.pendingAnswer = undefined;
    });
    return this.pendingAnswer;
  }

  private ping(): Promise<void> {
    if (this.isGone) return Promise.reject(new Error(`an engine worker keeps dying at its start: ${this.reason}`));
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => () => {
        this.thread.off('message', onMessage).off('exit', onExit);
        settle();
      };
      const onAnswer = done(resolve);
      const onMessage = (message: FromWorker): void => {
        if (message.kind === 'pong') onAnswer();
      };
      const onExit = done(() => reject(new Error('an engine worker has just died')));
      this.thread.on('message', onMessage).once('exit', onExit);
      this.post({ kind: 'ping', sessionId: NO_SESSION });
    });
  }

  add(session: WorkerSession): void {
    this.sessions.set(session.id, session);
  }

  remove(session: WorkerSession): void {
    this.sessions.delete(session.id);
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    await this.end();
  }

  /** For tests of the recovery: the thread is gone with all that it knew, as after a crash. */
  async crash(): Promise<void> {
    await this.end();
  }

  private async end(): Promise<void> {
    this.post({ kind: 'end', sessionId: NO_SESSION });
    // A thread that is stuck is in no native code that could mind.
    const force = setTimeout(() => void this.thread.terminate(), END_LIMIT_MS);
    await this.hasEnded;
    clearTimeout(force);
  }
}
