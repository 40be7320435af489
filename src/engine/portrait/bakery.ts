/**
 * Bakes portraits in a worker thread with a time limit. In: a photo; out: the path of its rig file. A photo that takes too long
 * costs its own request only: the next ones go to another worker.
 */
import type { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../errors.ts';
import { InOrder } from '../../media/in-order.ts';
import { END, type FailedReply } from '../../media/worker-replies.ts';
import { endOnceIdle, repliedOrThrown } from '../../media/worker-requests.ts';
import { spawnWorker } from '../../media/worker-thread.ts';
import type { BakedPortrait, BakeRequest } from './bake-worker.ts';

export type { BakedPortrait } from './bake-worker.ts';

const TIME_LIMIT_MS = 30_000;
const CLOSING: FailedReply = { error: { code: undefined, message: 'The server is closing.' } };

export class Bakery implements AsyncDisposable {
  private worker: Worker | undefined;
  /** One at a time, so that the limit is on each photo's own analysis and not on its place in the queue. */
  private readonly photos = new InOrder();
  /** Answers for the photo under way. */
  private settle: ((reply: BakedPortrait | FailedReply) => void) | undefined;
  private isDisposed = false;
  /** How often the thread died since it last answered. */
  private deaths = 0;

  /** @param cacheDir folder of the rig; made if need be. @throws AppError as the analysis of the photo does; IMAGE_INVALID when it takes longer than 30 s. */
  async bake(photo: string | Uint8Array, name: string, cacheDir: string): Promise<BakedPortrait> {
    return repliedOrThrown(await this.photos.run(() => this.ask({ photo, name, cacheDir })));
  }

  private ask(request: BakeRequest): Promise<BakedPortrait | FailedReply> {
    if (this.isDisposed) return Promise.resolve(CLOSING);
    const worker = this.thread();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.abandon('IMAGE_INVALID', `${request.name} takes too long to analyse; try another picture.`);
      }, TIME_LIMIT_MS);
      const settle = (reply: BakedPortrait | FailedReply): void => {
        clearTimeout(timer);
        // What an abandoned worker says later is for nobody.
        worker.off('message', settle);
        this.settle = undefined;
        resolve(reply);
      };
      this.settle = settle;
      worker.on('message', settle);
      worker.postMessage(request);
    });
  }

  /** What is wrong, in one sentence; undefined when portraits can be analysed. */
  get problem(): string | undefined {
    return this.deaths === 0 ? undefined : `the analysis of portraits stopped ${this.deaths} times in a row`;
  }

  private thread(): Worker {
    if (this.worker) return this.worker;
    const worker = spawnWorker(new URL('./bake-worker.ts', import.meta.url));
    worker.on('message', () => {
      this.deaths = 0;
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
    worker?.postMessage(END);
    this.settle?.({ error: { code, message } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    const { worker } = this;
    this.worker = undefined;
    if (!worker) return;
    worker.ref();
    await endOnceIdle(worker);
    this.settle?.(CLOSING);
  }
}
