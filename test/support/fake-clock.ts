/** Time that passes only when a test says so. */
import type { Clock } from '../../src/media/clock.ts';

export class FakeClock implements Clock {
  private us = 0;
  private sleepers: { dueUs: number; wake: () => void }[] = [];

  nowUs(): number {
    return this.us;
  }

  sleepUntil(dueUs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const sleeper = {
        dueUs,
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Everything that is due meanwhile happens, and what follows from it. */
  async advance(ms: number): Promise<void> {
    this.us += ms * 1000;
    const due = this.sleepers.filter(({ dueUs }) => dueUs <= this.us);
    this.sleepers = this.sleepers.filter(({ dueUs }) => dueUs > this.us);
    for (const { wake } of due) wake();
    // All promises that are ready, and those that they make ready.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
