/**
 * Waiting with a limit. In: something that may never come; out: the same, or a TimeoutError when the next of it takes too long. Whoever
 * stops reading early closes the source.
 */

/** @param stalled called once when the wait was too long: ends the work behind the source, with the error that is thrown. */
export async function* withPatience<T>(
  source: AsyncIterable<T>,
  limitMs: number,
  stalled: (error: Error) => void,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let isOpen = true;
  try {
    for (;;) {
      const next = await within(iterator.next(), limitMs);
      if (next.done) {
        isOpen = false;
        return;
      }
      yield next.value;
    }
  } catch (error) {
    isOpen = false;
    if (isTimeout(error)) stalled(error as Error);
    throw error;
  } finally {
    if (isOpen) await iterator.return?.();
  }
}

/** Pause before the next try, longer each time, and not the same for everybody who was cut off at once. @param attempt from 0. */
export function pauseMs(attempt: number): number {
  return Math.min(8000, 250 * 2 ** attempt) * (0.75 + Math.random() / 2);
}

/** The promise's value. @throws an error named TimeoutError when it takes longer; the promise itself goes on. */
export function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(timeoutError(limitMs)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The promise's value, or the signal's reason as soon as it aborts; the promise itself goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export function timeoutError(limitMs: number): Error {
  return new DOMException(`nothing came for ${limitMs} ms`, 'TimeoutError');
}

export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
