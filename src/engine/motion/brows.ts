/**
 * How brows and lower lids move while someone lives, fitted on tracked speakers (`models/eye-prior.json`): an autoregression with its heavy-tailed
 * innovations, and what goes with the head's pitch and the loudness of the voice. One call per tick; out: weights about the photo's own face.
 */
import { following, Innovations, type Triple } from './autoregression.ts';
import type { BrowPrior } from './eye-prior.ts';
import { cubic } from './learned-head.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';
import { uniform } from './random.ts';

/** The stillest and the most restless people are left out. */
const STYLE_QUANTILES = [0.1, 0.9] as const;
/** A louder or softer voice is heard by its last half second; loudness of ordinary speech is 0.4. */
const LEVEL_S = 0.1;
const ORDINARY = 0.4;
const FACE = [0, 1, 2] as const;

export interface BrowDrive {
  /** Of the head, about its rest, degrees. */
  pitchDeg: number;
  /** 0 quiet … 1 talking. */
  talk: number;
  /** Of the own voice, 0…1.2. */
  energy: number;
}

export interface Brows {
  /** Raised > 0, lowered < 0. */
  outer: number;
  inner: number;
  lowerLid: number;
}

export class BrowSource {
  readonly #prior: BrowPrior;
  readonly #innovations: Innovations;
  readonly #amount: number;
  readonly #framesPerTick: number;
  /** The last `order` frames, oldest first; the newest two lie ahead, for interpolation. */
  #frames: Triple[];
  #made = 0;
  #stepped = 0;
  #ticks = 0;
  #level = 0;

  constructor(prior: BrowPrior, seed: number) {
    this.#prior = prior;
    const { process, paces, gain } = prior;
    this.#innovations = new Innovations(process, seed, 'brow-run', [1, 1, 1]);
    const [from, to] = STYLE_QUANTILES;
    this.#amount = gain * paces[Math.floor((from + (to - from) * uniform(seed, 'style', 3)) * paces.length)]!;
    this.#framesPerTick = process.fps / PERFORMANCE_HZ;
    this.#frames = Array.from({ length: process.order }, () => [0, 0, 0]);
    for (let i = 0; i < 4 * process.fps; i++) this.#step();
    this.#made = 3;
  }

  next({ pitchDeg, talk, energy }: BrowDrive): Brows {
    const position = this.#ticks * this.#framesPerTick;
    const frame = Math.floor(position);
    while (this.#made < frame + 3) {
      this.#step();
      this.#made += 1;
    }
    this.#ticks += 1;
    const level = talk * Math.max(-1.5, Math.min(1, 2 * Math.log10(Math.max(energy, 0.01) / ORDINARY)));
    this.#level += (level - this.#level) / (LEVEL_S * PERFORMANCE_HZ);
    const [a, b, c, d] = this.#frames.slice(-4) as [Triple, Triple, Triple, Triple];
    const { perDegPitch, per10Db } = this.#prior;
    const [outer, inner, lowerLid] = FACE.map(
      (k) => cubic(a[k], b[k], c[k], d[k], position - frame) + perDegPitch[k] * pitchDeg + per10Db[k] * this.#level,
    ) as [number, number, number];
    return { outer, inner, lowerLid };
  }

  #step(): void {
    const innovation = this.#innovations.at(this.#stepped);
    const next = following(this.#prior.process, this.#frames, innovation, this.#amount);
    this.#stepped += 1;
    this.#innovations.forgetBefore(this.#stepped);
    this.#frames = [...this.#frames.slice(1), next];
  }
}
