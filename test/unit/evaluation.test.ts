// The measures of `visavis evaluate` on motion whose answer is known.
import { describe, expect, it } from 'vitest';
import {
  matchClosures,
  offsetMs,
  pausesOf,
  saidPhones,
  silentPictures,
  visemeTally,
} from '../../src/cli/evaluation/lips.ts';
import {
  blinkSpans,
  measureControls,
  measurePerformance,
  readRealPerformance,
  seamRatio,
} from '../../src/cli/evaluation/performance.ts';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';

const FPS = 25;
/** "ma" twice with a pause between: m 0.2–0.3, a 0.3–0.5, pause, m 1.2–1.3, a 1.3–1.5. */
const said = [
  ...saidPhones('m', 0.2, 0.3),
  ...saidPhones('a', 0.3, 0.5),
  ...saidPhones('m', 1.2, 1.3),
  ...saidPhones('a', 1.3, 1.5),
];
const pictures = (spans: [number, number][]): boolean[] =>
  Array.from({ length: 2 * FPS }, (_, i) => spans.some(([from, to]) => i >= from && i < to));

describe('closures', () => {
  it('count as found within 60 ms, as false elsewhere, and not at all in a pause', () => {
    expect(
      matchClosures(
        pictures([
          [5, 8],
          [30, 33],
        ]),
        FPS,
        said,
      ),
    ).toEqual({ due: 2, found: 2, made: 2, right: 2 });
    expect(matchClosures(pictures([[10, 11]]), FPS, said)).toEqual({ due: 2, found: 0, made: 1, right: 0 });
    expect(
      matchClosures(
        pictures([
          [6, 7],
          [15, 27],
        ]),
        FPS,
        said,
      ),
    ).toEqual({ due: 2, found: 1, made: 1, right: 1 });
  });

  it('know the pauses, and which pictures show the inside of one', () => {
    expect(pausesOf(said, 2)).toEqual([
      { startS: 0, endS: 0.2 },
      { startS: 0.5, endS: 1.2 },
      { startS: 1.5, endS: 2 },
    ]);
    const silent = silentPictures(said, 2 * FPS, FPS).flatMap((isSilent, i) => (isSilent ? [i / FPS] : []));
    expect(Math.min(...silent)).toBeCloseTo(0.68);
    expect(silent.every((timeS) => (timeS > 0.6 && timeS < 1.06) || timeS > 1.6)).toBe(true);
  });
});

it('visemes are judged while something is said, by what is heard most', () => {
  const names = ['sil', 'm', 'b', 'a', 't'];
  const heard = (...classes: number[]) => ({ classes: Float32Array.from(classes) });
  const frames = Array.from({ length: 25 }, (_, i) => (i < 15 ? heard(0, 0.3, 0.3, 0.35, 0.05) : heard(0, 0, 0, 0, 1)));
  // m and b share a viseme, and together outweigh a.
  expect(visemeTally(frames, names, said)).toEqual({ judged: 15, right: 5 });
});

it('finds how late a picture is', () => {
  const heard = (timeS: number): number => Math.sin(9 * timeS) + Math.sin(23 * timeS);
  const seen = Array.from({ length: 200 }, (_, i) => heard((i + 0.5) / FPS - 0.12));
  expect(offsetMs(seen, FPS, heard)).toEqual({ lagMs: 120, r: expect.closeTo(1, 3) });
});

function moving(change: (frame: MotionFrame, timeS: number) => void, seconds = 60): MotionFrame[] {
  return Array.from({ length: seconds * FPS }, (_, i) => {
    const frame = neutralFrame(i * 40_000);
    change(frame, i / FPS);
    return frame;
  });
}

describe('head and eyes', () => {
  it('are counted and measured as they are', () => {
    const frames = moving((frame, timeS) => {
      frame.pose.yawRad = ((5 * Math.PI) / 180) * Math.sin(2 * Math.PI * 0.5 * timeS);
      const lid = timeS % 4 < 0.16 ? 1 : 0;
      Object.assign(frame.blendshapes, { eyeBlinkLeft: lid, eyeBlinkRight: lid });
      frame.gaze.yawRad = Math.floor(timeS / 2) % 2 ? 0.15 : 0;
    });
    const measured = measurePerformance(frames);
    expect(measured.blinksPerMinute).toBeCloseTo(15, 0);
    expect(measured.blinkS).toBeCloseTo(0.16);
    expect(measured.blinkIntervalCv).toBeCloseTo(0);
    expect(measured.gazeShiftsPerMinute).toBeCloseTo(29, 0);
    // 5° × 2π × 0.5 Hz ÷ 25 fps × 2/π.
    expect(measured.headStepDeg).toBeCloseTo(0.4, 1);
    expect(measured.headAccelerationDegS2).toBeCloseTo((5 * Math.PI ** 2) / Math.sqrt(6), 0);
  });

  it('of a face that never blinks are told without what cannot be known', () => {
    const measured = measurePerformance(moving(() => undefined, 10));
    expect(measured).toMatchObject({ blinksPerMinute: 0, gazeShiftsPerMinute: 0, headStepDeg: 0 });
    expect(measured).not.toHaveProperty('blinkS');
  });

  it('have real ones to be compared with', () => {
    for (const { clips, quartiles } of Object.values(readRealPerformance())) {
      expect(clips).toBeGreaterThan(5);
      expect([...quartiles].sort((a, b) => a - b)).toEqual(quartiles);
    }
  });

  it('have seams where they bend at the boundaries only', () => {
    const smooth = Array.from({ length: 400 }, (_, i) => Math.sin(i / 7));
    const broken = smooth.map((value, i) => value + 0.2 * Math.floor(i / 5));
    expect(seamRatio([smooth], 2, (i) => i % 5 === 0)).toBeCloseTo(1, 1);
    expect(seamRatio([broken], 2, (i) => i % 5 === 0)).toBeGreaterThan(3);
  });

  it('are held against what was asked, and freezes are counted', () => {
    const asked = { yawRad: 0.1, pitchRad: 0, headDistance: 1.25 };
    const frames = moving((frame, timeS) => {
      const swayRad = timeS < 5 ? 0.05 * Math.sin(3 * timeS) : 0;
      frame.pose.yawRad = swayRad;
      frame.gaze.yawRad = 0.1 - swayRad;
      frame.pose.scale = 0.8;
    }, 10);
    const found = measureControls(frames, asked);
    expect(found.gazeErrorDeg).toBeCloseTo(0);
    expect(found.distanceErrorPercent).toBeCloseTo(0);
    expect(found.freezes).toBe(1);
  });
});

it('blinks begin half-way down and end when open', () => {
  expect(blinkSpans([0, 0.2, 0.6, 1, 0.4, 0.1, 0, 0.9, 0])).toEqual([
    [2, 5],
    [7, 8],
  ]);
});
