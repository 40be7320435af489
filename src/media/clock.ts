/** Time as an argument: everything that waits takes a Clock, so that tests play minutes of call in milliseconds. */

export interface Clock {
  /** Monotonic µs. */
  nowUs(): number;
  /** Resolves at `dueUs` (at once if that has passed), rejects with the signal's reason when it aborts first. */
  sleepUntil(dueUs: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowUs: () => Math.round(performance.now() * 1000),
  sleepUntil(dueUs, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        Math.max(0, (dueUs - systemClock.nowUs()) / 1000),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};
