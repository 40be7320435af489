// The bitrate follows the link's loss: down soon, up slowly, never outside its bounds, and seldom.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitrateControl } from '../../src/media/bitrate-control.ts';

/** One report a second. @returns the changes as [second, bitrate]. */
function run(control: BitrateControl, losses: number[], fromS = 0): [number, number][] {
  return losses.flatMap((loss, i) => {
    const bps = control.report(loss, (fromS + i) * 1e6);
    return bps === undefined ? [] : [[fromS + i, bps] as [number, number]];
  });
}

describe('BitrateControl', () => {
  it('leaves a clean link alone', () => {
    expect(run(new BitrateControl(1_200_000), new Array(120).fill(0))).toEqual([]);
  });

  it('does not flinch at one bad report', () => {
    expect(run(new BitrateControl(1_200_000), [0, 0, 0.25, 0, 0, 0, 0])).toEqual([]);
  });

  it('steps down while a link loses a fifth, and comes back when it is clean', () => {
    const control = new BitrateControl(1_200_000);
    const down = run(control, new Array(20).fill(0.2));
    expect(down.length).toBeGreaterThan(2);
    expect(down[0]![0]).toBeLessThanOrEqual(3);
    expect(down.at(-1)![1]).toBe(200_000);
    const up = run(control, new Array(90).fill(0), 20);
    expect(up.at(-1)![1]).toBe(1_200_000);
    expect(up[0]![0]).toBeGreaterThanOrEqual(28);
  });

  it('stays in bounds and never changes twice within two seconds', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }), (losses) => {
        const changes = run(new BitrateControl(900_000), losses);
        for (const [, bps] of changes) expect(bps >= 200_000 && bps <= 900_000).toBe(true);
        for (let i = 1; i < changes.length; i++) expect(changes[i]![0] - changes[i - 1]![0]).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});
