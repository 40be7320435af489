// A process for work on what strangers send: each way to misbehave ends it, is named, and costs the request under way alone.
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { LimitedProcess, type ProcessLimits } from '../../src/media/limited-process.ts';
import type { Work } from '../support/limited-work.ts';

const MODULE = new URL('../support/limited-work.ts', import.meta.url);
const LIMITS: ProcessLimits = { memoryMb: 400, cpuS: 60, timeS: 60, isLowPriority: true };
let limited: LimitedProcess<Work, unknown>;
const open = (limits: Partial<ProcessLimits> = {}, idleS?: number): LimitedProcess<Work, unknown> => {
  limited = new LimitedProcess<Work, unknown>(MODULE, { ...LIMITS, ...limits }, idleS);
  return limited;
};
afterEach(() => limited[Symbol.asyncDispose]());

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a limited process', () => {
  it('answers in order, at low priority, without our secrets, and stays for the next question', async () => {
    process.env.VISAVIS_TEST_SECRET = 'x';
    open();
    const answers = await Promise.all([limited.ask('answer'), limited.ask('priority'), limited.ask('environment')]);
    delete process.env.VISAVIS_TEST_SECRET;
    expect(answers.slice(0, 2)).toEqual(['answered', constants.priority.PRIORITY_LOW]);
    expect(answers[2]).not.toContain('VISAVIS_TEST_SECRET');
    const { pid } = limited;
    await limited.ask('answer');
    expect(limited.pid).toBe(pid);
  });

  it.skipIf(process.platform !== 'linux')('has its memory limit from the system, not from good will', async () => {
    open();
    await limited.ask('answer');
    const limits = await readFile(`/proc/${limited.pid}/limits`, 'utf8');
    expect(limits).toMatch(new RegExp(`Max data size +${400 * 2 ** 20} +${400 * 2 ** 20} `));
  });

  it.each([
    ['too much memory, outside of the script heap', 'allocate', {}, 'memory|crash'],
    ['too much processor time', 'spin', { cpuS: 1 }, 'cpu'],
    ['too much time', 'sleep', { timeS: 3 }, 'time'],
    ['a crash', 'crash', {}, 'crash'],
    ['an exit', 'exit', {}, 'crash'],
  ] as const)('that exceeds its %s is killed, and replaced for those who wait', async (_what, work, limits, why) => {
    open(limits);
    await limited.ask('answer');
    const pid = limited.pid!;
    const [harm, ...others] = await Promise.allSettled([
      limited.ask(work),
      limited.ask('answer'),
      limited.ask('answer'),
    ]);
    expect((harm as PromiseRejectedResult).reason.why).toMatch(new RegExp(`^(${why})$`));
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(limited.pid).not.toBe(pid);
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(limited.failedStarts).toBe(0);
  });

  it('killed from outside in the middle of its work is a crash, and the next question is answered', async () => {
    open();
    await limited.ask('answer');
    const harm = limited.ask('sleep').catch((error) => error);
    process.kill(limited.pid!, 'SIGKILL');
    expect(await harm).toMatchObject({ why: 'crash' });
    expect(await limited.ask('answer')).toBe('answered');
  });

  it('that never comes up says so', async () => {
    limited = new LimitedProcess(new URL('./no-such-module.ts', import.meta.url), LIMITS);
    await expect(limited.ask('answer')).rejects.toMatchObject({ why: 'start' });
    expect(limited.failedStarts).toBe(1);
  });

  it('ends when nobody asks, and with its owner', async () => {
    open({}, 0.2);
    await limited.ask('answer');
    const idle = limited.pid!;
    await expect.poll(() => isAlive(idle), { timeout: 10_000 }).toBe(false);
    await limited.ask('answer');
    const { pid } = limited;
    const pending = limited.ask('sleep').catch((error) => error);
    await limited[Symbol.asyncDispose]();
    expect(isAlive(pid!)).toBe(false);
    expect(await pending).toMatchObject({ why: 'disposed' });
    await expect(limited.ask('answer')).rejects.toMatchObject({ why: 'disposed' });
  });
});
