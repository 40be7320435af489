// Which instant of the sound is heard: from a browser's reports, in its own time or since 1970, across the wrap, through jumps.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudibleClock, rtpDistance } from '../../client/audible-clock.ts';

const ORIGIN = 1_795_340_000_000;
const toMs = (rtp: number) => rtp / 48;

/** Reads at 60 Hz what a player reports that plays timestamp `startRtp` at `startMs`, in packets of 20 ms. */
function play(clock: AudibleClock, startRtp: number, startMs: number, durationMs: number, isEpoch: boolean): number {
  let worstMs = 0;
  for (let nowMs = startMs; nowMs < startMs + durationMs; nowMs += 1000 / 60) {
    const packet = Math.floor((nowMs - startMs) / 20);
    // The second half of a packet is reported, too, 10 ms later.
    const half = nowMs - startMs - packet * 20 >= 10 ? 10 : 0;
    const timestamp = startMs + packet * 20 + half + (isEpoch ? ORIGIN : 0);
    const rtpTimestamp = (startRtp + packet * 960) >>> 0;
    const heard = clock.read({ timestamp, rtpTimestamp }, nowMs)!;
    const truth = (startRtp + Math.round((nowMs - startMs) * 48)) >>> 0;
    if (nowMs - startMs > 100) worstMs = Math.max(worstMs, Math.abs(toMs(rtpDistance(truth, heard))));
  }
  return worstMs;
}

describe('the audible clock', () => {
  it('follows the sound to the millisecond from any timestamp, across the wrap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.nat({ max: 100_000 }),
        fc.boolean(),
        (rtp, ms, isEpoch) => {
          expect(play(new AudibleClock(ORIGIN), rtp, ms, 2000, isEpoch)).toBeLessThan(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('follows a player that shortens or stretches its buffer within half a second', () => {
    const clock = new AudibleClock(ORIGIN);
    play(clock, 0, 0, 2000, false);
    // 60 ms were skipped, later 60 ms were filled in.
    expect(play(clock, 2060 * 48, 2000, 1500, false)).toBeLessThan(1);
    play(clock, 3500 * 48, 3500, 600, false);
    expect(play(clock, 4100 * 48, 4100, 1000, false)).toBeLessThan(1);
  });

  it('counts on through a call of days', () => {
    const clock = new AudibleClock(ORIGIN);
    for (let hours = 0; hours < 80; hours += 6)
      play(clock, (hours * 3600 * 48_000) % 2 ** 32, hours * 3_600_000, 700, true);
    expect(play(clock, (80 * 3600 * 48_000) % 2 ** 32, 80 * 3_600_000, 1500, true)).toBeLessThan(1);
  });

  it('knows nothing before the first packet and while nothing is played', () => {
    const clock = new AudibleClock(ORIGIN);
    expect(clock.read(undefined, 0)).toBeUndefined();
    const packet = { timestamp: 1000, rtpTimestamp: 5 };
    expect(clock.read(packet, 1010)).toBeDefined();
    expect(clock.read(packet, 1200)).toBeDefined();
    expect(clock.read(packet, 1400)).toBeUndefined();
  });
});
