/** The fitted head as a source of head angles at the performance's rate. */
import { type HeadAngles, type HeadPrior, HeadProcess } from './head-prior.ts';
import { cubic } from './learned-head.ts';
import type { HeadDrive, HeadSource } from './noise-head.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';

const DEG = Math.PI / 180;
/** How much louder stretches move the head more, and the loudness at which they neither add nor take. */
const VOICE_GATE = 0.9;
const MEAN_ENERGY = 0.45;

export class FittedHead implements HeadSource {
  readonly #process: HeadProcess;
  readonly #ticksPerFrame: number;
  /** Four frames around the present, oldest first, for cubic interpolation. */
  #frames: HeadAngles[];
  #framesMade: number;
  #tick = 0;

  constructor(prior: HeadPrior, seed: number) {
    this.#process = new HeadProcess(prior, seed);
    this.#ticksPerFrame = PERFORMANCE_HZ / prior.fps;
    this.#frames = Array.from({ length: 4 }, () => this.#process.next(1));
    this.#framesMade = 0;
  }

  next({ talk, energy }: HeadDrive): { yawRad: number; pitchRad: number; rollRad: number } {
    const position = this.#tick / this.#ticksPerFrame;
    const frame = Math.floor(position);
    if (frame > this.#framesMade) {
      // The quick part of the motion comes with the voice; a quiet head is driven evenly.
      const drive = 1 + talk * VOICE_GATE * (Math.min(energy, 1) - MEAN_ENERGY);
      this.#frames = [...this.#frames.slice(1), this.#process.next(drive)];
      this.#framesMade = frame;
    }
    this.#tick += 1;
    const u = position - frame;
    const [a, b, c, d] = this.#frames as [HeadAngles, HeadAngles, HeadAngles, HeadAngles];
    const angle = (key: keyof HeadAngles): number => DEG * cubic(a[key], b[key], c[key], d[key], u);
    return { yawRad: angle('yawDeg'), pitchRad: angle('pitchDeg'), rollRad: angle('rollDeg') };
  }
}
