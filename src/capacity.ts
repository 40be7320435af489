/**
 * How many calls this machine carries. In: what a picture was measured to cost, what running calls report once a second, how busy the main
 * thread is. Out: room for one more, or why not. The rule is pure (`refusal`); `Capacity` feeds it. No newcomer is let in who would push
 * anyone below the configured picture rate; who was here a moment ago is let in again, whatever was measured since.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from './errors.ts';
import type { Render, StatsMessage } from './signaling/protocol.ts';

/** Of a core that draws; the rest absorbs pictures that cost more than the mean. */
const MAX_WORKER_SHARE = 0.7;
/** Of all cores together; the rest is for signaling, synthesis and the system. */
const MAX_TOTAL_SHARE = 0.75;
/** Of the main thread, whose stalls every call hears. */
const MAX_MAIN_SHARE = 0.75;
/** Sound, packets and pacing of one call, share of the main thread, until it has been seen. */
const FIRST_MAIN_SHARE = 0.05;
/** A call whose page draws costs a worker this much, cores: motion without pictures. */
const MOTION_ONLY_CORES = 0.02;
const MAX_LATE_SHARE = 0.05;

export interface Load {
  /** Calls drawn here, and calls drawn by their pages. */
  drawn: number;
  undrawn: number;
  /** Drawing and encoding one picture, ms. */
  pictureMs: number;
  /** Share of the main thread in use, 0 … 1. */
  mainShare: number;
  /** Share of the pictures of the last second that came too late, 0 … 1. */
  lateShare: number;
}

export interface Machine {
  cores: number;
  /** Threads that draw. */
  workers: number;
  fps: number;
}

/** @returns why a further call (`render` says who draws it) is not taken; undefined when there is room. The only caller is never refused. */
export function refusal(machine: Machine, load: Load, render: Render): string | undefined {
  const { cores, workers, fps } = machine;
  const calls = load.drawn + load.undrawn;
  if (calls === 0) return undefined;
  if (load.lateShare > MAX_LATE_SHARE) return 'pictures of running calls come late';
  const mainPerCall = Math.max(FIRST_MAIN_SHARE / 2, load.mainShare / calls);
  if (load.mainShare + mainPerCall > MAX_MAIN_SHARE) return 'the main thread is busy';
  const drawnCores = (fps * load.pictureMs) / 1000;
  const drawn = load.drawn + (render === 'server' ? 1 : 0);
  const undrawn = load.undrawn + (render === 'client' ? 1 : 0);
  // Calls are spread evenly, so the fullest worker has the rounded-up share.
  if (render === 'server' && Math.ceil(drawn / workers) * drawnCores > MAX_WORKER_SHARE)
    return 'every drawing thread is full';
  const total = drawn * drawnCores + undrawn * MOTION_ONLY_CORES + load.mainShare + mainPerCall;
  return total > cores * MAX_TOTAL_SHARE ? 'every core is busy' : undefined;
}

const REPORT_LIFETIME_MS = 3000;
const MAIN_WINDOW_MS = 1000;
const BUSY_RETRY_S = 10;
/** Before the first measurement, which is a matter of seconds. */
const UNMEASURED_RETRY_S = 2;
const MAX_ESTIMATE = 1000;
/** Between two looks whether no call is under way, and after a measurement that failed. */
const MEASURE_PAUSE_MS = 5000;
const MEASURE_RETRY_MS = 60_000;

interface Report {
  atMs: number;
  render: Render;
  stats: StatsMessage;
  /** Held since the report before. */
  held: number;
}

export interface CapacityOptions extends Machine {
  /** Most calls, whatever was measured; 0: what was measured. */
  maxCalls: number;
  /** Calls under way. */
  callCount: () => number;
  nowMs?: () => number;
  /** Told once a second how many calls fit. */
  estimated?: (most: number) => void;
  /** Of the main thread, share since the last time it was asked. */
  mainShare?: () => number;
}

type Measurement = () => Promise<number | undefined>;

export interface MeasureAgainOptions {
  /** Ends it. */
  signal: AbortSignal;
  failed: (error: Error) => void;
  pauseMs?: number;
  retryMs?: number;
}

export class Capacity implements Disposable {
  private readonly options: CapacityOptions;
  private readonly nowMs: () => number;
  private readonly reports = new Map<object, Report>();
  private calibratedMs: number | undefined;
  private isMeasuredAlone = false;
  private mainShare = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(options: CapacityOptions) {
    this.options = options;
    this.nowMs = options.nowMs ?? (() => performance.now());
    const measure = options.mainShare ?? mainThreadShare();
    this.timer = setInterval(() => {
      this.mainShare = measure();
      options.estimated?.(this.most);
    }, MAIN_WINDOW_MS).unref();
  }

