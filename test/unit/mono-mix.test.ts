// One channel of several: what is heard in any of them is never lost, what all carry stays their mix, and nothing jumps.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MonoMix } from '../../src/media/mono-mix.ts';

const RATE_HZ = 16_000;

/** A voice of syllables. */
function voice(seconds: number, phase = 0): Float32Array {
  return Float32Array.from({ length: seconds * RATE_HZ }, (_, i) => {
    const timeS = i / RATE_HZ;
    return 0.3 * Math.max(0, Math.sin(2 * Math.PI * 4 * timeS)) * Math.sin(2 * Math.PI * 200 * timeS + phase);
  });
}

function interleave(...channels: Float32Array[]): Float32Array {
  return Float32Array.from({ length: channels.length * channels[0]!.length }, (_, i) => {
    return channels[i % channels.length]![Math.floor(i / channels.length)]!;
  });
}

const rms = (samples: Float32Array): number => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
const scaled = (samples: Float32Array, by: number): Float32Array => samples.map((x) => x * by);
const mixed = (...channels: Float32Array[]): { mono: Float32Array; hasCancelled: boolean } => {
  const mix = new MonoMix(channels.length, RATE_HZ);
  return { mono: mix.push(interleave(...channels)), hasCancelled: mix.hasCancelled };
};

describe('several channels', () => {
  const speech = voice(1);
  const silence = new Float32Array(speech.length);

  it('that are alike, or unlike, are their mean', () => {
    const alike = mixed(speech, speech);
    expect(alike.hasCancelled).toBe(false);
    expect(Math.max(...alike.mono.map((x, i) => Math.abs(x - speech[i]!)))).toBeLessThan(1e-6);
    const other = voice(1, 1.5);
    const { mono, hasCancelled } = mixed(speech, other);
    expect(hasCancelled).toBe(false);
    const mean = speech.map((x, i) => (x + other[i]!) / 2);
    expect(Math.max(...mono.map((x, i) => Math.abs(x - mean[i]!)))).toBeLessThan(2e-3);
  });

  it.each([
    ['one turned over', [speech, scaled(speech, -1)], true],
    ['one turned over and quieter', [scaled(speech, -0.9), speech], true],
    ['two turned over of four', [speech, speech, scaled(speech, -1), scaled(speech, -1)], true],
    ['one silent', [silence, speech], false],
    ['the middle of six', [silence, silence, speech, silence, silence, silence], false],
  ] as const)('%s: the loudest is heard', (_what, channels, isTold) => {
    const { mono, hasCancelled } = mixed(...channels);
    expect(rms(mono)).toBeGreaterThan(0.9 * rms(speech));
    expect(hasCancelled).toBe(isTold);
  });

  it('turned over for a while: heard all the time, without a jump', () => {
    const left = voice(2);
    const right = left.map((x, i) => (i > 0.6 * RATE_HZ && i < 1.3 * RATE_HZ ? -x : x));
    const { mono, hasCancelled } = mixed(left, right);
    expect(hasCancelled).toBe(true);
    for (let at = 0; at + 4000 <= mono.length; at += 4000)
      expect(rms(mono.subarray(at, at + 4000))).toBeGreaterThan(0.8 * rms(left.subarray(at, at + 4000)));
    const steepest = Math.max(...left.map((x, i) => Math.abs(x - (left[i - 1] ?? 0))));
    expect(Math.max(...mono.map((x, i) => Math.abs(x - (mono[i - 1] ?? 0))))).toBeLessThan(1.5 * steepest);
  });

  it('give the same however they are cut, and silence for silence', () => {
    const all = interleave(speech, scaled(speech, -0.8));
    const whole = new MonoMix(2, RATE_HZ).push(all);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const mix = new MonoMix(2, RATE_HZ);
        const parts: number[] = [];
        let at = 0;
        for (const size of sizes) {
          parts.push(...mix.push(all.subarray(at, Math.min(all.length, at + 2 * size))));
          at = Math.min(all.length, at + 2 * size);
        }
        expect(Float32Array.from(parts)).toEqual(whole.subarray(0, parts.length));
      }),
      { numRuns: 20 },
    );
    expect(mixed(silence, silence)).toEqual({ mono: silence, hasCancelled: false });
  });
});
