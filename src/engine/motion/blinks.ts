/**
 * When and how the eyes blink: log-normal intervals (median 2.6 s), likelier where a phrase ends or the gaze jumps far;
 * 80 ms down, 30 ms shut, 150 ms up. One call per tick; out: lid closure 0…1.
 */
import { PERFORMANCE_HZ } from './performance-source.ts';
import { normal, uniform } from './random.ts';

const CLOSE_S = 0.08;
const SHUT_S = 0.03;
const OPEN_S = 0.15;
const BLINK_S = CLOSE_S + SHUT_S + OPEN_S;
const REFRACTORY_S = 0.5;
const MEDIAN_S = 2.6;
/** Log-normal spread; with the phrase-end blinks the intervals' coefficient of variation comes to about 0.75. */
const SIGMA = 0.68;

export class BlinkSource {
  #seed: number;
  #count = 0;
  #startS = Number.NEGATIVE_INFINITY;
  #nextS: number;
  #depth = 1;

  constructor(seed: number) {
    this.#seed = seed;
    this.#nextS = 0.6 + this.#interval() * 0.6;
  }

  next({ tick, isPhraseEnd, saccadeDeg }: { tick: number; isPhraseEnd: boolean; saccadeDeg: number }): number {
    const timeS = tick / PERFORMANCE_HZ;
    const isRested = timeS - this.#startS > BLINK_S + REFRACTORY_S;
    const invited = (isPhraseEnd && this.#draw(tick) < 0.5) || (saccadeDeg > 12 && this.#draw(tick) < 0.4);
    if (isRested && invited) this.#nextS = Math.min(this.#nextS, timeS + 0.06);
    if (timeS >= this.#nextS) this.#begin(timeS);
    return this.#depth * lid(timeS - this.#startS);
  }

  #begin(timeS: number): void {
    this.#startS = timeS;
    this.#count++;
    const kind = uniform(this.#seed, 'blink-kind', this.#count);
    // Some blinks come in pairs.
    this.#nextS = timeS + BLINK_S + (kind < 0.08 ? 0.06 : REFRACTORY_S + this.#interval());
    this.#depth = 1;
  }

  #interval(): number {
    return (
      Math.min(MEDIAN_S * Math.exp(SIGMA * normal(this.#seed, 'blink-interval', this.#count)), 9) - REFRACTORY_S / 2
    );
  }

  #draw(tick: number): number {
    return uniform(this.#seed, 'blink-phrase', tick);
  }
}

function lid(sinceS: number): number {
  if (sinceS < 0 || sinceS > BLINK_S) return 0;
  const u = sinceS < CLOSE_S ? sinceS / CLOSE_S : sinceS < CLOSE_S + SHUT_S ? 1 : (BLINK_S - sinceS) / OPEN_S;
  return u * u * (3 - 2 * u);
}
