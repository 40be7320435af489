// The fitted head: same seed, same head; alive but bounded; a damaged file is named.
import { describe, expect, it } from 'vitest';
import { FittedHead } from '../../src/engine/motion/fitted-head.ts';
import { parseHeadPrior } from '../../src/engine/motion/head-prior.ts';
import { loadHeadPrior } from '../../src/engine/motion/load-priors.ts';

function run(seed: number, ticks: number): number[][] {
  const head = new FittedHead(loadHeadPrior(), seed);
  return Array.from({ length: ticks }, (_, tick) => {
    const { yawRad, pitchRad, rollRad } = head.next({ tick, talk: 1, energy: 0.5 });
    return [yawRad, pitchRad, rollRad];
  });
}

describe('FittedHead', () => {
  it('repeats itself for one seed and differs for another', () => {
    expect(run(7, 500)).toEqual(run(7, 500));
    expect(run(7, 500)).not.toEqual(run(8, 500));
  });

  it('stays within what a head does for ten minutes, and never freezes', () => {
    const frames = run(3, 30_000);
    for (const [yaw, pitch, roll] of frames) {
      expect(Math.abs(yaw!)).toBeLessThan(0.9);
      expect(Math.abs(pitch!)).toBeLessThan(0.9);
      expect(Math.abs(roll!)).toBeLessThan(0.9);
    }
    for (let second = 0; second + 1 < 600; second++) {
      const part = frames.slice(second * 50, second * 50 + 100).map(([yaw]) => yaw!);
      expect(Math.max(...part) - Math.min(...part)).toBeGreaterThan(1e-4);
    }
  });

  it('has no jump from tick to tick', () => {
    const frames = run(5, 5000);
    for (let i = 1; i < frames.length; i++)
      for (let axis = 0; axis < 3; axis++)
        expect(Math.abs(frames[i]![axis]! - frames[i - 1]![axis]!)).toBeLessThan(0.1);
  });

  it('names a damaged file', () => {
    const file = { fps: 25, order: 6, coefficients: [[1]], innovationScale: 1, innovations: 'AAAA', clips: [] };
    expect(() => parseHeadPrior(file, 'models/head-prior.json')).toThrowError(
      expect.objectContaining({ code: 'MODEL_CORRUPT', message: expect.stringContaining('head-prior.json') }),
    );
  });
});
