/**
 * A fitted process of three values at once: a vector autoregression whose innovations are drawn in runs from those of tracked people (they are
 * heavy-tailed and come in bursts). Heads and brows are such processes. In: a fitted file's part, a seed. Out: frame after frame. Pure and
 * counter-based: the same seed gives the same course, however time is cut.
 */
import { AppError } from '../../errors.ts';
import { type RandomChannel, uniform } from './random.ts';

export type Triple = readonly [number, number, number];

/** As the scripts in training/motion write it. */
export interface AutoregressionFile {
  fps: number;
  order: number;
  /** 3 rows of order × 3, oldest frame first. */
  coefficients: number[][];
  innovationScale: number;
  /** Base64 of little-endian int16, 3 a frame, clip after clip, in units of the clip's pace. */
  innovations: string;
  clips: { length: number }[];
}

export interface Autoregression {
  fps: number;
  order: number;
  coefficients: Float64Array;
  innovations: Float32Array;
  clips: { start: number; length: number }[];
}

/** @param script that makes the file anew. @throws AppError MODEL_CORRUPT naming `path`. */
export function parseAutoregression(file: AutoregressionFile, path: string, script: string): Autoregression {
  const bytes = Uint8Array.from(atob(file.innovations), (character) => character.charCodeAt(0));
  const innovations = Float32Array.from(
    new Int16Array(bytes.buffer, 0, Math.floor(bytes.length / 2)),
    (value) => value * file.innovationScale,
  );
  let start = 0;
  const clips = file.clips.map(({ length }) => {
    const clip = { start, length };
    start += length;
    return clip;
  });
  const coefficients = Float64Array.from(file.coefficients.flat());
  if (start * 3 !== innovations.length || coefficients.length !== 9 * file.order || clips.length === 0)
    throw new AppError('MODEL_CORRUPT', `${path} is damaged: restore it from the package or make it with ${script}.`);
  return { fps: file.fps, order: file.order, coefficients, innovations, clips };
}

/** The frame after `past` (the last `order` frames, oldest first). */
export function following(model: Autoregression, past: readonly Triple[], innovation: Triple, amount: number): Triple {
  const { coefficients, order } = model;
  const axis = (row: 0 | 1 | 2): number => {
    let value = amount * innovation[row];
    for (const [k, frame] of past.entries()) {
      const at = row * 3 * order + 3 * k;
      value += coefficients[at]! * frame[0] + coefficients[at + 1]! * frame[1] + coefficients[at + 2]! * frame[2];
    }
    return value;
  };
  return [axis(0), axis(1), axis(2)];
}

/** Mean length of a run of innovations, frames: long enough to keep a burst together, short enough not to replay a clip. */
const MEAN_RUN = 15;

/** What drives a process, frame by frame: runs of real innovations, in units of the person's pace. The same seed drives the same, however it is asked. */
export class Innovations {
  readonly #model: Autoregression;
  readonly #seed: number;
  readonly #channel: RandomChannel;
  readonly #mirror: Triple;
  #runs = 0;
  /** Those that were drawn and may still be asked for; `#first` is the frame of the first. */
  #drawn: Triple[] = [];
  #first = 0;

  /** @param mirror −1 for each value that changes its sign in a mirror, else 1. */
  constructor(model: Autoregression, seed: number, channel: RandomChannel, mirror: Triple) {
    this.#model = model;
    this.#seed = seed;
    this.#channel = channel;
    this.#mirror = mirror;
  }

  /** @param frame not before one that was forgotten. */
  at(frame: number): Triple {
    while (frame >= this.#first + this.#drawn.length) this.#drawRun();
    return this.#drawn[frame - this.#first]!;
  }

  forgetBefore(frame: number): void {
    const count = Math.min(Math.max(frame - this.#first, 0), this.#drawn.length);
    this.#drawn.splice(0, count);
    this.#first += count;
  }

  /** A run from a random place of a random clip, as it was or mirrored. */
  #drawRun(): void {
    const { clips, innovations } = this.#model;
    const draw = (n: number): number => uniform(this.#seed, this.#channel, 3 * this.#runs + n);
    const place = Math.floor((draw(0) * innovations.length) / 3);
    const clip = clips.findLast(({ start }) => start <= place)!;
    const length = Math.ceil(Math.log(1 - draw(1)) / Math.log(1 - 1 / MEAN_RUN)) || 1;
    const end = Math.min(place + length, clip.start + clip.length);
    const [a, b, c] = draw(2) < 0.5 ? this.#mirror : [1, 1, 1];
    for (let at = 3 * place; at < 3 * end; at += 3)
      this.#drawn.push([a * innovations[at]!, b * innovations[at + 1]!, c * innovations[at + 2]!]);
    this.#runs += 1;
  }
}
