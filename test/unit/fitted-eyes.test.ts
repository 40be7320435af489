// The fitted eyes: same seed, same eyes; blinks, rests and brows as they were fitted; controls and activities obeyed; a damaged file is named.
import { describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { BlinkSource } from '../../src/engine/motion/blinks.ts';
import { BrowSource } from '../../src/engine/motion/brows.ts';
import { parseEyePrior } from '../../src/engine/motion/eye-prior.ts';
import { FittedHead } from '../../src/engine/motion/fitted-head.ts';
import { GazeSource } from '../../src/engine/motion/gaze.ts';
import { IdlePerformance } from '../../src/engine/motion/idle.ts';
import { loadEyePrior, loadHeadPrior } from '../../src/engine/motion/load-priors.ts';
import {
  NO_CALLER,
  PERFORMANCE_HZ,
  type Performance,
  type PerformanceInput,
} from '../../src/engine/motion/performance-source.ts';

const DEG = 180 / Math.PI;
const prior = loadEyePrior();
const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[Math.floor(values.length / 2)]!;

function inputs(
  seconds: number,
  activity: PerformanceInput['activity'],
  asked: Parameters<typeof resolveControls>[0] = {},
): PerformanceInput[] {
  const controls = resolveControls({ seed: 1, ...asked });
  return Array.from({ length: seconds * PERFORMANCE_HZ }, (_, tick) => ({
    tick,
    activity,
    caller: NO_CALLER,
    loudness: activity === 'speaking' ? 0.4 + 0.3 * Math.sin(tick / 7) : 0,
    emphasis: 0,
    isPhraseEnd: false,
    controls,
  }));
}

describe('the gaze', () => {
  const looks = (seed: number, activity: PerformanceInput['activity'], asked = {}, seconds = 60) => {
    const gaze = new GazeSource(prior.gaze, seed);
    return inputs(seconds, activity, asked).map((input) => gaze.next(input));
  };

  it('rests as long as tracked eyes do, and jumps as quickly as eyes can', () => {
    const rests: number[] = [];
    for (const seed of SEEDS) {
      let last: number | undefined;
      for (const [tick, { saccadeDeg }] of looks(seed, 'speaking').entries()) {
        if (saccadeDeg === 0) continue;
        if (last !== undefined) rests.push((tick - last) / PERFORMANCE_HZ);
        last = tick;
      }
    }
    const fitted = Math.exp(prior.gaze.logDwell.mean);
    expect(median(rests) / fitted).toBeGreaterThan(0.85);
    expect(median(rests) / fitted).toBeLessThan(1.25);
    expect(sorted(rests)[Math.floor(0.9 * rests.length)]! / median(rests)).toBeGreaterThan(1.6);
  });

  it('is on average where it was asked to be, whoever it is and whatever they do', () => {
    const asked = { gaze: { yawRad: -0.3, pitchRad: 0.12 } };
    for (const activity of ['speaking', 'listening', 'idle'] as const)
      for (const seed of SEEDS.slice(0, 8)) {
        const targets = looks(seed, activity, asked).map(({ target }) => target);
        const off = Math.hypot(
          mean(targets.map(({ yawRad }) => yawRad)) + 0.3,
          mean(targets.map(({ pitchRad }) => pitchRad)) - 0.12,
        );
        expect(off * DEG, `${activity}, seed ${seed}`).toBeLessThan(2);
      }
  });

  it('strays less from who is listened to than from who is talked to, and rests aside in thought', () => {
    const away = (activity: PerformanceInput['activity']): number =>
      mean(
        SEEDS.flatMap((seed) =>
          looks(seed, activity, {}, 20).map(({ target }) => Math.hypot(target.yawRad, target.pitchRad) * DEG),
        ),
      );
    expect(away('listening')).toBeLessThan(0.7 * away('speaking'));
    expect(away('thinking')).toBeGreaterThan(2 * away('speaking'));
  });
});

describe('blinks', () => {
  const lids = (seed: number, talk: number, seconds = 120, headDegPerFrame = 0.8): number[] => {
    const blinks = new BlinkSource(prior.blinks, seed);
    return Array.from({ length: seconds * PERFORMANCE_HZ }, (_, tick) =>
      blinks.next({ tick, talk, isPhraseEnd: false, saccadeDeg: 0, headDegPerFrame }),
    );
  };
  const starts = (lid: readonly number[]): number[] =>
    lid.flatMap((value, i) => (value > 0.4 && (lid[i - 1] ?? 0) <= 0.4 ? [i / PERFORMANCE_HZ] : []));

  it('come as often as those of speakers, less often from who is quiet, more often while the head turns', () => {
    const perMinute = (talk: number, head = 0.8): number =>
      mean(SEEDS.map((seed) => starts(lids(seed, talk, 120, head)).length / 2));
    const talking = perMinute(1);
    expect(talking).toBeGreaterThan(18);
    expect(talking).toBeLessThan(34);
    expect(perMinute(0)).toBeLessThan(0.8 * talking);
    expect(perMinute(1, 2)).toBeGreaterThan(1.2 * talking);
  });

  it('vary: intervals, depths and lengths; every one opens again, and opens slower than it closes', () => {
    const intervals: number[] = [];
    const depths: number[] = [];
    let closing = 0;
    let opening = 0;
    for (const seed of SEEDS) {
      const lid = lids(seed, 1);
      const at = starts(lid);
      intervals.push(...at.slice(1).map((timeS, i) => timeS - at[i]!));
      for (const timeS of at) {
        const from = Math.round(timeS * PERFORMANCE_HZ);
        depths.push(Math.max(...lid.slice(from, from + 10)));
      }
      for (let i = 1; i < lid.length; i++)
        if (lid[i]! > lid[i - 1]!) closing += 1;
        else if (lid[i]! < lid[i - 1]!) opening += 1;
      expect(Math.max(...lid)).toBeLessThanOrEqual(1);
      expect(lid.filter((value) => value < 0.05).length / lid.length).toBeGreaterThan(0.6);
    }
    const spread = Math.sqrt(mean(intervals.map((value) => (value - mean(intervals)) ** 2))) / mean(intervals);
    expect(spread).toBeGreaterThan(0.5);
    expect(spread).toBeLessThan(1.2);
    expect(intervals.filter((value) => value < 0.6).length).toBeGreaterThan(0);
    const incomplete = depths.filter((depth) => depth < 0.8).length / depths.length;
    expect(incomplete).toBeGreaterThan(0.05);
    expect(incomplete).toBeLessThan(0.45);
    expect(opening).toBeGreaterThan(1.3 * closing);
  });
});

describe('brows', () => {
  const play = (seed: number, pitchDeg = 0): [outer: number, inner: number, lowerLid: number][] => {
    const brows = new BrowSource(prior.face, seed);
    return Array.from({ length: 60 * PERFORMANCE_HZ }, () => {
      const { outer, inner, lowerLid } = brows.next({ pitchDeg, talk: 1, energy: 0.4 });
      return [outer, inner, lowerLid];
    });
  };
  const sd = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

  it('are moved as far as tracked ones, never in jumps, and rise with the head', () => {
    const spreads = SEEDS.map((seed) => sd(play(seed).map(([outer]) => outer)));
    expect(median(spreads)).toBeGreaterThan(0.05);
    expect(median(spreads)).toBeLessThan(0.25);
    const course = play(3);
    for (let i = 1; i < course.length; i++)
      for (const k of [0, 1, 2] as const) expect(Math.abs(course[i]![k] - course[i - 1]![k])).toBeLessThan(0.12);
    const raised = play(3, 5);
    expect(raised[100]![0] - course[100]![0]).toBeCloseTo(5 * prior.face.perDegPitch[0], 6);
  });
});

describe('the whole performance', () => {
  const perform = (seed: number, activity: PerformanceInput['activity'], asked = {}): Performance[] => {
    const performance = new IdlePerformance(seed, prior, new FittedHead(loadHeadPrior(), seed));
    return inputs(30, activity, asked).map((input) => performance.next(input));
  };

  it('is the same for one seed and another for the next', () => {
    expect(perform(5, 'speaking')).toEqual(perform(5, 'speaking'));
    expect(perform(5, 'speaking')).not.toEqual(perform(6, 'speaking'));
  });

  it('holds lids and brows still without expressiveness, and gives finite weights with it', () => {
    for (const { upperFace } of perform(5, 'speaking', { expressiveness: 0 }))
      for (const value of Object.values(upperFace)) expect(Math.abs(value)).toBe(0);
    for (const { upperFace, gaze } of perform(5, 'speaking', { expressiveness: 2 })) {
      for (const value of [...Object.values(upperFace), ...Object.values(gaze)])
        expect(Number.isFinite(value)).toBe(true);
      expect(
        Math.min(upperFace.blink, upperFace.browDown, upperFace.browInnerUp, upperFace.browOuterUp),
      ).toBeGreaterThanOrEqual(0);
    }
  });

  it('never raises the inner brow over a lowered outer one, which would read as worry', () => {
    for (const { upperFace } of perform(9, 'speaking'))
      if (upperFace.browDown > 0.01) expect(upperFace.browInnerUp).toBeLessThan(0.01);
  });
});

it('a damaged file is named', () => {
  expect(() => parseEyePrior({ gaze: {}, blinks: {}, face: {} } as never, 'models/eye-prior.json')).toThrowError(
    expect.objectContaining({ code: 'MODEL_CORRUPT', message: expect.stringContaining('eye-prior.json') }),
  );
});
