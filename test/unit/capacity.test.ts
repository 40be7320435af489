// Admission: the rule by its numbers, and the meter that feeds it.
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Capacity, type CapacityOptions, type Load, type Machine, refusal } from '../../src/capacity.ts';
import type { StatsMessage } from '../../src/signaling/protocol.ts';

const machine: Machine = { cores: 2, workers: 2, fps: 25 };
const load = (change: Partial<Load> = {}): Load => ({
  drawn: 1,
  undrawn: 0,
  pictureMs: 7,
  mainShare: 0.05,
  lateShare: 0,
  ...change,
});

/** How many calls are let in, one after the other, when each takes `mainPerCall` of the main thread. */
function carried(on: Machine, pictureMs: number, mainPerCall = 0.04): number {
  let drawn = 0;
  while (drawn < 1000 && !refusal(on, load({ drawn, pictureMs, mainShare: drawn * mainPerCall }), 'server')) drawn++;
  return drawn;
}

describe('the rule', () => {
  it('carries as many calls as the cores can draw, and main thread and reserve allow', () => {
    // 25 × 7 ms = 0.175 core each, and 0.04 on the main thread: six are 1.29 cores, seven 1.51 of the 1.5 that are given.
    expect(carried(machine, 7)).toBe(6);
    expect(carried(machine, 14)).toBe(3);
    expect(carried({ cores: 1, workers: 1, fps: 25 }, 7)).toBe(3);
    expect(carried({ ...machine, fps: 50 }, 7)).toBeLessThan(carried(machine, 7));
    // Sixteen cores draw more than one main thread can send.
    expect(carried({ cores: 16, workers: 16, fps: 25 }, 7)).toBe(18);
  });

  it('never refuses the only caller, and refuses a second where one fills the machine', () => {
    expect(carried(machine, 60)).toBe(1);
    expect(refusal(machine, load({ drawn: 0, pictureMs: 1000, mainShare: 1, lateShare: 1 }), 'server')).toBeUndefined();
    expect(refusal(machine, load({ pictureMs: 60 }), 'server')).toMatch(/drawing thread/);
  });

  it('lets nobody in while pictures come late or the main thread is busy', () => {
    expect(refusal(machine, load(), 'server')).toBeUndefined();
    expect(refusal(machine, load({ lateShare: 0.1 }), 'server')).toMatch(/late/);
    expect(refusal(machine, load({ mainShare: 0.7 }), 'server')).toMatch(/main thread/);
  });

  it('has room for a page that draws itself where it has none for one that does not', () => {
    const full = load({ drawn: 6, mainShare: 0.24 });
    expect(refusal(machine, full, 'server')).toBeDefined();
    expect(refusal(machine, full, 'client')).toBeUndefined();
  });

  it('is monotone: what is refused stays refused with more of anything', () => {
    const arbitrary = fc.record({
      drawn: fc.integer({ min: 1, max: 40 }),
      undrawn: fc.integer({ min: 0, max: 40 }),
      pictureMs: fc.double({ min: 0.5, max: 60, noNaN: true }),
      mainShare: fc.double({ min: 0, max: 1, noNaN: true }),
      lateShare: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(arbitrary, (some) => {
        if (!refusal(machine, some, 'server')) return;
        expect(refusal(machine, { ...some, pictureMs: some.pictureMs + 1 }, 'server')).toBeDefined();
        expect(refusal(machine, { ...some, lateShare: some.lateShare + 0.1 }, 'server')).toBeDefined();
        expect(refusal(machine, { ...some, mainShare: some.mainShare + 0.1 }, 'server')).toBeDefined();
      }),
    );
  });
});

describe('the meter', () => {
  const stats = (change: Partial<StatsMessage> = {}): StatsMessage =>
    ({ fps: 25, heldFrames: 0, renderMs: 3, encodeMs: 3, ...change }) as StatsMessage;
  const [first, second] = [{}, {}];
  let calls = 0;
  let nowMs = 0;
  const open: Capacity[] = [];
  const meter = (change: Partial<CapacityOptions> = {}): Capacity => {
    const capacity = new Capacity({ ...machine, maxCalls: 0, callCount: () => calls, nowMs: () => nowMs, ...change });
    open.push(capacity);
    return capacity;
  };
  afterEach(() => {
    for (const capacity of open.splice(0)) capacity[Symbol.dispose]();
  });
  const busy = expect.objectContaining({ code: 'SERVER_BUSY', retryAfterS: expect.any(Number) });

  it('believes a busy machine over an idle measurement, and forgets calls that fell silent', () => {
    calls = 2;
    const capacity = meter();
    capacity.calibrated(5);
    expect(capacity.load.pictureMs).toBe(5);
    capacity.report(first, 'server', stats({ renderMs: 20, encodeMs: 10 }));
    capacity.report(second, 'client', stats({ renderMs: 0, encodeMs: 0 }));
    expect(capacity.load).toMatchObject({ pictureMs: 30, drawn: 1, undrawn: 1 });
    nowMs += 10_000;
    expect(capacity.load).toMatchObject({ pictureMs: 5, drawn: 2, undrawn: 0 });
  });

  it('counts pictures held in the last second, not since the call began', () => {
    calls = 2;
    const capacity = meter();
    capacity.calibrated(5);
    capacity.report(first, 'server', stats({ heldFrames: 100 }));
    capacity.report(first, 'server', stats({ heldFrames: 105 }));
    expect(capacity.load.lateShare).toBeCloseTo(5 / 25);
    expect(() => capacity.admit('server')).toThrowError(busy);
    capacity.report(first, 'server', stats({ heldFrames: 105 }));
    expect(() => capacity.admit('server')).not.toThrow();
  });

  it('lets those in again who were here a moment ago, whatever was measured since, but not past a configured number', () => {
    calls = 4;
    const capacity = meter();
    expect(() => capacity.admit('server')).toThrowError(busy);
    expect(() => capacity.admit('server', true)).not.toThrow();
    expect(() => meter({ maxCalls: 4 }).admit('server', true)).toThrowError(busy);
  });

  it('asks newcomers to wait no longer than measuring takes', () => {
    calls = 4;
    const capacity = meter();
    const soon = expect.objectContaining({ code: 'SERVER_BUSY', retryAfterS: 2 });
    expect(() => capacity.admit('server')).toThrowError(soon);
    capacity.calibrated(30);
    expect(() => capacity.admit('server')).not.toThrowError(soon);
    expect(() => capacity.admit('server')).toThrowError(busy);
  });

  describe('that was measured beside calls', () => {
    /** Answers in that order; `undefined` where there is nothing to measure, an Error where that fails. */
    const measuring = (results: { costs: number | undefined | Error; callsThen?: number }[]) => async () => {
      const { costs, callsThen = 0 } = results.shift()!;
      calls = callsThen;
      if (costs instanceof Error) throw costs;
      return costs;
    };
    const again = (
      capacity: Capacity,
      run: () => Promise<number | undefined>,
      signal = new AbortController().signal,
    ) => {
      const failures: Error[] = [];
      const done = capacity.measureAgain(run, {
        signal,
        failed: (error) => failures.push(error),
        pauseMs: 1,
        retryMs: 1,
      });
      return { failures, done };
    };

    it('measures again once there are none, until no call came meanwhile, and keeps the least', async () => {
      const capacity = meter();
      calls = 3;
      await capacity.measure(async () => 40);
      const results = [{ costs: 30, callsThen: 1 }, { costs: 6 }, { costs: 5 }];
      const { done } = again(capacity, measuring(results));
      await delay(30);
      expect(results, 'with calls under way').toHaveLength(3);
      expect(capacity.load.pictureMs).toBe(40);
      calls = 0;
      await delay(30);
      expect(results, 'a call came meanwhile').toHaveLength(2);
      expect(capacity.load.pictureMs).toBe(30);
      calls = 0;
      await done;
      expect(results).toHaveLength(1);
      expect(capacity.load.pictureMs).toBe(6);
      await capacity.measure(async () => 9);
      expect(capacity.load.pictureMs).toBe(6);
    });

    it('goes on although measuring fails or there is no face yet, and tells of failures', async () => {
      const capacity = meter();
      calls = 0;
      const results = [{ costs: undefined }, { costs: new Error('no face') }, { costs: 6 }];
      const { failures, done } = again(capacity, measuring(results));
      await done;
      expect(failures.map(({ message }) => message)).toEqual(['no face']);
      expect(capacity.load.pictureMs).toBe(6);
    });

    it('is not measured again after a quiet measurement, where a number is configured, or when the server stops', async () => {
      const never = async (): Promise<never> => expect.unreachable();
      calls = 0;
      const quiet = meter();
      await quiet.measure(async () => 6);
      await again(quiet, never).done;
      await again(meter({ maxCalls: 3 }), never).done;
      calls = 1;
      const stop = new AbortController();
      const { done } = again(meter(), never, stop.signal);
      stop.abort();
      await done;
    });
  });

  it('takes few calls until it has measured, and a configured number whatever was measured', () => {
    calls = 1;
    expect(() => meter().admit('server')).not.toThrow();
    calls = 4;
    expect(() => meter().admit('server')).toThrowError(busy);
    const fixed = meter({ maxCalls: 5 });
    fixed.calibrated(500);
    expect(() => fixed.admit('server')).not.toThrow();
    calls = 5;
    expect(() => fixed.admit('server')).toThrowError(busy);
  });
});
