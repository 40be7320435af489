/**
 * The fitted model of how heads turn: a vector autoregression whose innovations are drawn in runs from those of tracked speakers
 * (they are heavy-tailed and come in bursts). In: `models/head-prior.json`, a seed, how strongly each step is driven. Out: yaw, pitch
 * and roll at 25 Hz. Pure and counter-based: the same seed gives the same head, however time is cut.
 */
import { AppError } from '../../errors.ts';
import { uniform } from './random.ts';

/** As `training/motion/fit_head_prior.py` writes it. Angles in degrees, signs of the motion contract. */
export interface HeadPriorFile {
  fps: number;
  order: number;
  /** 3 rows of order × 3, oldest frame first. */
  coefficients: number[][];
  innovationScale: number;
  /** Base64 of little-endian int16, 3 a frame, clip after clip, in units of the clip's speed. */
  innovations: string;
  clips: { length: number; degPerFrame: number }[];
}

export interface HeadPrior {
  fps: number;
  order: number;
  coefficients: Float64Array;
  innovations: Float32Array;
  clips: { start: number; length: number; degPerFrame: number }[];
}

/** @throws AppError MODEL_CORRUPT naming `path`. */
export function parseHeadPrior(file: HeadPriorFile, path: string): HeadPrior {
  const bytes = Uint8Array.from(atob(file.innovations), (character) => character.charCodeAt(0));
  const innovations = Float32Array.from(
    new Int16Array(bytes.buffer, 0, Math.floor(bytes.length / 2)),
    (value) => value * file.innovationScale,
  );
  let start = 0;
  const clips = file.clips.map(({ length, degPerFrame }) => {
    const clip = { start, length, degPerFrame };
    start += length;
    return clip;
  });
  const coefficients = Float64Array.from(file.coefficients.flat());
  if (start * 3 !== innovations.length || coefficients.length !== 9 * file.order || clips.length === 0)
    throw new AppError(
      'MODEL_CORRUPT',
      `${path} is damaged: restore it from the package or make it with training/motion/fit_head_prior.py.`,
    );
  return { fps: file.fps, order: file.order, coefficients, innovations, clips };
}

export interface HeadAngles {
  yawDeg: number;
  pitchDeg: number;
  rollDeg: number;
}

/** Mean length of a run of innovations, frames: long enough to keep a burst together, short enough not to replay a clip. */
const MEAN_RUN = 15;
/** Brings the simulated speed to that of the clips. */
const GAIN = 0.78;
/** Very still and very restless people are left out: a face has to be neither dead nor nervous. */
const STYLE_QUANTILES = [0.25, 0.85] as const;

export class HeadProcess {
  readonly #prior: HeadPrior;
  readonly #seed: number;
  readonly #pace: number;
  /** The last `order` frames, oldest first, degrees, 3 each. */
  readonly #past: Float64Array;
  #run = { at: 0, left: 0, mirror: 1 };
  #runs = 0;

  constructor(prior: HeadPrior, seed: number) {
    this.#prior = prior;
    this.#seed = seed;
    this.#past = new Float64Array(3 * prior.order);
    const paces = prior.clips.map(({ degPerFrame }) => degPerFrame).sort((a, b) => a - b);
    const [from, to] = STYLE_QUANTILES;
    this.#pace = paces[Math.floor((from + (to - from) * uniform(seed, 'style', 2)) * paces.length)]!;
    for (let i = 0; i < 4 * prior.fps; i++) this.next(1);
  }

  /** One frame on. @param drive strength of this frame's innovation; 1 on average. */
  next(drive: number): HeadAngles {
    const { coefficients, order, innovations } = this.#prior;
    if (this.#run.left === 0) this.#startRun();
    const at = 3 * this.#run.at;
    const amount = GAIN * this.#pace * drive;
    const next = [0, 1, 2].map((axis) => {
      let value = (axis === 1 ? 1 : this.#run.mirror) * amount * innovations[at + axis]!;
      for (let k = 0; k < 3 * order; k++) value += coefficients[axis * 3 * order + k]! * this.#past[k]!;
      return value;
    });
    this.#past.copyWithin(0, 3);
    this.#past.set(next, 3 * (order - 1));
    this.#run.at += 1;
    this.#run.left -= 1;
    return { yawDeg: next[0]!, pitchDeg: next[1]!, rollDeg: next[2]! };
  }

  /** A run from a random place of a random clip, as it was or mirrored. */
  #startRun(): void {
    const { clips, innovations } = this.#prior;
    const draw = (n: number): number => uniform(this.#seed, 'head-run', 3 * this.#runs + n);
    const place = Math.floor((draw(0) * innovations.length) / 3);
    const clip = clips.findLast(({ start }) => start <= place)!;
    const length = Math.ceil(Math.log(1 - draw(1)) / Math.log(1 - 1 / MEAN_RUN)) || 1;
    this.#run = { at: place, left: Math.min(length, clip.start + clip.length - place), mirror: draw(2) < 0.5 ? -1 : 1 };
    this.#runs += 1;
  }
}
