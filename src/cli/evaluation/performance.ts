/**
 * How head and eyes live, as numbers, and whether they lie where real speakers' do. In: motion frames at 25 Hz. Out: measures by the same
 * definitions as training/evaluate/real_performance.py, whose quartiles over real clips are models/real-performance.json.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MotionFrame } from '../../engine/motion-frame.ts';
import { quantile } from '../../media/quantile.ts';
import { modelsDir } from '../../paths.ts';

export const EVALUATION_FPS = 25;
const DEG = 180 / Math.PI;
const SHIFT_DEG = 5;
const SHIFT_FRAMES = 3;

export type PerformanceMeasure =
  | 'headStepDeg'
  | 'headSpreadDeg'
  | 'headAccelerationDegS2'
  | 'headJerkDegS3'
  | 'blinksPerMinute'
  | 'blinkS'
  | 'blinkIntervalCv'
  | 'gazeShiftsPerMinute'
  | 'gazeSpreadDeg'
  | 'browSpread'
  | 'browStep';

export type RealPerformance = Record<PerformanceMeasure, { clips: number; quartiles: [number, number, number] }>;

export function readRealPerformance(): RealPerformance {
  return JSON.parse(readFileSync(join(modelsDir, 'real-performance.json'), 'utf8')) as RealPerformance;
}

/** What cannot be said of so few frames is left out. */
export function measurePerformance(frames: readonly MotionFrame[]): Partial<Record<PerformanceMeasure, number>> {
  const axes = (['yawRad', 'pitchRad', 'rollRad'] as const).map((axis) =>
    smoothed(frames.map(({ pose }) => pose[axis] * DEG)),
  );
  const change = (order: number): number[][] => axes.map((axis) => difference(axis, order));
  const [steps, bends, jerks] = [change(1), change(2), change(3)];
  const minutes = frames.length / EVALUATION_FPS / 60;
  const blinks = blinkSpans(frames.map(({ blendshapes: b }) => ((b.eyeBlinkLeft ?? 0) + (b.eyeBlinkRight ?? 0)) / 2));
  const yaw = medians(frames.map(({ gaze }) => gaze.yawRad * DEG));
  const pitch = medians(frames.map(({ gaze }) => gaze.pitchRad * DEG));
  const down = (b: MotionFrame['blendshapes']): number => ((b.browDownLeft ?? 0) + (b.browDownRight ?? 0)) / 2;
  const brows = [
    frames.map(({ blendshapes: b }) => ((b.browOuterUpLeft ?? 0) + (b.browOuterUpRight ?? 0)) / 2 - down(b)),
    frames.map(({ blendshapes: b }) => (b.browInnerUp ?? 0) - down(b)),
  ].map(smoothed);
  const browSteps = brows.map((brow) => difference(brow, 1));
  const intervals = difference(
    blinks.map(([start]) => start),
    1,
  );
  return {
    headStepDeg: mean(steps[0].map((_, i) => Math.hypot(...steps.map((axis) => axis[i])))),
    headSpreadDeg: Math.sqrt(mean(axes.map(variance))),
    headAccelerationDegS2: rms(bends.flat()) * EVALUATION_FPS ** 2,
    headJerkDegS3: rms(jerks.flat()) * EVALUATION_FPS ** 3,
    blinksPerMinute: blinks.length / minutes,
    ...(blinks.length > 0
      ? {
          blinkS: quantile(
            blinks.map(([start, end]) => (end - start) / EVALUATION_FPS),
            0.5,
          ),
        }
      : {}),
    ...(intervals.length > 3 ? { blinkIntervalCv: Math.sqrt(variance(intervals)) / mean(intervals) } : {}),
    gazeShiftsPerMinute: gazeShifts(yaw, pitch) / minutes,
    gazeSpreadDeg: Math.sqrt((variance(yaw) + variance(pitch)) / 2),
    browSpread: Math.sqrt(mean(brows.map(variance))),
    browStep: mean(browSteps[0].map((_, i) => Math.hypot(...browSteps.map((brow) => brow[i])))),
  };
}

