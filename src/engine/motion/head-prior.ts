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

/** What drives a head, frame by frame: runs of real innovations, in units of the person's pace. The same seed drives the same, however it is asked. */
export class Innovations {
  readonly #prior: HeadPrior;
  readonly #seed: number;
  #runs = 0;
  /** Those that were drawn and may still be asked for; `#first` is the frame of the first. */
  #drawn: HeadAngles[] = [];
  #first = 0;

  constructor(prior: HeadPrior, seed: number) {
    this.#prior = prior;
    this.#seed = seed;
  }

  /** @param frame not before one that was forgotten. */
  at(frame: number): HeadAngles {
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
    const { clips, innovations } = this.#prior;
    const draw = (n: number): number => uniform(this.#seed, 'head-run', 3 * this.#runs + n);
    const place = Math.floor((draw(0) * innovations.length) / 3);
    const clip = clips.findLast(({ start }) => start <= place)!;
    const length = Math.ceil(Math.log(1 - draw(1)) / Math.log(1 - 1 / MEAN_RUN)) || 1;
    const end = Math.min(place + length, clip.start + clip.length);
    const mirror = draw(2) < 0.5 ? -1 : 1;
    for (let at = 3 * place; at < 3 * end; at += 3)
      this.#drawn.push({
        yawDeg: mirror * innovations[at]!,
        pitchDeg: innovations[at + 1]!,
        rollDeg: mirror * innovations[at + 2]!,
      });
    this.#runs += 1;
  }
}

export class HeadProcess {
  /** Of this person: mean degrees a frame. */
  readonly paceDeg: number;
  readonly #prior: HeadPrior;
  readonly #innovations: Innovations;
  /** The last `order` frames, oldest first. */
  readonly #past: HeadAngles[];
  #frame = 0;

  constructor(prior: HeadPrior, seed: number) {
    this.#prior = prior;
    this.#innovations = new Innovations(prior, seed);
    this.#past = Array.from({ length: prior.order }, () => ({ yawDeg: 0, pitchDeg: 0, rollDeg: 0 }));
    const paces = prior.clips.map(({ degPerFrame }) => degPerFrame).sort((a, b) => a - b);
    const [from, to] = STYLE_QUANTILES;
    this.paceDeg = paces[Math.floor((from + (to - from) * uniform(seed, 'style', 2)) * paces.length)]!;
    for (let i = 0; i < 4 * prior.fps; i++) this.next(1);
  }

  /** One frame on. @param drive strength of this frame's innovation; 1 on average. */
  next(drive: number): HeadAngles {
    const next = this.#after(this.#past, this.#innovations.at(this.#frame), drive);
    this.#past.shift();
    this.#past.push(next);
    this.#frame += 1;
    this.#innovations.forgetBefore(this.#frame);
    return next;
  }

  /**
   * The next frames as they would come, without going there.
   *
   * @param past what has been shown instead, oldest first, at least `order` frames; it ends at the present.
   */
  foresee(past: readonly HeadAngles[], count: number): HeadAngles[] {
    const { order } = this.#prior;
    const frames = past.slice(-order);
    for (let k = 0; k < count; k++)
      frames.push(this.#after(frames.slice(-order), this.#innovations.at(this.#frame + k), 1));
    return frames.slice(order);
  }

  /** Takes this as the frame that came. */
  accept(frame: HeadAngles): void {
    this.#past.shift();
    this.#past.push(frame);
    this.#frame += 1;
    this.#innovations.forgetBefore(this.#frame);
  }

  #after(past: readonly HeadAngles[], innovation: HeadAngles, drive: number): HeadAngles {
    const { coefficients, order } = this.#prior;
    const amount = GAIN * this.paceDeg * drive;
    const axis = (row: number, driven: number): number => {
      let value = amount * driven;
      for (const [k, frame] of past.entries()) {
        const at = row * 3 * order + 3 * k;
        value +=
          coefficients[at]! * frame.yawDeg +
          coefficients[at + 1]! * frame.pitchDeg +
          coefficients[at + 2]! * frame.rollDeg;
      }
      return value;
    };
    return {
      yawDeg: axis(0, innovation.yawDeg),
      pitchDeg: axis(1, innovation.pitchDeg),
      rollDeg: axis(2, innovation.rollDeg),
    };
  }
}
