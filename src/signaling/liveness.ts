/**
 * Whether the process lives: its threads are asked once in five seconds, and `/healthz` tells what came of it, at once. In: the beats of a
 * clock and the threads' answers; out: what is wrong, when nothing has answered for half a minute. A main thread that is stuck answers
 * nobody, which says the same. Beats are counted, not time: a process that was stopped and goes on is not to blame.
 */
const BEAT_MS = 5000;
const MAX_SILENT_BEATS = 6;

export class Liveness implements Disposable {
  private readonly answer: () => Promise<void>;
  private readonly timer: NodeJS.Timeout;
  private silentBeats = 0;
  private reason = 'no answer';

  /** @param answer resolves when every thread has answered; rejects where one cannot. */
  constructor(answer: () => Promise<void>) {
    this.answer = answer;
    this.timer = setInterval(() => this.beat(), BEAT_MS).unref();
  }

  /** @returns what is wrong, in one sentence; undefined when the process lives. */
  get problem(): string | undefined {
    if (this.silentBeats < MAX_SILENT_BEATS) return undefined;
    return `the engine's threads have not answered for ${(this.silentBeats * BEAT_MS) / 1000} s (${this.reason})`;
  }

  private beat(): void {
    this.silentBeats += 1;
    this.answer().then(
      () => {
        this.silentBeats = 0;
      },
      (error: unknown) => {
        this.reason = error instanceof Error ? error.message : String(error);
      },
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
