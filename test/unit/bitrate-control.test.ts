// Bitrate and picture rate follow the link, in virtual time: down before delay builds up, up when there is room, in bounds, and seldom.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitrateControl } from '../../src/media/bitrate-control.ts';
import { random } from '../support/random.ts';
import { SimulatedLink } from '../support/simulated-link.ts';

const FULL = { bitrateBps: 1_200_000, fps: 30 };

/** One loss report a second, from a receiver that says nothing of arrivals. @returns the changes as [second, bitrate]. */
function run(control: BitrateControl, losses: number[], fromS = 0): [number, number][] {
  return losses.flatMap((fractionLost, i) => {
    const rate = control.report({ fractionLost }, (fromS + i) * 1e6);
    return rate ? [[fromS + i, rate.bitrateBps] as [number, number]] : [];
  });
}

const quantile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

describe('by loss alone', () => {
  it('leaves a clean link alone', () => {
    expect(run(new BitrateControl(FULL), new Array(120).fill(0))).toEqual([]);
  });

  it('does not flinch at one bad report, however bad', () => {
    expect(run(new BitrateControl(FULL), [0, 0, 0.25, 0, 0, 0, 0])).toEqual([]);
    expect(run(new BitrateControl(FULL), [0, 0, 1, 0, 0, 0, 0])).toEqual([]);
  });

  it('steps down while a link loses a fifth, and comes back when it is clean', () => {
    const control = new BitrateControl(FULL);
    const down = run(control, new Array(20).fill(0.2));
    expect(down.length).toBeGreaterThan(2);
    expect(down[0]![0]).toBeLessThanOrEqual(3);
    expect(down.at(-1)![1]).toBe(150_000);
    expect(control.rate.fps).toBe(15);
    const up = run(control, new Array(90).fill(0), 20);
    expect(up.at(-1)![1]).toBe(1_200_000);
    expect(up[0]![0]).toBeGreaterThanOrEqual(28);
    expect(control.rate).toEqual(FULL);
  });

  it('gives up pictures before it gives up sharpness', () => {
    const control = new BitrateControl(FULL);
    const rates: [number, number][] = [];
    for (let s = 0; s < 30; s++) {
      const rate = control.report({ fractionLost: 0.2 }, s * 1e6);
      if (rate) rates.push([rate.fps, rate.bitrateBps / rate.fps]);
    }
    expect(new Set(rates.map(([fps]) => fps))).toEqual(new Set([30, 25, 15]));
    for (const [fps, bits] of rates) if (fps > 15) expect(bits).toBeGreaterThanOrEqual(20_000);
  });

  it('stays in bounds and never changes twice within two seconds', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }), (losses) => {
        const changes = run(new BitrateControl({ bitrateBps: 900_000, fps: 25 }), losses);
        for (const [, bps] of changes) expect(bps >= 150_000 && bps <= 900_000).toBe(true);
        for (let i = 1; i < changes.length; i++) expect(changes[i]![0] - changes[i - 1]![0]).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});

describe('on a narrow link', () => {
  it.each([
    [300_000, 15, 15],
    [600_000, 15, 25],
    [1_200_000, 25, 30],
  ])('of %d bit/s it finds a rate that fits, with no standing delay', (capacityBps, leastFps, mostFps) => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom(0, 30_000),
        fc.constantFrom(0, 0.05),
        fc.integer({ min: 5_000, max: 80_000 }),
        fc.constantFrom(300_000, 500_000, 1_000_000),
        (seed, jitterUs, loss, propagationUs, queueUs) => {
          const link = new SimulatedLink(new BitrateControl(FULL), 30, random(seed));
          link.run(60, { capacityBps, jitterUs, loss, propagationUs, queueUs });
          const settled = link.lately(54);
          const queuedMs = settled.map(({ queuedUs }) => queuedUs / 1000);
          expect(quantile(queuedMs, 0.5)).toBeLessThan(80);
          expect(quantile(queuedMs, 0.9)).toBeLessThan(300);
          const kbps = settled.map(({ rate }) => rate.bitrateBps / 1000);
          expect(quantile(kbps, 0.5)).toBeGreaterThan((capacityBps / 1000) * 0.4);
          expect(quantile(kbps, 0.5)).toBeLessThanOrEqual(capacityBps / 1000);
          const fps = quantile(
            settled.map(({ rate }) => rate.fps),
            0.5,
          );
          expect(fps).toBeGreaterThanOrEqual(leastFps);
          expect(fps).toBeLessThanOrEqual(mostFps);
          // Each change costs a keyframe.
          expect(link.changes.length).toBeLessThanOrEqual(14);
          // Pictures never stop for long.
          const gaps = link.pictures.slice(1).map((at, i) => at - link.pictures[i]!);
          expect(Math.max(...gaps)).toBeLessThan(1_200_000);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('follows a link that suddenly becomes narrow, however long its queue', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(150_000, 500_000, 1_500_000), (seed, queueUs) => {
        const link = new SimulatedLink(new BitrateControl(FULL), 30, random(seed));
        link.run(10, { capacityBps: 4_000_000 }).run(14, { capacityBps: 400_000, queueUs, loss: 0.02 });
        const queuedMs = link.lately(8).map(({ queuedUs }) => queuedUs / 1000);
        expect(quantile(queuedMs, 0.5)).toBeLessThan(100);
        expect(link.control.rate.bitrateBps).toBeLessThan(400_000);
      }),
      { numRuns: 8 },
    );
  });

  it('goes back to full rate and all pictures once there is room again', () => {
    const link = new SimulatedLink(new BitrateControl(FULL), 30, random(5));
    link.run(40, { capacityBps: 350_000, jitterUs: 10_000 });
    expect(link.control.rate.fps).toBe(15);
    link.run(90, { capacityBps: 5_000_000, jitterUs: 10_000 });
    expect(link.control.rate).toEqual(FULL);
    const rates = link.changes.filter(({ atUs }) => atUs > 50e6).map(({ rate }) => rate.bitrateBps);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  });

  it('leaves a wide link at its rate through jitter, loss and outages', () => {
    for (const seed of [1, 2, 3]) {
      const link = new SimulatedLink(new BitrateControl(FULL), 30, random(seed));
      const wide = { capacityBps: 4_000_000, jitterUs: 30_000, loss: 0.05 };
      link
        .run(20, wide)
        .run(2, { ...wide, loss: 1 })
        .run(20, wide);
      expect(link.changes).toEqual([]);
    }
  });

  it('takes a longer way for what it is, not for a queue', () => {
    const link = new SimulatedLink(new BitrateControl(FULL), 30, random(9));
    link.run(20, { capacityBps: 4_000_000, propagationUs: 10_000 });
    link.run(60, { capacityBps: 4_000_000, propagationUs: 150_000 });
    expect(link.changes.filter(({ rate }) => rate.bitrateBps < 900_000 || rate.pauseUs > 0)).toEqual([]);
    expect(link.control.rate).toEqual(FULL);
  });
});
