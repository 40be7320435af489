/**
 * Questions to one of our worker threads, answered in order, one at a time. The worker starts with the first question; one
 * that dies rejects the question under way, and the next question starts another; after disposal every question rejects.
 */
import type { Worker } from 'node:worker_threads';
import { InOrder } from './in-order.ts';

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
      this.#worker ??= this.#start();
      try {
        return await roundTrip<Request, Reply>(this.#worker, request);
      } catch (error) {
        await this.#end();
        throw error;
      }
    });
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
