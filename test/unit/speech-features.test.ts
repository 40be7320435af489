/** Log-mel features: equal to training's, whatever the chunking and the sampling rate. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEATURE_RATE_HZ, MEL_BANDS, SpeechFeatures } from '../../src/engine/motion/speech-features.ts';

const golden = JSON.parse(readFileSync(new URL('../golden/speech-features.json', import.meta.url), 'utf8')) as {
  samples: number[];
  logMel: number[][];
};
const sound = Float32Array.from(golden.samples, (value) => value / 32767);

describe('speech features', () => {
  it("are training's within 1e-4", () => {
    const frames = new SpeechFeatures(FEATURE_RATE_HZ).push(sound);
    expect(frames.length).toBe(golden.logMel.length * MEL_BANDS);
    const worst = golden.logMel.flat().reduce((most, value, i) => Math.max(most, Math.abs(value - frames[i])), 0);
    expect(worst).toBeLessThan(1e-4);
  });

  it('do not depend on how the sound is cut', () => {
    const whole = analyse([sound], 44_100);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 }), (sizes) => {
        const chunks: Float32Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(sound.slice(at, at + size));
          at += size;
        }
        chunks.push(sound.slice(at));
        expect(analyse(chunks, 44_100)).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  it('agree between sampling rates below the lower one’s Nyquist frequency', () => {
    const tone = (rateHz: number): Float32Array =>
      Float32Array.from({ length: rateHz / 2 }, (_, i) => 0.2 * Math.sin((2 * Math.PI * 1000 * i) / rateHz));
    const reference = analyse([tone(16_000)], 16_000);
    const loudest = (frames: Float32Array): number => Math.max(...frames.subarray(20 * MEL_BANDS, 21 * MEL_BANDS));
    for (const rateHz of [8000, 22_050, 48_000, 192_000]) {
      const frames = analyse([tone(rateHz)], rateHz);
      expect(frames.length).toBe(reference.length);
      expect(loudest(frames)).toBeCloseTo(loudest(reference), 2);
    }
  });

  it('stay finite on samples that are no numbers', () => {
    const broken = sound.slice();
    broken[100] = Number.NaN;
    broken[200] = Number.POSITIVE_INFINITY;
    expect(analyse([broken], 16_000).every(Number.isFinite)).toBe(true);
  });
});

function analyse(chunks: Float32Array[], rateHz: number): Float32Array {
  const features = new SpeechFeatures(rateHz);
  return Float32Array.from([...chunks.flatMap((chunk) => [...features.push(chunk)]), ...features.flush()]);
}
