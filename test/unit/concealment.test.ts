// A lost packet of voice: the substitute goes on where the voice was, clicks nowhere, fades, and never grows louder.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Concealment } from '../../src/media/concealment.ts';
import { random } from '../support/random.ts';

const PACKET = 960;

/** A voice-like sound: a pitch with falling overtones. */
function voice(pitchHz: number, from: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const t = (from + i) / 48_000;
    return [1, 2, 3, 5].reduce((sum, n) => sum + (0.2 / n) * Math.sin(2 * Math.PI * pitchHz * n * t), 0);
  });
}

const energy = (samples: Float32Array): number => samples.reduce((sum, sample) => sum + sample * sample, 0);
const peak = (samples: Float32Array): number => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
const steepest = (samples: Float32Array): number =>
  samples.reduce((most, sample, i) => (i === 0 ? 0 : Math.max(most, Math.abs(sample - samples[i - 1]!))), 0);

/** 100 ms heard, `lost` packets concealed, 40 ms heard. */
function through(pitchHz: number, lost: number): { played: Float32Array; truth: Float32Array } {
  const concealment = new Concealment();
  const packets = 5 + lost + 2;
  const played = new Float32Array(packets * PACKET);
  for (let n = 0; n < packets; n++) {
    const isLost = n >= 5 && n < 5 + lost;
    const packet = isLost ? concealment.conceal(PACKET) : concealment.heard(voice(pitchHz, n * PACKET, PACKET));
    played.set(packet, n * PACKET);
  }
  return { played, truth: voice(pitchHz, 0, packets * PACKET) };
}

describe('concealment', () => {
  it('goes on with the voice, in its phase', () => {
    fc.assert(
      fc.property(fc.integer({ min: 80, max: 350 }), (pitchHz) => {
        const { played, truth } = through(pitchHz, 1);
        const begin = 5 * PACKET;
        const error = played.slice(begin, begin + 480).map((sample, i) => sample - truth[begin + i]!);
        expect(energy(error)).toBeLessThan(energy(truth.slice(begin, begin + 480)) * 0.1);
      }),
    );
  });

  it('clicks at neither edge', () => {
    fc.assert(
      fc.property(fc.integer({ min: 80, max: 350 }), fc.integer({ min: 1, max: 5 }), (pitchHz, lost) => {
        const { played, truth } = through(pitchHz, lost);
        expect(steepest(played)).toBeLessThan(steepest(truth) * 2);
      }),
    );
  });

  it('fades to silence within 60 ms and comes back at once', () => {
    const { played, truth } = through(200, 6);
    const begin = 5 * PACKET;
    expect(energy(played.slice(begin + 3 * PACKET, begin + 6 * PACKET))).toBe(0);
    const back = begin + 6 * PACKET + 240;
    expect([...played.slice(back, back + 100)]).toEqual([...truth.slice(back, back + 100)]);
  });

  it('leaves sound alone where nothing was lost, and makes none from silence', () => {
    const concealment = new Concealment();
    const sound = voice(150, 0, PACKET);
    expect(concealment.heard(sound)).toEqual(sound);
    const quiet = new Concealment();
    expect(energy(quiet.conceal(PACKET))).toBe(0);
    quiet.heard(new Float32Array(PACKET));
    expect(energy(quiet.conceal(PACKET))).toBe(0);
  });

  it('is never louder than what was heard, whatever that was and however often packets are lost', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.constantFrom(120, 480, 960, 2880),
        (seed, fates, size) => {
          const next = random(seed);
          const concealment = new Concealment();
          for (const isLost of fates) {
            const noise = Float32Array.from({ length: size }, () => next() - 0.5);
            const packet = isLost ? concealment.conceal(size) : concealment.heard(noise);
            expect(packet.length).toBe(size);
            expect(peak(packet)).toBeLessThanOrEqual(0.5001);
          }
        },
      ),
    );
  });
});
