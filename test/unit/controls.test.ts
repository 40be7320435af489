// Controls: every range, its limits and the words about it.
import { describe, expect, it } from 'vitest';
import { type AvatarControls, resolveControls } from '../../src/engine/controls.ts';

describe('controls', () => {
  it('have the defaults of the contract and a random seed', () => {
    const { seed, ...rest } = resolveControls();
    expect(rest).toEqual({
      gaze: { yawRad: 0, pitchRad: 0 },
      headDistance: 1,
      emotion: {},
      headMotion: 1,
      expressiveness: 1,
    });
    expect(Number.isInteger(seed) && seed >= 0).toBe(true);
    expect(new Set(Array.from({ length: 8 }, () => resolveControls().seed)).size).toBeGreaterThan(1);
  });

  const inside: Partial<AvatarControls>[] = [
    { gaze: { yawRad: -0.6, pitchRad: 0.6 } },
    { headDistance: 0.6 },
    { headDistance: 1.8 },
    { emotion: { happy: 1, sad: 0 } },
    { headMotion: 0 },
    { expressiveness: 2 },
    { seed: 0xffff_ffff },
  ];
  it.each(inside)('take their limits: %o', (given) => {
    expect(resolveControls(given)).toMatchObject(given);
  });

  const outside: [given: object, control: string, range: string][] = [
    [{ gaze: { yawRad: 0.61, pitchRad: 0 } }, 'gaze yaw', 'between -0.6 and 0.6'],
    [{ gaze: { yawRad: 0, pitchRad: -1 } }, 'gaze pitch', 'between -0.6 and 0.6'],
    [{ headDistance: 0.5 }, 'headDistance', 'between 0.6 and 1.8'],
    [{ emotion: { happy: 1.1 } }, 'emotion happy', 'between 0 and 1'],
    [{ headMotion: -0.1 }, 'headMotion', 'between 0 and 2'],
    [{ expressiveness: Number.NaN }, 'expressiveness', 'between 0 and 2'],
    [{ seed: 1.5 }, 'seed', 'between 0 and 4294967295'],
    [{ seed: -1 }, 'seed', 'between 0 and 4294967295'],
  ];
  it.each(outside)('%o is refused with the control and its range', (given, control, range) => {
    expect(() => resolveControls(given)).toThrowError(
      expect.objectContaining({ code: 'CONTROL_OUT_OF_RANGE', message: expect.stringMatching(`${control}.*${range}`) }),
    );
  });

  it('offer the emotions there are for one there is not', () => {
    expect(() => resolveControls({ emotion: { bored: 1 } as object })).toThrowError(/"bored".*surprised/);
  });
});
