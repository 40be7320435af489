/**
 * The fitted model of how eyes, lids and brows live: what `models/eye-prior.json` holds, read and checked. Used by `gaze.ts`, `blinks.ts` and
 * `brows.ts`. Pure.
 */
import { AppError } from '../../errors.ts';
import { type Autoregression, type AutoregressionFile, parseAutoregression, type Triple } from './autoregression.ts';

export interface GazePrior {
  /** How long the eyes rest at a place: ln of seconds, of one person and between people. */
  logDwell: { mean: number; sd: number; sdBetween: number };
  /** Share of the way aside (yaw, pitch) that is kept at the next place. */
  keep: [number, number];
  /** What is added to it: tracked ones, yaw and pitch in degrees. */
  jumpsDeg: [number, number][];
  /** Of ln of a person's jumps, between people. */
  logJumpSdBetween: number;
}

export interface BlinkPrior {
  /** From so many seconds after the last blink on, `logRate` holds: ln of blinks a second. */
  sinceS: number[];
  logRate: number[];
  /** What multiplies the rate, as ln: a gaze shift, the head's speed, the half second after a phrase. */
  logFactor: { shiftOf10Deg: number; headDegPerFrame: number; phraseEnd: number };
  /** Of ln rate, between people. */
  sdBetween: number;
  /** Closure 0…1 around the deepest instant. */
  shape: { startS: number; stepS: number; closure: number[] };
  /** Quantiles over blinks: how long against the mean, how deep against a full one. */
  lengthFactors: number[];
  depths: number[];
}

/** Values: outer brow, inner brow (raised > 0, lowered < 0), lower lid. */
export interface BrowPrior {
  perDegPitch: Triple;
  per10Db: Triple;
  /** Brings the simulated spread to that of the clips. */
  gain: number;
  process: Autoregression;
  /** Weight a frame, one a clip, ascending. */
  paces: number[];
}

export interface EyePrior {
  gaze: GazePrior;
  blinks: BlinkPrior;
  face: BrowPrior;
}

/** As `training/motion/fit_eyes.py` writes it. */
export interface EyePriorFile {
  gaze: GazePrior;
  blinks: BlinkPrior;
  face: Omit<BrowPrior, 'process' | 'paces'> & {
    process: Omit<AutoregressionFile, 'clips'> & { clips: { length: number; pacePerFrame: number }[] };
  };
}

const SCRIPT = 'training/motion/fit_eyes.py';

/** @throws AppError MODEL_CORRUPT naming `path`. */
export function parseEyePrior(file: EyePriorFile, path: string): EyePrior {
  const { gaze, blinks, face } = file;
  const isWhole =
    gaze?.jumpsDeg?.length > 0 &&
    blinks?.sinceS?.length > 0 &&
    blinks.sinceS.length === blinks.logRate?.length &&
    blinks.shape?.closure?.length > 1 &&
    blinks.depths?.length > 0 &&
    blinks.lengthFactors?.length > 0 &&
    face?.process !== undefined;
  if (!isWhole)
    throw new AppError('MODEL_CORRUPT', `${path} is damaged: restore it from the package or make it with ${SCRIPT}.`);
  return {
    gaze,
    blinks,
    face: {
      ...face,
      process: parseAutoregression(face.process, path, SCRIPT),
      paces: face.process.clips.map(({ pacePerFrame }) => pacePerFrame).sort((a, b) => a - b),
    },
  };
}
