/**
 * Bakes portraits in a worker thread with a time limit. In: a photo; out: the path of its rig file. A photo that takes too long
 * costs its own request only: the next ones go to another worker.
 */
import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../../errors.ts';
import { spawnWorker } from '../../media/worker-thread.ts';
import type { BakeReply, BakeRequest } from './bake-worker.ts';

const TIME_LIMIT_MS = 30_000;
const CLOSING = { code: undefined, message: 'The server is closing.' };

export interface BakedPortrait {
  rigPath: string;
  warnings: string[];
  /** The face at rest, 512 px, WebP. */
  poster: Uint8Array;
}

export class Bakery implements AsyncDisposable {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, (reply: BakeReply) => void>();
  private nextId = 1;
  /** One at a time, so that the limit is on each photo's own analysis and not on its place in the queue. */
  private previous: Promise<unknown> = Promise.resolve();
  private isDisposed = false;
  /** How often the thread died since it last answered. */
  private deaths = 0;

  /** @param cacheDir folder of the rig; made if need be. @throws AppError as the analysis of the photo does; IMAGE_INVALID when it takes longer than 30 s. */
  async bake(photo: string | Uint8Array, name: string, cacheDir: string): Promise<BakedPortrait> {
    const request: BakeRequest = { id: this.nextId++, photo, name, cacheDir };
    const asked = this.previous.then(() => this.ask(request));
    this.previous = asked;
    const reply = await asked;
    if ('rigPath' in reply) return { rigPath: reply.rigPath, warnings: reply.warnings, poster: reply.poster };
    const { code, message } = reply.error;
    throw code ? new AppError(code as ErrorCode, message) : new Error(message);
  }

  private ask(request: BakeRequest): Promise<BakeReply> {
    return new Promise((resolve) => {
      if (this.isDisposed) {
        resolve({ id: request.id, error: CLOSING });
        return;
      }
      const timer = setTimeout(() => {
        this.abandon('IMAGE_INVALID', `${request.name} takes too long to analyse; try another picture.`);
      }, TIME_LIMIT_MS);
      this.waiting.set(request.id, (reply) => {
        clearTimeout(timer);
        this.waiting.delete(request.id);
        resolve(reply);
      });
      this.thread().postMessage(request);
    });
  }

  /** What is wrong, in one sentence; undefined when portraits can be analysed. */
  get problem(): string | undefined {
    return this.deaths === 0 ? undefined : `the analysis of portraits stopped ${this.deaths} times in a row`;
  }

  private thread(): Worker {
    if (this.worker) return this.worker;
    const worker = spawnWorker(new URL('./bake-worker.ts', import.meta.url));
    worker.on('message', (reply: BakeReply) => {
      this.deaths = 0;
      this.waiting.get(reply.id)?.(reply);
    });
    worker.on('error', () => {}); // 'exit' follows
    worker.once('exit', () => {
      if (this.worker !== worker) return;
      this.deaths += 1;
      this.abandon(undefined, 'The analysis of portraits stopped; try again.');
    });
    // Baking is no reason to keep the process alive.
    worker.unref();
    this.worker = worker;
    return worker;
  }

  private abandon(code: ErrorCode | undefined, message: string): void {
    const { worker } = this;
    this.worker = undefined;
    worker?.postMessage('end');
    for (const [id, settle] of [...this.waiting]) settle({ id, error: { code, message } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    const { worker } = this;
    this.worker = undefined;
    if (!worker) return;
    const hasEnded = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('end');
    await hasEnded;
    for (const settle of [...this.waiting.values()]) settle({ id: 0, error: CLOSING });
  }
}