/** Frames from the lid's passing half-way down until it is open again. */
export function blinkSpans(lid: readonly number[]): [start: number, end: number][] {
  const spans: [number, number][] = [];
  let start: number | undefined;
  for (const [i, value] of lid.entries()) {
    if (start === undefined && value > 0.5) start = i;
    else if (start !== undefined && value < 0.3) {
      spans.push([start, i]);
      start = undefined;
    }
  }
  return spans;
}

function gazeShifts(yawDeg: readonly number[], pitchDeg: readonly number[]): number {
  let count = 0;
  let wait = 0;
  for (let i = SHIFT_FRAMES; i < yawDeg.length; i++) {
    wait -= 1;
    const shiftDeg = Math.hypot(yawDeg[i] - yawDeg[i - SHIFT_FRAMES], pitchDeg[i] - pitchDeg[i - SHIFT_FRAMES]);
    if (wait >= 0 || shiftDeg <= SHIFT_DEG) continue;
    count += 1;
    wait = SHIFT_FRAMES;
  }
  return count;
}

/**
 * Root mean square of a difference across boundaries ÷ elsewhere: 1 where no seam shows.
 *
 * @param order 2 for accelerations, 1 where boundaries are too close for them. @param isSeam whether frame i is the first after a boundary.
 */
export function seamRatio(
  series: readonly (readonly number[])[],
  order: 1 | 2,
  isSeam: (index: number) => boolean,
): number {
  const at: number[] = [];
  const between: number[] = [];
  for (const values of series)
    for (const [i, change] of difference(values, order).entries())
      (isSeam(i + 1) || (order === 2 && isSeam(i + 2)) ? at : between).push(change);
  return rms(at) / rms(between);
}

/** Asked against done: the eyes' mean direction in the camera's frame, and the mean size of the head. */
export function measureControls(
  frames: readonly MotionFrame[],
  asked: { yawRad: number; pitchRad: number; headDistance: number },
): { gazeErrorDeg: number; distanceErrorPercent: number; freezes: number } {
  const yawRad = mean(frames.map(({ gaze, pose }) => gaze.yawRad + pose.yawRad));
  const pitchRad = mean(frames.map(({ gaze, pose }) => gaze.pitchRad + pose.pitchRad));
  const scale = mean(frames.map(({ pose }) => pose.scale));
  return {
    gazeErrorDeg: Math.hypot(yawRad - asked.yawRad, pitchRad - asked.pitchRad) * DEG,
    distanceErrorPercent: 100 * Math.abs(scale * asked.headDistance - 1),
    freezes: freezes(frames),
  };
}

/** Stretches of more than half a second in which nothing at all moves. */
function freezes(frames: readonly MotionFrame[]): number {
  let count = 0;
  let still = 0;
  for (let i = 1; i < frames.length; i++) {
    const [a, b] = [frames[i - 1], frames[i]];
    const isSame = JSON.stringify([a.pose, a.gaze, a.blendshapes]) === JSON.stringify([b.pose, b.gaze, b.blendshapes]);
    still = isSame ? still + 1 : 0;
    if (still === EVALUATION_FPS / 2 - 0.5) count += 1;
  }
  return count;
}

function smoothed(values: readonly number[]): number[] {
  return values.map((value, i) => 0.25 * (values[i - 1] ?? value) + 0.5 * value + 0.25 * (values[i + 1] ?? value));
}

/** Of five. */
function medians(values: readonly number[]): number[] {
  return values.map((_, i) => quantile(values.slice(Math.max(i - 2, 0), i + 3), 0.5));
}

export function difference(values: readonly number[], order: number): number[] {
  if (order === 0) return [...values];
  return difference(
    values.slice(1).map((value, i) => value - values[i]),
    order - 1,
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const rms = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => value * value)));

function variance(values: readonly number[]): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
}
