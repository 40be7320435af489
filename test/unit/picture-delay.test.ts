// Pictures wait for as long as the browser keeps their sound: in order, none lost, without a jump, whatever is reported.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodedFrame } from '../../src/media/frames.ts';
import { PictureDelay } from '../../src/media/picture-delay.ts';

const PERIOD_US = 40_000;

const picture = (timestampUs: number): EncodedFrame => ({
  kind: 'video',
  mimeType: 'video/VP8',
  data: new Uint8Array(),
  timestampUs,
  durationUs: PERIOD_US,
  isKeyframe: false,
});

/** Pictures come at their own times and leave when they are due. @returns how much later, ms, by picture. */
function play(
  delay: PictureDelay,
  fromMs: number,
  toMs: number,
  report?: (atMs: number) => number | undefined,
): number[] {
  const waitedMs: number[] = [];
  for (let ms = fromMs; ms < toMs; ms += 1) {
    const soundMs = report?.(ms);
    if (soundMs !== undefined) delay.report({ soundMs, pictureMs: 0 }, ms * 1000);
    if (ms % 40 === 0) delay.push(picture(ms * 1000));
    for (const { picture } of delay.release(ms * 1000)) waitedMs.push(ms - picture.timestampUs / 1000);
  }
  return waitedMs;
}

describe('PictureDelay', () => {
  it('begins with the first picture at once and the others after the usual time', () => {
    expect(play(new PictureDelay(45_000), 0, 400)).toEqual([0, 45, 45, 45, 45, 45, 45, 45, 45]);
  });

  it('follows the first reports at once, and later ones by a quarter of the time that passes', () => {
    const delay = new PictureDelay(40_000);
    const first = play(delay, 0, 1000, (ms) => (ms === 200 ? 250 : undefined));
    expect(first.slice(0, 4)).toEqual([0, 40, 40, 40]);
    expect(first.at(-1)).toBe(250);
    play(delay, 1000, 2000);
    const waited = play(delay, 2000, 5000, (ms) => (ms === 2000 ? 450 : undefined));
    expect(waited.at(-1)).toBe(450);
    for (const [i, ms] of waited.slice(1).entries()) {
      expect(ms - waited[i]!).toBeGreaterThanOrEqual(0);
      expect(ms - waited[i]!).toBeLessThanOrEqual(15); // of 40 ms and what the delay itself adds
    }
    const shorter = play(delay, 5000, 9000, (ms) => (ms === 5000 ? 60 : undefined));
    expect(shorter.at(-1)).toBe(60);
  });

  it('does not follow a buffer that wavers', () => {
    const waited = play(new PictureDelay(60_000), 0, 10_000, (ms) =>
      ms % 500 === 0 ? 60 + (ms % 1000 ? 7 : -7) : undefined,
    );
    expect(new Set(waited.slice(1))).toEqual(new Set([60]));
  });

  it('keeps nothing back for a page that draws', () => {
    const waited = play(new PictureDelay(undefined), 0, 1000, () => 300);
    expect(new Set(waited)).toEqual(new Set([0]));
  });

  it('sends every picture once, in order, within 0.6 s and its slew, whatever a browser reports', () => {
    const anything = fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: -1000, max: 20_000 }));
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 40 }), (reports) => {
        const delay = new PictureDelay(40_000);
        const left: number[] = [];
        for (let ms = 0; ms < 4800; ms += 5) {
          if (ms % 100 === 0) delay.report({ soundMs: reports[(ms / 100) % reports.length]!, pictureMs: 0 }, ms * 1000);
          if (ms % 40 === 0 && ms < 4000) delay.push(picture(ms * 1000));
          for (const { picture } of delay.release(ms * 1000)) {
            expect(ms * 1000 - picture.timestampUs).toBeLessThanOrEqual(605_000);
            left.push(picture.timestampUs);
          }
        }
        expect(left).toEqual(Array.from({ length: 100 }, (_, i) => i * PERIOD_US));
      }),
      { numRuns: 50 },
    );
  });
});
