/**
 * How a call comes back. In: what was lost, when waiting has become pointless, and two ways to mend it (`repair` the media of the same call, `join`
 * anew). Out: `live` or `reconnecting`, and what the caller should know. At most one attempt is under way; between two of them is a jittered pause,
 * so that many callers who were cut off together do not come back together. Knows no page, no socket, no WebRTC.
 */

/** What an attempt may meet. With a code it is the server's answer; without, nobody answered. */
export type Trouble = Error & { code?: string; retryAfterS?: number };

export interface Attempts {
  /** From whatever is left to a call whose sound and picture flow. Rejects with `Trouble`, also when aborted. */
  join(signal: AbortSignal): Promise<void>;
  /** The same call over another way through the network. Rejects as `join` does. */
  repair(signal: AbortSignal): Promise<void>;
  /** Whether the call is whole now. */
  isAlive(): boolean;
}

export interface RecoveryEvents {
  state(state: 'live' | 'reconnecting'): void;
  /** Worth telling: what keeps the call from coming back. It is tried again. */
  trouble(trouble: Trouble): void;
  /** Trying again is pointless. */
  over(trouble: Trouble): void;
}

/** Nothing but the visitor or the operator changes these. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'TICKET_INVALID',
  'ACCESS_REQUIRED',
  'KEY_INVALID',
  'NOT_ALLOWED',
  'ORIGIN_REFUSED',
  'PORTRAIT_UNKNOWN',
]);
/** The server has a reason, and a time to come back. */
const WORTH_TELLING: ReadonlySet<string> = new Set(['SERVER_BUSY', 'RATE_LIMITED']);
/** Anything else is told once it has lasted. */
const PATIENCE_ATTEMPTS = 8;

const FIRST_PAUSE_MS = 400;
const PAUSE_MS = 1200;
/** So many attempts come soon after each other, a minute at least; then they become rarer. */
const SOON_ATTEMPTS = 60;
const MAX_PAUSE_MS = 10_000;
/** Of refusals: twice as long each time. */
const REFUSED_PAUSE_MS = 1000;
const MAX_REFUSED_PAUSE_MS = 15_000;
/** Of a time that the server named, so that not everyone comes at it. */
const SPREAD = 0.25;
/** A call that lasts so long has really come back: what comes next is another fault. */
const STABLE_MS = 10_000;

/**
 * @param attempt 0 is the first; after a refusal, how many there were in a row.
 * @param random 0 … 1.
 * @returns how long to wait before it.
 */
export function pauseMs(attempt: number, trouble: Trouble | undefined, random: number): number {
  if (trouble?.retryAfterS !== undefined) return trouble.retryAfterS * 1000 * (1 + SPREAD * random);
  if (attempt === 0) return FIRST_PAUSE_MS * random;
  const longestMs =
    trouble?.code === undefined
      ? Math.min(MAX_PAUSE_MS, PAUSE_MS * 1.5 ** Math.max(0, attempt - SOON_ATTEMPTS))
      : Math.min(MAX_REFUSED_PAUSE_MS, REFUSED_PAUSE_MS * 2 ** (attempt - 1));
  return longestMs * (0.25 + 0.75 * random);
}

const GIVEN_UP = new Error('the attempt was given up');

export class Recovery {
  private readonly attempts: Attempts;
  private readonly events: RecoveryEvents;
  private readonly random: () => number;
  /** Of the loop that is under way, if one is. */
  private loop: AbortController | undefined;
  private attempt: AbortController | undefined;
  private isFirst = false;
  private endPause: () => void = () => {};
  private count = 0;
  /** In a row: an attempt that nobody answered says nothing of how busy the server is. */
  private refusals = 0;
  private stable: ReturnType<typeof setTimeout> | undefined;

  constructor(attempts: Attempts, events: RecoveryEvents, random: () => number = Math.random) {
    this.attempts = attempts;
    this.events = events;
    this.random = random;
  }

  get isRunning(): boolean {
    return this.loop !== undefined;
  }

  /** The first join: one attempt. @throws Trouble. */
  async start(): Promise<void> {
    const loop = new AbortController();
    this.loop = loop;
    this.isFirst = true;
    try {
      await this.run(loop, false);
    } finally {
      this.isFirst = false;
      if (this.loop === loop) this.loop = undefined;
    }
    this.settle(loop);
    if (!loop.signal.aborted && !this.attempts.isAlive()) this.begin('join');
  }

  /**
   * Something was lost. Where a recovery is under way it goes on; only the attempt that lost its session gives way to another.
   * @param afterS the server asks to wait so long first.
   */
  begin(need: 'repair' | 'join', afterS?: number): void {
    if (this.loop) {
      if (need === 'join' && !this.isFirst) this.attempt?.abort();
      return;
    }
    clearTimeout(this.stable);
    const loop = new AbortController();
    this.loop = loop;
    this.events.state('reconnecting');
    void this.recover(loop, need === 'repair', afterS);
  }

  /** The network may be back: what waits goes on now. */
  hasten(): void {
    this.endPause();
  }

  /** Nothing more is tried. */
  end(): void {
    clearTimeout(this.stable);
    this.loop?.abort();
    this.loop = undefined;
    this.attempt?.abort();
    this.endPause();
  }

  private async recover(loop: AbortController, repairFirst: boolean, afterS: number | undefined): Promise<void> {
    let isRepair = repairFirst;
    let trouble: Trouble | undefined;
    if (afterS !== undefined) trouble = Object.assign(new Error('the server asked to wait'), { retryAfterS: afterS });
    while (!loop.signal.aborted) {
      if (!isRepair) {
        const attempt = trouble?.code === undefined ? this.count : this.refusals;
        await this.pause(pauseMs(attempt, trouble, this.random()));
        if (loop.signal.aborted) return;
        this.count += 1;
      }
      try {
        await this.run(loop, isRepair);
        if (loop.signal.aborted) return;
        // What it brought back may be gone again already.
        if (this.attempts.isAlive()) break;
        trouble = undefined;
      } catch (error) {
        if (loop.signal.aborted) return;
        trouble = isRepair || error === GIVEN_UP ? undefined : (error as Trouble);
        this.refusals = trouble?.code === undefined ? 0 : this.refusals + 1;
        if (trouble?.code !== undefined && FINAL_CODES.has(trouble.code)) {
          this.end();
          this.events.over(trouble);
          return;
        }
        if (trouble && (WORTH_TELLING.has(trouble.code ?? '') || this.count >= PATIENCE_ATTEMPTS))
          this.events.trouble(trouble);
      }
      isRepair = false;
    }
    if (loop.signal.aborted) return;
    this.loop = undefined;
    this.settle(loop);
  }

  private settle(loop: AbortController): void {
    if (loop.signal.aborted) return;
    this.stable = setTimeout(() => {
      this.count = 0;
    }, STABLE_MS);
    this.events.state('live');
  }

  private async run(loop: AbortController, isRepair: boolean): Promise<void> {
    const attempt = new AbortController();
    this.attempt = attempt;
    const { signal } = attempt;
    // Nothing that an attempt waits for, and cannot give up, keeps the next one from beginning.
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(GIVEN_UP)));
    try {
      await Promise.race([isRepair ? this.attempts.repair(signal) : this.attempts.join(signal), aborted]);
      loop.signal.throwIfAborted();
    } finally {
      aborted.catch(() => {});
      attempt.abort(); // whatever of it still waits for something
      this.attempt = undefined;
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
