/**
 * What a face does because someone else speaks, or because it is about to: nods and raised brows at the caller's pauses and stresses, a
 * tilted and slightly nearer head while it listens, an in-breath before it answers. In: the activity and how the caller sounds, once per
 * tick; out: small offsets and impulses, all of them continuous. Without a caller nothing happens.
 */
import { PERFORMANCE_HZ, type PerformanceInput } from './performance-source.ts';
import { uniform } from './random.ts';

const DEG = Math.PI / 180;
/** Somebody who has said so much has earned a nod when pausing. */
const MIN_PHRASE_S = 0.9;
/** Between two nods, and from there on a longer phrase gets one in its middle. */
const MIN_NOD_GAP_S = 1.3;
const MAX_NODLESS_S = 4.5;
const MIN_RAISE_GAP_S = 3;
const SECOND_NOD_S = 0.34;
/** Ticks over which a nod sets in. */
const NOD_ONSET_TICKS = 5;
/** A stress is that much louder than the last second. */
const STRESS = 0.25;
const BREATH_S = 0.9;

export interface AttentionOffsets {
  /** To be added to the nod's push, rad; a nod comes in several parts. */
  nodPush: number;
  /** Height of a brow raise that begins now, else 0. */
  raise: number;
  rollRad: number;
  pitchRad: number;
  /** Of the distance: 0.01 is one hundredth nearer. */
  nearer: number;
  /** Shoulders and head rise with an in-breath, 0…1. */
  breath: number;
}

export class Attention {
  readonly #seed: number;
  readonly #tiltRad: number;
  /** Twice smoothed, so that leaning in begins and ends softly. */
  #leaning = 0;
  #listening = 0;
  #voicedSinceS: number | undefined;
  #lastNodS = Number.NEGATIVE_INFINITY;
  #secondNodS = Number.POSITIVE_INFINITY;
  #lastRaiseS = Number.NEGATIVE_INFINITY;
  #onset = { pushRad: 0, ticks: 0 };
  #recent = 1;
  #breathS = Number.NEGATIVE_INFINITY;
  #wasThinking = false;
  #draws = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#tiltRad = (uniform(seed, 'attention', 0) < 0.5 ? -1 : 1) * (1 + 1.4 * uniform(seed, 'attention', 1)) * DEG;
  }

  next({ tick, activity, caller }: PerformanceInput): AttentionOffsets {
    const timeS = tick / PERFORMANCE_HZ;
    const isListening = activity === 'listening';
    const hears = isListening && caller.isVoiced;
    this.#leaning += (Number(hears) - this.#leaning) / (0.6 * PERFORMANCE_HZ);
    this.#listening += (this.#leaning - this.#listening) / (0.5 * PERFORMANCE_HZ);
    const isThinking = activity === 'thinking';
    if (isThinking && !this.#wasThinking) this.#breathS = timeS + 0.15;
    this.#wasThinking = isThinking;
    const nodRad = this.#nod(timeS, hears, isListening || isThinking);
    if (nodRad > 0) this.#onset = { pushRad: nodRad / NOD_ONSET_TICKS, ticks: NOD_ONSET_TICKS };
    const nodPush = this.#onset.ticks-- > 0 ? this.#onset.pushRad : 0;
    const raise = hears ? this.#raise(timeS, caller.loudness) : 0;
    if (hears) this.#recent += (caller.loudness - this.#recent) / (0.5 * PERFORMANCE_HZ);
    else this.#recent = 1; // a voice that begins is no stress
    return {
      nodPush,
      raise,
      rollRad: this.#listening * this.#tiltRad,
      pitchRad: -0.4 * DEG * this.#listening,
      nearer: 0.012 * this.#listening,
      breath: bump((timeS - this.#breathS) / BREATH_S),
    };
  }

  /** At the end of a phrase, in the middle of a long one; sometimes twice. */
  #nod(timeS: number, hears: boolean, isAttentive: boolean): number {
    const since = this.#voicedSinceS;
    const phraseS = since === undefined ? 0 : timeS - since;
    if (hears) this.#voicedSinceS ??= timeS;
    else this.#voicedSinceS = undefined;
    if (timeS >= this.#secondNodS) {
      this.#secondNodS = Number.POSITIVE_INFINITY;
      return isAttentive ? 1.6 * DEG : 0;
    }
    const sinceNodS = timeS - this.#lastNodS;
    const hasPaused = since !== undefined && !hears && phraseS > MIN_PHRASE_S && isAttentive;
    const isOverdue = hears && phraseS > MAX_NODLESS_S && sinceNodS > MAX_NODLESS_S;
    if (sinceNodS < MIN_NOD_GAP_S || !(isOverdue || (hasPaused && this.#draw() < 0.75))) return 0;
    this.#lastNodS = timeS;
    if (this.#draw() < 0.35) this.#secondNodS = timeS + SECOND_NOD_S;
    return (isOverdue ? 1.7 : 2.2 + 1.6 * this.#draw()) * DEG;
  }

  #raise(timeS: number, loudness: number): number {
    if (timeS - this.#lastRaiseS < MIN_RAISE_GAP_S || loudness - this.#recent < STRESS) return 0;
    this.#lastRaiseS = timeS;
    return this.#draw() < 0.45 ? 0.12 + 0.16 * this.#draw() : 0;
  }

  #draw(): number {
    return uniform(this.#seed, 'attention', 2 + this.#draws++);
  }
}

/** Up and down once within 0…1, smoothly. */
function bump(u: number): number {
  return u <= 0 || u >= 1 ? 0 : Math.sin(Math.PI * Math.sqrt(u)) ** 2;
}
