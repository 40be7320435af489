// How a call comes back, in any order of cuts, refusals, wake-ups and ends: to life or to an end, one attempt at a time, jittered and soon.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pauseMs, Recovery, type Trouble } from '../../client/recovery.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const trouble = (code?: string, retryAfterS?: number): Trouble =>
  Object.assign(new Error(code ?? 'nobody answers'), code ? { code } : {}, retryAfterS ? { retryAfterS } : {});

/** A caller in a world that can be cut, refused, mended. */
class Caller {
  isReachable = true;
  refusal: Trouble | undefined;
  isAlive = false;
  state = 'joining';
  isOver = false;
  told: Trouble[] = [];
  attempts: { kind: 'join' | 'repair'; atMs: number; endMs: number }[] = [];
  inFlight = 0;
  mostInFlight = 0;
  attemptMs = 300;
  readonly recovery: Recovery;

  constructor(random: () => number = Math.random) {
    this.recovery = new Recovery(
      {
        join: (signal) => this.attempt('join', signal),
        repair: (signal) => this.attempt('repair', signal),
        isAlive: () => this.isAlive,
      },
      {
        state: (state) => {
          this.state = state;
        },
        trouble: (told) => void this.told.push(told),
        over: () => {
          this.isOver = true;
        },
      },
      random,
    );
  }

  private attempt(kind: 'join' | 'repair', signal: AbortSignal): Promise<void> {
    const record = { kind, atMs: Date.now(), endMs: Number.NaN };
    this.attempts.push(record);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        if (!Number.isNaN(record.endMs)) return;
        record.endMs = Date.now();
        this.inFlight -= 1;
        clearTimeout(timer);
        if (error) reject(error);
        else {
          this.isAlive = true;
          resolve();
        }
      };
      const timer = setTimeout(() => {
        if (!this.isReachable) settle(trouble());
        else settle(kind === 'join' ? this.refusal : undefined);
      }, this.attemptMs);
      signal.addEventListener('abort', () => settle(trouble()));
    });
  }

  async join(): Promise<void> {
    const joined = this.recovery.start();
    await vi.advanceTimersByTimeAsync(this.attemptMs);
    await joined;
  }

  lose(need: 'join' | 'repair'): void {
    this.isAlive = false;
    this.recovery.begin(need);
  }

  get joins(): number {
    return this.attempts.filter(({ kind }) => kind === 'join').length;
  }
}

