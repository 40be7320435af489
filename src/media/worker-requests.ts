/**
 * Questions to one of our worker threads, answered in order, one at a time. The worker starts with the first question; one
 * that dies rejects the question under way, and the next question starts another; after disposal every question rejects.
 */
import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../errors.ts';
import { InOrder } from './in-order.ts';
import { END, type FailedReply } from './worker-replies.ts';

export class WorkerRequests<Request, Reply> implements AsyncDisposable {
  #start: () => Worker;
  #stop: (worker: Worker) => Promise<unknown>;
  #worker: Worker | undefined;
  readonly #questions = new InOrder();
  #isDisposed = false;

  /** @param stop ends a worker; a thread in which a neural model may be running must be asked, not terminated. */
  constructor(start: () => Worker, stop: (worker: Worker) => Promise<unknown> = (worker) => worker.terminate()) {
    this.#start = start;
    this.#stop = stop;
  }

  ask(request: Request): Promise<Reply> {
    return this.#questions.run(async () => {
      // A question still in the queue must not start a worker that nobody would end.
      if (this.#isDisposed) throw new Error('The worker has been disposed');
      try {
        return await roundTrip<Request, Reply>(this.#running(), request);
      } catch (error) {
        await this.#end();
        throw error;
      }
    });
  }

  #running(): Worker {
    if (this.#worker) return this.#worker;
    const worker = this.#start();
    // One that dies while nobody asks is not asked any more.
    worker.on('error', () => {});
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker) await this.#stop(worker);
  }
}

/** Ends a worker that answers by `answerInOrder` after the question under way. */
export function endOnceIdle(worker: Worker): Promise<unknown> {
  const hasEnded = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage(END);
  return hasEnded;
}

/** @throws what the worker's answer failed with: an AppError where it has a code, or `code` gives it one. */
export function repliedOrThrown<Reply extends object>(reply: Reply | FailedReply, code?: ErrorCode): Reply {
  if (!('error' in reply)) return reply;
  const known = (reply.error.code as ErrorCode | undefined) ?? code;
  throw known ? new AppError(known, reply.error.message) : new Error(reply.error.message);
}

function roundTrip<Request, Reply>(worker: Worker, request: Request): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      finish();
    };
    const onMessage = (reply: Reply): void => settle(() => resolve(reply));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (): void => settle(() => reject(new Error('The worker ended before it answered')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(request);
  });
}
