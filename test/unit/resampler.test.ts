// The resampler: right frequencies, right level, right time, and the same output however the input was cut.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Resampler } from '../../src/media/resampler.ts';

const PAIRS: [from: number, to: number][] = [
  [48_000, 16_000],
  [44_100, 48_000],
  [22_050, 48_000],
  [8_000, 16_000],
  [192_000, 16_000],
  [11_025, 16_000],
  [44_099, 16_000],
];

function tone(rateHz: number, hz: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rateHz * seconds) }, (_, i) =>
    Math.sin((2 * Math.PI * hz * i) / rateHz),
  );
}

function convert(from: number, to: number, input: Float32Array, channels = 1): Float32Array {
  const resampler = new Resampler(from, to, channels);
  return Float32Array.from([...resampler.push(input), ...resampler.flush()]);
}

describe('resampler', () => {
  it.each(PAIRS)('%i → %i Hz keeps a tone exactly where it was', (from, to) => {
    const output = convert(from, to, tone(from, 700, 0.2));
    expect(output).toHaveLength(Math.ceil((Math.round(from * 0.2) * to) / from));
    const expected = tone(to, 700, 0.2);
    // Without the ends, where the silence around the clip is heard too.
    const edge = Math.round(to * 0.02);
    const errors = output.map((sample, i) => Math.abs(sample - expected[i])).subarray(edge, -edge);
    expect(Math.max(...errors)).toBeLessThan(2e-3);
  });

  it('lets nothing through that the new rate cannot hold', () => {
    const output = convert(48_000, 16_000, tone(48_000, 11_000, 0.3)).subarray(500, -500);
    expect(Math.max(...output.map(Math.abs))).toBeLessThan(1e-3);
  });

  it('keeps a constant constant and two channels apart', () => {
    const input = Float32Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 0.5 : -0.25));
    const output = convert(44_100, 16_000, input, 2);
    for (let i = 80; i < 300; i++) expect(output[i]).toBeCloseTo(i % 2 === 0 ? 0.5 : -0.25, 5);
  });

  it('gives the same samples however the input is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PAIRS.slice(0, 4), [16_000, 16_000] as [number, number]),
        fc.constantFrom(1, 2),
        fc.array(fc.nat(300), { maxLength: 12 }),
        ([from, to], channels, cuts) => {
          const input = Float32Array.from({ length: 900 * channels }, (_, i) => Math.sin(i * i * 0.001));
          const whole = convert(from, to, input, channels);
          const resampler = new Resampler(from, to, channels);
          const pieces: number[] = [];
          let at = 0;
          for (const cut of [...cuts, 900]) {
            const end = Math.min(input.length, at + cut * channels);
            pieces.push(...resampler.push(input.slice(at, end)));
            at = end;
          }
          pieces.push(...resampler.push(input.slice(at)), ...resampler.flush());
          expect(Float32Array.from(pieces)).toEqual(whole);
        },
      ),
      { numRuns: 25 },
    );
  });

  it.each([...PAIRS, [24_000, 48_000], [16_000, 16_000]] as [number, number][])(
    '%i → %i Hz stays within full scale, whatever comes',
    (from, to) => {
      // The signs that the filter weighs, at full scale: the worst that a sound can be.
      const impulse = new Float32Array(4001);
      impulse[2000] = 1;
      const response = convert(from, to, impulse);
      const step = Math.round((from / to) * 1e9) / 1e9;
      const worst = impulse.map((_, i) => Math.sign(response[Math.round(i / step)] || 1));
      const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38, 1e-45, 1.5];
      const broken = worst.map((sample, i) => (i % 40 === 0 ? odd[(i / 40) % odd.length] : sample));
      for (const input of [worst, impulse.map((_, i) => (i & 32 ? 1 : -1)), broken])
        expect(convert(from, to, input).filter((sample) => !(Math.abs(sample) <= 1))).toEqual(new Float32Array(0));
    },
  );

  it('starts afresh after reset', () => {
    const resampler = new Resampler(48_000, 16_000, 1);
    const first = resampler.push(tone(48_000, 300, 0.05));
    resampler.reset();
    expect(resampler.push(tone(48_000, 300, 0.05))).toEqual(first);
  });
});