describe('a recovery', () => {
  it('ends live or over, with one attempt at a time, whatever happens', async () => {
    const event = fc.oneof(
      fc.constantFrom('cut', 'mend', 'lose link', 'lose session', 'wake', 'busy', 'forgive').map((what) => ({ what })),
      fc.record({ what: fc.constant('wait'), ms: fc.nat({ max: 4000 }) }),
      fc.record({ what: fc.constant('slow'), ms: fc.integer({ min: 1, max: 2500 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 40 }),
        fc.constantFrom('nothing', 'end', 'forbid'),
        fc.integer(),
        async (events, last, seed) => {
          let state = seed;
          const random = (): number => {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
            return (state >>> 0) / 2 ** 32;
          };
          const caller = new Caller(random);
          await caller.join();
          for (const happening of events) {
            if (happening.what === 'cut') caller.isReachable = false;
            if (happening.what === 'mend') caller.isReachable = true;
            if (happening.what === 'lose link') caller.lose('repair');
            if (happening.what === 'lose session') caller.lose('join');
            if (happening.what === 'wake') caller.recovery.hasten();
            if (happening.what === 'busy') caller.refusal = trouble('SERVER_BUSY', 2);
            if (happening.what === 'forgive') caller.refusal = undefined;
            if (happening.what === 'slow') caller.attemptMs = (happening as { ms: number }).ms;
            if (happening.what === 'wait') await vi.advanceTimersByTimeAsync((happening as { ms: number }).ms);
          }
          caller.isReachable = true;
          caller.attemptMs = 100;
          caller.refusal = last === 'forbid' ? trouble('NOT_ALLOWED') : undefined;
          if (last === 'end') caller.recovery.end();
          await vi.advanceTimersByTimeAsync(30_000);
          const { joins } = caller;
          await vi.advanceTimersByTimeAsync(120_000);
          expect(caller.joins, 'nothing more is tried').toBe(joins);
          expect(caller.mostInFlight).toBe(1);
          expect(caller.inFlight).toBe(0);
          if (last === 'nothing') expect(caller.state).toBe('live');
          if (last !== 'end') expect(caller.isOver || (caller.state === 'live' && caller.isAlive)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comes back soon after any cut of up to two minutes, however it is timed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120_000 }), async (cutMs) => {
        const caller = new Caller();
        await caller.join();
        caller.isReachable = false;
        caller.attemptMs = 1500; // until an attempt into nothing is given up
        caller.lose('join');
        await vi.advanceTimersByTimeAsync(cutMs);
        caller.isReachable = true;
        caller.attemptMs = 200;
        await vi.advanceTimersByTimeAsync(3000);
        expect(caller.state).toBe('live');
      }),
      { numRuns: 100 },
    );
  });

  it('waits after a first refusal as after any first one, however long nobody had answered before', async () => {
    const caller = new Caller(() => 1);
    await caller.join();
    caller.isReachable = false;
    caller.lose('join');
    await vi.advanceTimersByTimeAsync(30_000);
    caller.isReachable = true;
    caller.refusal = trouble('SIGNALING_INVALID');
    const { joins } = caller;
    while (caller.joins < joins + 2) await vi.advanceTimersByTimeAsync(10);
    caller.refusal = undefined;
    await vi.advanceTimersByTimeAsync(2000);
    expect(caller.state).toBe('live');
  });

  it('comes back at once where the page is told that the network is there', async () => {
    const caller = new Caller(() => 1);
    await caller.join();
    caller.isReachable = false;
    caller.lose('join');
    await vi.advanceTimersByTimeAsync(400 + 300 + 10);
    caller.isReachable = true;
    caller.recovery.hasten();
    await vi.advanceTimersByTimeAsync(caller.attemptMs);
    expect(caller.state).toBe('live');
  });

  it('mends the link of a call first, and joins anew where that is in vain or the session is lost meanwhile', async () => {
    const caller = new Caller();
    await caller.join();
    caller.lose('repair');
    await vi.advanceTimersByTimeAsync(300);
    expect(caller.state).toBe('live');
    caller.attemptMs = 60_000;
    caller.lose('repair');
    await vi.advanceTimersByTimeAsync(100);
    caller.attemptMs = 300;
    caller.lose('join');
    await vi.advanceTimersByTimeAsync(3000);
    expect(caller.attempts.map(({ kind }) => kind)).toEqual(['join', 'repair', 'repair', 'join']);
    expect(caller.state).toBe('live');
  });

  it('says nothing of a cut, tells what the server refuses and when it wants to be asked, and asks then', async () => {
    const caller = new Caller();
    await caller.join();
    caller.isReachable = false;
    caller.lose('join');
    await vi.advanceTimersByTimeAsync(3000);
    expect(caller.told).toEqual([]);
    caller.isReachable = true;
    caller.refusal = trouble('SERVER_BUSY', 20);
    await vi.advanceTimersByTimeAsync(3000);
    expect(caller.told.map(({ code }) => code)).toEqual(['SERVER_BUSY']);
    const { joins } = caller;
    await vi.advanceTimersByTimeAsync(16_000);
    expect(caller.joins).toBe(joins);
    caller.refusal = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(caller.state).toBe('live');
  });

  it('gives up where only somebody else can change the answer', async () => {
    for (const code of ['TICKET_INVALID', 'NOT_ALLOWED', 'ORIGIN_REFUSED', 'PORTRAIT_UNKNOWN']) {
      const caller = new Caller();
      await caller.join();
      caller.refusal = trouble(code);
      caller.lose('join');
      await vi.advanceTimersByTimeAsync(60_000);
      expect(caller.isOver, code).toBe(true);
      expect(caller.joins, code).toBe(2);
    }
  });

  it('tries ever more rarely where it is let in and thrown out again', async () => {
    const caller = new Caller();
    await caller.join();
    caller.refusal = trouble('INTERNAL');
    caller.lose('join');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(caller.joins).toBeLessThan(16);
    expect(caller.told.length).toBeGreaterThan(0);
  });
});

describe('the pause before an attempt', () => {
  it('is bounded, and spreads callers who were cut off together', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1000 }),
        fc.constantFrom(undefined, trouble(), trouble('INTERNAL'), trouble('SERVER_BUSY', 10)),
        (attempt, before) => {
          const pauses = [0, 0.25, 0.5, 0.75, 1].map((random) => pauseMs(attempt, before, random));
          const [shortest, longest] = [Math.min(...pauses), Math.max(...pauses)];
          expect(new Set(pauses).size).toBe(5);
          expect(longest).toBeLessThanOrEqual(15_000);
          expect(longest - shortest).toBeGreaterThan(longest * 0.19);
          if (before?.retryAfterS) expect(shortest).toBeGreaterThanOrEqual(before.retryAfterS * 1000);
          else if (attempt > 0) expect(shortest).toBeGreaterThanOrEqual(250);
          if (before?.code === undefined && attempt < 60) expect(longest).toBeLessThanOrEqual(1200);
        },
      ),
    );
  });
});
