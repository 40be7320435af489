/**
 * How a head turns while it lives: the interface, and the rule-based source, band-limited noise with the spectrum of real heads. The
 * fitted source is `fitted-head.ts`.
 */
import { PERFORMANCE_HZ } from './performance-source.ts';
import { type RandomChannel, smoothNoise, uniform } from './random.ts';

export interface HeadDrive {
  /** Performance tick. */
  tick: number;
  /** 0 quiet … 1 talking. */
  talk: number;
  /** Smoothed loudness of the own voice, 0…1.2. */
  energy: number;
}

export interface HeadSource {
  /** One tick on: angles of a talking head of average liveliness, signs of the motion contract. */
  next(drive: HeadDrive): { yawRad: number; pitchRad: number; rollRad: number };
  /** Where the head is being thought about elsewhere: who has time waits for it before the next tick, and gets the same head every time. */
  readonly pending?: Promise<void> | undefined;
}

const DEG = Math.PI / 180;
/** Share of a real head's angular power per octave band: below 0.3, 0.7, 1.4, 2.8 and 5 Hz. */
const BANDS: readonly [hz: number, power: number][] = [
  [0.3, 0.32],
  [0.7, 0.3],
  [1.4, 0.24],
  [2.8, 0.11],
  [5, 0.03],
];
const SPREAD_DEG = { yaw: 3.4, pitch: 2.4, roll: 2 };

export class NoiseHead implements HeadSource {
  readonly #seed: number;
  /** Between-person spread: some heads move half as much again as others. */
  readonly #liveliness: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#liveliness = 0.8 + 0.45 * uniform(seed, 'style', 0);
  }

  next({ tick, energy }: HeadDrive): { yawRad: number; pitchRad: number; rollRad: number } {
    const timeS = tick / PERFORMANCE_HZ;
    const axis = (channel: RandomChannel, spreadDeg: number): number => {
      let sum = 0;
      for (const [octave, [hz, power]] of BANDS.entries()) {
        // The quick part of the motion comes with the voice.
        const gate = hz > 1 ? 0.5 + 0.8 * Math.min(energy, 1) : 1;
        sum += Math.sqrt(power) * gate * smoothNoise(this.#seed, channel, octave, hz, timeS);
      }
      return this.#liveliness * spreadDeg * DEG * sum;
    };
    const yawRad = axis('yaw', SPREAD_DEG.yaw);
    return {
      yawRad,
      pitchRad: axis('pitch', SPREAD_DEG.pitch),
      rollRad: axis('roll', SPREAD_DEG.roll) + 0.25 * yawRad,
    };
  }
}
