/**
 * Networks in a thread of their own: what would hold up the calling thread for tens of milliseconds does not. In and out as with inference.ts;
 * runs are computed one after the other. A thread that dies is replaced, and the run under way is done again.
 */
import { AppError } from '../errors.ts';
import type { loadBestModel, Provider, TensorInput, TensorValue } from '../inference.ts';
import type { FailedReply } from '../media/worker-replies.ts';
import { endOnceIdle, repliedOrThrown, WorkerRequests } from '../media/worker-requests.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import type { InferenceReply, InferenceRequest } from './inference-worker.ts';

export class InferenceThread implements AsyncDisposable {
  readonly #worker: WorkerRequests<InferenceRequest, InferenceReply | FailedReply>;

  /** @param restarted told of each thread after the first. */
  constructor(
    startWorker = () => spawnWorker(new URL('./inference-worker.ts', import.meta.url)),
    restarted: () => void = () => {},
  ) {
    let starts = 0;
    const start = (): ReturnType<typeof startWorker> => {
      if (++starts > 1) restarted();
      return startWorker();
    };
    this.#worker = new WorkerRequests(start, endOnceIdle);
  }

  /** As that of inference.ts; the model runs in this thread. */
  readonly loadBestModel: typeof loadBestModel = async (name, check, options = {}) => {
    const load = (): Promise<InferenceReply> => this.#ask({ kind: 'load', name, check, options });
    const run = async (inputs: Record<string, TensorInput>): Promise<InferenceReply> => {
      const reply = await this.#ask({ kind: 'run', name, inputs });
      if (reply.outputs) return reply;
      // This thread has taken another one's place.
      await load();
      return this.#ask({ kind: 'run', name, inputs });
    };
    const first = await load();
    const notes = first.notes;
    let provider = first.provider as Provider;
    const model = {
      name,
      get provider() {
        return provider;
      },
      async run(inputs: Record<string, TensorInput>): Promise<Record<string, TensorValue>> {
        const reply = await run(inputs).catch((error: unknown) => {
          if (error instanceof AppError) throw error;
          return run(inputs); // the thread may have been lost
        });
        provider = reply.provider as Provider;
        notes.splice(0, notes.length, ...reply.notes);
        return reply.outputs!;
      },
    };
    return { model, notes };
  };

  async #ask(request: InferenceRequest): Promise<InferenceReply> {
    return repliedOrThrown(await this.#worker.ask(request));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}
