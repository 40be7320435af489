/**
 * When and how the eyes blink, fitted on tracked speakers (`models/eye-prior.json`): a rate that grows with the time since the last blink and with
 * the head's speed, gaze shifts and ends of phrases; each blink has the measured course, a length and a depth of its own, some are incomplete,
 * some come in pairs. One call per tick; out: lid closure 0…1.
 */
import type { BlinkPrior } from './eye-prior.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';
import { normal, uniform } from './random.ts';

/** People who rest or listen blink less than people who talk: 17 against 26 a minute (Bentivoglio et al. 1997). */
const QUIET_LOG_RATE = Math.log(17 / 26);
const PHRASE_END_S = 0.4;
const SHIFT_S = 0.16;
/** Lids that meet stay shut for a moment, which 25 pictures a second smooth away. */
const SHUT = 1.12;
/** In the fit a blink begins so long before the lid is down. */
const FITTED_LEAD_S = 0.08;

interface Blink {
  peakS: number;
  length: number;
  depth: number;
}

export interface BlinkDrive {
  tick: number;
  /** 0 quiet … 1 talking. */
  talk: number;
  isPhraseEnd: boolean;
  saccadeDeg: number;
  /** Of the head, degrees in a frame of 1/25 s. */
  headDegPerFrame: number;
}

export class BlinkSource {
  readonly #prior: BlinkPrior;
  readonly #seed: number;
  readonly #style: number;
  #count = 0;
  /** The one before may still be opening. */
  #blinks: [Blink, Blink] = [NONE, NONE];
  #phraseEndS = Number.NEGATIVE_INFINITY;
  #shift = { timeS: Number.NEGATIVE_INFINITY, deg: 0 };

  constructor(prior: BlinkPrior, seed: number) {
    this.#prior = prior;
    this.#seed = seed;
    // Neither starers nor flickerers.
    this.#style = prior.sdBetween * Math.max(-1, Math.min(1, normal(seed, 'blink-kind', 0)));
    this.#blinks[1] = { ...NONE, peakS: -0.5 - 2 * uniform(seed, 'blink-phrase', 0) };
  }

  next({ tick, talk, isPhraseEnd, saccadeDeg, headDegPerFrame }: BlinkDrive): number {
    const timeS = tick / PERFORMANCE_HZ;
    if (isPhraseEnd) this.#phraseEndS = timeS;
    if (saccadeDeg > 0) this.#shift = { timeS, deg: Math.min(saccadeDeg, 20) };
    const { sinceS, logRate, logFactor } = this.#prior;
    const elapsedS = timeS - this.#blinks[1].peakS + FITTED_LEAD_S;
    const bin = sinceS.findLastIndex((from) => elapsedS >= from);
    if (bin >= 0) {
      const log =
        logRate[bin]! +
        this.#style +
        (1 - talk) * QUIET_LOG_RATE +
        logFactor.headDegPerFrame * Math.min(headDegPerFrame, 3) +
        (timeS - this.#shift.timeS < SHIFT_S ? (logFactor.shiftOf10Deg * this.#shift.deg) / 10 : 0) +
        (timeS - this.#phraseEndS < PHRASE_END_S ? logFactor.phraseEnd : 0);
      if (uniform(this.#seed, 'blink-interval', tick) < 1 - Math.exp(-Math.exp(log) / PERFORMANCE_HZ))
        this.#begin(timeS);
    }
    return Math.max(...this.#blinks.map((blink) => this.#closure(blink, timeS)));
  }

  #begin(timeS: number): void {
    const { lengthFactors, depths, shape } = this.#prior;
    this.#count += 1;
    const length = quantile(lengthFactors, uniform(this.#seed, 'blink-kind', 2 * this.#count));
    const depth = quantile(depths, uniform(this.#seed, 'blink-kind', 2 * this.#count + 1));
    this.#blinks = [this.#blinks[1], { peakS: timeS - length * shape.startS, length, depth }];
  }

  #closure({ peakS, length, depth }: Blink, timeS: number): number {
    if (depth === 0) return 0;
    const { startS, stepS, closure } = this.#prior.shape;
    const position = ((timeS - peakS) / length - startS) / stepS;
    const before = Math.floor(position);
    const [a, b] = [closure[before] ?? 0, closure[before + 1] ?? 0];
    return depth * Math.min(1, SHUT * (a + (position - before) * (b - a)));
  }
}

const NONE: Blink = { peakS: Number.NEGATIVE_INFINITY, length: 1, depth: 0 };

/** Of evenly spaced quantiles. */
function quantile(quantiles: readonly number[], share: number): number {
  const position = share * (quantiles.length - 1);
  const at = Math.floor(position);
  const next = Math.min(at + 1, quantiles.length - 1);
  return quantiles[at]! + (position - at) * (quantiles[next]! - quantiles[at]!);
}