  /** What a picture of a talking face costs here. Measured several times, the least counts: the rest was other work. */
  calibrated(pictureMs: number): void {
    this.calibratedMs = Math.min(pictureMs, this.calibratedMs ?? Number.POSITIVE_INFINITY);
  }

  /** @param run measures what a picture costs, ms; undefined where there is none to measure. */
  async measure(run: Measurement): Promise<void> {
    const { callCount } = this.options;
    const before = callCount();
    const pictureMs = await run();
    if (pictureMs === undefined) return;
    this.calibrated(pictureMs);
    // Beside calls it came out too dear.
    this.isMeasuredAlone = before === 0 && callCount() === 0;
  }

  /** Measures whenever no call is under way, until none came meanwhile. */
  async measureAgain(run: Measurement, options: MeasureAgainOptions): Promise<void> {
    const { signal, failed, pauseMs = MEASURE_PAUSE_MS, retryMs = MEASURE_RETRY_MS } = options;
    let waitMs = pauseMs;
    while (!this.isMeasuredAlone && this.options.maxCalls === 0) {
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      if (this.options.callCount() > 0) continue;
      try {
        await this.measure(run);
        waitMs = pauseMs;
      } catch (error) {
        if (signal.aborted) return;
        failed(error as Error);
        waitMs = retryMs;
      }
    }
  }

  /** What a call said about its last second. */
  report(call: object, render: Render, stats: StatsMessage): void {
    const before = this.reports.get(call);
    const held = Math.max(0, stats.heldFrames - (before?.stats.heldFrames ?? 0));
    this.reports.set(call, { atMs: this.nowMs(), render, stats, held });
  }

  get load(): Load {
    const { fps, callCount } = this.options;
    for (const [call, { atMs }] of this.reports)
      if (this.nowMs() - atMs > REPORT_LIFETIME_MS) this.reports.delete(call);
    const reports = [...this.reports.values()];
    const drawnReports = reports.filter(({ render }) => render === 'server');
    const undrawn = reports.length - drawnReports.length;
    const seenMs = drawnReports.map(({ stats }) => stats.renderMs + stats.encodeMs);
    const held = drawnReports.reduce((sum, report) => sum + report.held, 0);
    const calls = callCount();
    return {
      drawn: calls - Math.min(calls, undrawn),
      undrawn: Math.min(calls, undrawn),
      // Idle faces are cheaper than talking ones, and all may talk at once; a machine with other work is slower than it was alone.
      pictureMs: Math.max(this.calibratedMs ?? UNMEASURED_MS, mean(seenMs)),
      mainShare: this.mainShare,
      lateShare: held / Math.max(1, drawnReports.length * fps),
    };
  }

  /** How many calls fit, those under way included, if each further one costs what they do. */
  get most(): number {
    const { maxCalls, callCount } = this.options;
    if (maxCalls > 0) return maxCalls;
    let { load } = this;
    let calls = callCount();
    const mainPerCall = calls === 0 ? FIRST_MAIN_SHARE : Math.max(FIRST_MAIN_SHARE / 2, load.mainShare / calls);
    while (calls < MAX_ESTIMATE && !refusal(this.options, load, 'server')) {
      calls += 1;
      load = { ...load, drawn: load.drawn + 1, mainShare: load.mainShare + mainPerCall };
    }
    return calls;
  }

  /** @param isBack the caller was here a moment ago. @returns why a further call would not fit; undefined when it does. */
  refusal(render: Render, isBack = false): string | undefined {
    const { maxCalls, callCount } = this.options;
    if (maxCalls > 0) return callCount() >= maxCalls ? `all ${maxCalls} lines are taken` : undefined;
    // Many who come back at once keep the main thread busy; that is not what they cost.
    return isBack ? undefined : refusal(this.options, this.load, render);
  }

  /** @throws AppError SERVER_BUSY when a further call would not fit. */
  admit(render: Render, isBack = false): void {
    const why = this.refusal(render, isBack);
    if (!why) return;
    const calls = this.options.callCount();
    throw new AppError(
      'SERVER_BUSY',
      `The server is full (${calls} ${calls === 1 ? 'call' : 'calls'}; ${why}); try again in a moment.`,
      {
        retryAfterS: this.isMeasured ? BUSY_RETRY_S : UNMEASURED_RETRY_S,
      },
    );
  }

  private get isMeasured(): boolean {
    return this.options.maxCalls > 0 || this.calibratedMs !== undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}

/** Until the first measurement: a picture that lets one core carry one call. */
const UNMEASURED_MS = 20;

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function mainThreadShare(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/** Cores that this process may use: a container's quota counts, not the machine around it. */
export function availableCores(): number {
  const cores = availableParallelism();
  try {
    const [quotaUs, periodUs] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ').map(Number);
    return quotaUs! > 0 && periodUs! > 0 ? Math.max(1, Math.min(cores, quotaUs! / periodUs!)) : cores;
  } catch {
    return cores; // no control groups here
  }
}
