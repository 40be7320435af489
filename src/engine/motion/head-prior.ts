/**
 * The fitted model of how heads turn: an autoregression on yaw, pitch and roll. In: `models/head-prior.json`, a seed, how strongly each step
 * is driven. Out: angles at 25 Hz. Pure; the same seed gives the same head, however time is cut.
 */
import {
  type Autoregression,
  type AutoregressionFile,
  following,
  Innovations,
  parseAutoregression,
  type Triple,
} from './autoregression.ts';
import { uniform } from './random.ts';

/** As `training/motion/fit_head_prior.py` writes it. Angles in degrees, signs of the motion contract. */
export interface HeadPriorFile extends AutoregressionFile {
  clips: { length: number; degPerFrame: number }[];
}

export interface HeadPrior extends Autoregression {
  /** Degrees a frame, one a clip, ascending. */
  paces: number[];
}

/** @throws AppError MODEL_CORRUPT naming `path`. */
export function parseHeadPrior(file: HeadPriorFile, path: string): HeadPrior {
  const model = parseAutoregression(file, path, 'training/motion/fit_head_prior.py');
  return { ...model, paces: file.clips.map(({ degPerFrame }) => degPerFrame).sort((a, b) => a - b) };
}

export interface HeadAngles {
  yawDeg: number;
  pitchDeg: number;
  rollDeg: number;
}

/** Brings the simulated speed to that of the clips. */
const GAIN = 0.78;
/** Very still and very restless people are left out: a face has to be neither dead nor nervous. */
const STYLE_QUANTILES = [0.25, 0.85] as const;

export class HeadProcess {
  /** Of this person: mean degrees a frame. */
  readonly paceDeg: number;
  readonly #prior: HeadPrior;
  readonly #innovations: Innovations;
  /** The last `order` frames, oldest first. */
  readonly #past: Triple[];
  #frame = 0;

  constructor(prior: HeadPrior, seed: number) {
    this.#prior = prior;
    this.#innovations = new Innovations(prior, seed, 'head-run', [-1, 1, -1]);
    this.#past = Array.from({ length: prior.order }, () => [0, 0, 0]);
    const [from, to] = STYLE_QUANTILES;
    const { paces } = prior;
    this.paceDeg = paces[Math.floor((from + (to - from) * uniform(seed, 'style', 2)) * paces.length)]!;
    for (let i = 0; i < 4 * prior.fps; i++) this.next(1);
  }

  /** One frame on. @param drive strength of this frame's innovation; 1 on average. */
  next(drive: number): HeadAngles {
    const next = this.#after(this.#past, this.#frame, drive);
    this.#take(next);
    return angles(next);
  }

  /**
   * The next frames as they would come, without going there.
   *
   * @param past what has been shown instead, oldest first, at least `order` frames; it ends at the present.
   */
  foresee(past: readonly HeadAngles[], count: number): HeadAngles[] {
    const { order } = this.#prior;
    const frames = past.slice(-order).map(triple);
    for (let k = 0; k < count; k++) frames.push(this.#after(frames.slice(-order), this.#frame + k, 1));
    return frames.slice(order).map(angles);
  }

  /** Takes this as the frame that came. */
  accept(frame: HeadAngles): void {
    this.#take(triple(frame));
  }

  #take(frame: Triple): void {
    this.#past.shift();
    this.#past.push(frame);
    this.#frame += 1;
    this.#innovations.forgetBefore(this.#frame);
  }

  #after(past: readonly Triple[], frame: number, drive: number): Triple {
    return following(this.#prior, past, this.#innovations.at(frame), GAIN * this.paceDeg * drive);
  }
}

const triple = ({ yawDeg, pitchDeg, rollDeg }: HeadAngles): Triple => [yawDeg, pitchDeg, rollDeg];
const angles = ([yawDeg, pitchDeg, rollDeg]: Triple): HeadAngles => ({ yawDeg, pitchDeg, rollDeg });
