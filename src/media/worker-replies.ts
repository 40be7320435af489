/** The other side of `WorkerRequests`, in the worker thread: questions are answered in order, until the parent thread says that it is enough. */
import { parentPort } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import { InOrder } from './in-order.ts';

export interface FailedReply {
  error: { code: string | undefined; message: string };
}

export const END = 'end';

export function answerInOrder<Request, Reply>(answer: (request: Request) => Promise<Reply>): void {
  const port = parentPort!;
  const questions = new InOrder();
  port.on('message', (request: Request | typeof END) => {
    void questions.run(async () => {
      if (request === END) {
        port.close();
        return;
      }
      try {
        port.postMessage(await answer(request as Request));
      } catch (error) {
        const code = error instanceof AppError ? error.code : undefined;
        port.postMessage({ error: { code, message: (error as Error).message } } satisfies FailedReply);
      }
    });
  });
}
