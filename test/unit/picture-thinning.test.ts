// Fewer pictures than are drawn: the right number, evenly, each with its own time; none withheld for long.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PictureThinning } from '../../src/media/picture-thinning.ts';

const grid = (fps: number, seconds: number): number[] =>
  Array.from({ length: fps * seconds }, (_, i) => Math.round((i * 1e6) / fps));

describe('PictureThinning', () => {
  it.each([
    [30, 30],
    [30, 25],
    [30, 20],
    [30, 15],
    [25, 20],
    [25, 15],
    [60, 25],
    [40, 15],
  ])('of %d pictures a second lets %d through, evenly', (drawn, wanted) => {
    const thinning = new PictureThinning();
    thinning.setRate(wanted);
    const taken = grid(drawn, 20).filter((at) => thinning.takes(at));
    expect(taken.length / 20).toBeCloseTo(wanted, 0);
    const gaps = taken.slice(1).map((at, i) => at - taken[i]!);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1e6 / drawn + 2);
  });

  it('goes on at once after pictures were held, and after a pause', () => {
    const thinning = new PictureThinning();
    thinning.setRate(15);
    const taken = grid(30, 4)
      .filter((at) => at < 1_000_000 || at > 1_500_000)
      .filter((at) => {
        if (at === 2_000_000) thinning.pause(at, 400_000);
        return thinning.takes(at);
      });
    expect(taken.find((at) => at > 1_500_000)).toBeLessThan(1_550_000);
    expect(taken.filter((at) => at >= 2_000_000 && at < 2_390_000)).toEqual([]);
    expect(taken.find((at) => at >= 2_390_000)).toBeLessThan(2_440_000);
  });

  it('never lets through more than its rate, nor withholds more than one interval, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(15, 20, 25, 30),
        fc.array(fc.integer({ min: 16_000, max: 120_000 }), { minLength: 20, maxLength: 200 }),
        (fps, gaps) => {
          const thinning = new PictureThinning();
          thinning.setRate(fps);
          let at = 0;
          const all = gaps.map((gap) => {
            at += gap;
            return at;
          });
          const taken = all.filter((time) => thinning.takes(time));
          expect(taken.length).toBeLessThanOrEqual((at / 1e6) * fps + 3);
          for (const time of all) {
            const before = taken.findLast((other) => other <= time);
            expect(time - (before ?? 0)).toBeLessThan(2e6 / fps + 120_000);
          }
        },
      ),
    );
  });
});
