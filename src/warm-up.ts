/**
 * What is slow only once, done before the server calls itself ready, in the order in which the first caller needs it. In: steps; out: a
 * readiness check. A caller who comes earlier is served all the same. A step that fails is told in the log, and does not keep the server
 * from being ready: whether calls can be opened is for other checks to say.
 */
import { performance } from 'node:perf_hooks';
import type { ReadinessCheck } from './signaling/readiness.ts';
import type { Logger } from './telemetry.ts';

export interface WarmUpStep {
  name: string;
  run(): Promise<unknown>;
}

/** A machine on which it takes longer serves cold callers rather than none. */
const LIMIT_MS = 60_000;

export class WarmUp implements Disposable {
  private readonly logger: Logger;
  private readonly waiting = new Set<string>();
  private readonly failed: string[] = [];
  private state: 'running' | 'done' | 'late' = 'running';
  private readonly timer: NodeJS.Timeout;
  private isDisposed = false;

  constructor(logger: Logger, limitMs = LIMIT_MS) {
    this.logger = logger;
    this.timer = setTimeout(() => {
      if (this.state !== 'running') return;
      this.state = 'late';
      logger.warn({ waiting: [...this.waiting], limitMs }, 'warming up takes long; callers are taken meanwhile');
    }, limitMs).unref();
  }

  /** @param groups one after the other; the steps of a group side by side. */
  async run(groups: readonly (readonly WarmUpStep[])[]): Promise<void> {
    const startMs = performance.now();
    for (const { name } of groups.flat()) this.waiting.add(name);
    for (const group of groups) {
      if (this.isDisposed) return;
      await Promise.all(group.map((step) => this.take(step)));
    }
    this.state = 'done';
    clearTimeout(this.timer);
    this.logger.info({ ms: Math.round(performance.now() - startMs), failed: this.failed }, 'warmed up');
  }

  private async take({ name, run }: WarmUpStep): Promise<void> {
    const startMs = performance.now();
    try {
      await run();
      this.logger.debug({ step: name, ms: Math.round(performance.now() - startMs) }, 'warm-up step done');
    } catch (err) {
      if (this.isDisposed) return;
      this.failed.push(name);
      this.logger.warn({ err, step: name }, 'a warm-up step failed; the first caller waits for it');
    } finally {
      this.waiting.delete(name);
    }
  }

  get check(): ReadinessCheck {
    const waiting = (): string => `waiting for: ${[...this.waiting].join(', ')}`;
    return {
      name: 'warm-up',
      status: 'starting',
      check: () => (this.state === 'running' ? waiting() : undefined),
      detail: () => {
        if (this.state === 'late' && this.waiting.size > 0) return `takes long; ${waiting()}`;
        return this.failed.length > 0 ? `failed: ${this.failed.join(', ')}` : 'done';
      },
    };
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
  }
}
