// Readiness and liveness: what a balancer and an orchestrator are told, and what it costs to ask.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Liveness } from '../../src/signaling/liveness.ts';
import { Readiness, type ReadinessStatus } from '../../src/signaling/readiness.ts';

describe('readiness', () => {
  it.each<[ReadinessStatus, ReadinessStatus[]]>([
    ['ready', []],
    ['full', ['full']],
    ['starting', ['full', 'starting']],
    ['starting', ['not ready', 'starting']],
    ['not ready', ['not ready', 'full']],
    ['draining', ['not ready', 'draining', 'starting']],
  ])('is the first that counts of what its checks say: %s', async (status, failing) => {
    const checks = failing.map((each) => ({
      name: each,
      ...(each === 'not ready' ? {} : { status: each as 'full' }),
      check: () => 'wrong',
    }));
    const answer = await new Readiness([{ name: 'fine', check: () => undefined }, ...checks]).ask();
    expect(answer.status).toBe(status);
    expect(answer.checks[0]).toEqual({ name: 'fine', isOk: true });
  });

  it('counts a check that throws as failed, with what it threw', async () => {
    const check = () => Promise.reject(new Error('no such host'));
    expect(await new Readiness([{ name: 'llm', check }]).ask()).toEqual({
      status: 'not ready',
      checks: [{ name: 'llm', isOk: false, detail: 'no such host' }],
    });
  });

  it('runs its checks once for all who ask within a second, and anew when it is told to forget', async () => {
    let nowMs = 0;
    let runs = 0;
    const check = () => {
      runs += 1;
      return undefined;
    };
    const readiness = new Readiness([{ name: 'x', check }], undefined, () => nowMs);
    await Promise.all([readiness.ask(), readiness.ask()]);
    nowMs = 999;
    await readiness.ask();
    expect(runs).toBe(1);
    nowMs = 1000;
    await readiness.ask();
    expect(runs).toBe(2);
    readiness.forget();
    await readiness.ask();
    expect(runs).toBe(3);
  });

  it('tells of each change, once', async () => {
    let wrong: string | undefined = 'not yet';
    const told: ReadinessStatus[] = [];
    const readiness = new Readiness(
      [{ name: 'x', status: 'starting', check: () => wrong }],
      ({ status }) => void told.push(status),
      () => Number.POSITIVE_INFINITY,
    );
    await readiness.ask();
    await readiness.ask();
    wrong = undefined;
    await readiness.ask();
    expect(told).toEqual(['starting', 'ready']);
  });
});

describe('liveness', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is lost when the threads have not answered for half a minute, and comes back with their answer', async () => {
    let answer = (): void => {};
    let asked = 0;
    using liveness = new Liveness(() => {
      asked += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    await vi.advanceTimersByTimeAsync(29_000);
    expect(liveness.problem).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1000);
    expect(liveness.problem).toMatch(/not answered for 30 s/);
    expect(asked).toBe(6);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(liveness.problem).toBeUndefined();
  });

  it('says what a thread died of', async () => {
    using liveness = new Liveness(() => Promise.reject(new Error('it dies at its start')));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(liveness.problem).toMatch(/it dies at its start/);
  });
});
