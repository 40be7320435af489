/**
 * Where the eyes look, in the camera's frame: a semi-Markov process fitted on tracked speakers (`models/eye-prior.json`). The eyes rest for a
 * while, then jump to a place that depends on where they rested; saccades follow the main sequence (21 + 2.2 ms per degree, minimum jerk).
 * Places lie around the asked direction, for a face that thinks around one aside. One call per tick.
 */
import type { Gaze } from '../motion-frame.ts';
import type { GazePrior } from './eye-prior.ts';
import { PERFORMANCE_HZ, type PerformanceInput } from './performance-source.ts';
import { normal, uniform } from './random.ts';

const DEG = Math.PI / 180;
/** The clips are of people who speak. Who listens looks at the other, longer and with smaller jumps; these factors are not fitted. */
const MANNERS = {
  speaking: { jump: 1, dwell: 1 },
  idle: { jump: 0.85, dwell: 1.4 },
  listening: { jump: 0.5, dwell: 1.6 },
  thinking: { jump: 0.8, dwell: 1.1 },
} as const;
/** Share of a jump that stays where the eyes turn to on purpose. */
const TURN_JUMP = 0.15;
const DWELL_S = { min: 0.12, max: 5 };
/** People of the clips who look further aside look at someone else. */
const LARGEST_JUMP_DEG = 14;
/** Jumps' mean is not quite zero: a face must look where it was asked to, so it is drawn back to it slowly. */
const BALANCE_S = 20;

export interface GazeTarget {
  target: Gaze;
  /** Size of a saccade that begins at this tick, else 0. */
  saccadeDeg: number;
}

interface Place {
  yawDeg: number;
  pitchDeg: number;
}

export class GazeSource {
  readonly #prior: GazePrior;
  readonly #seed: number;
  readonly #logDwell: number;
  readonly #size: number;
  #count = 0;
  #untilS: number;
  #place: Place = { yawDeg: 0, pitchDeg: 0 };
  #home: Place = { yawDeg: 0, pitchDeg: 0 };
  #mean: Place = { yawDeg: 0, pitchDeg: 0 };
  #from: Place = { yawDeg: 0, pitchDeg: 0 };
  #saccade = { startS: Number.NEGATIVE_INFINITY, lengthS: 1 };
  #activity: PerformanceInput['activity'] = 'idle';
  /** The next jump is for another activity, straight to where that one looks. */
  #isTurning = false;

  constructor(prior: GazePrior, seed: number) {
    this.#prior = prior;
    this.#seed = seed;
    const style = (n: number): number => Math.max(-1, Math.min(1, normal(seed, 'style', n)));
    this.#logDwell = prior.logDwell.mean + prior.logDwell.sdBetween * style(4);
    this.#size = Math.exp(prior.logJumpSdBetween * style(5));
    this.#untilS = 0.6 + uniform(seed, 'gaze-length', 1);
  }

  next({ tick, activity, controls }: PerformanceInput): GazeTarget {
    const timeS = tick / PERFORMANCE_HZ;
    this.#follow(activity, timeS);
    const saccadeDeg = timeS >= this.#untilS ? this.#jump(timeS) : 0;
    // headMotion and expressiveness both at 0 ask for a still picture.
    const life = controls.expressiveness === 0 && controls.headMotion === 0 ? 0 : DEG;
    const offset = this.#offset(timeS);
    if (this.#activity !== 'thinking') this.#balance(offset);
    return {
      target: {
        yawRad: controls.gaze.yawRad + life * (offset.yawDeg - this.#mean.yawDeg),
        pitchRad: controls.gaze.pitchRad + life * (offset.pitchDeg - this.#mean.pitchDeg),
      },
      saccadeDeg,
    };
  }

  /** Who begins to think looks away soon; who listens or is about to speak looks back, so that the other knows. */
  #follow(activity: PerformanceInput['activity'], timeS: number): void {
    if (activity === this.#activity) return;
    const isTurning = activity === 'thinking' || activity === 'listening' || this.#activity !== 'idle';
    this.#isTurning ||= isTurning;
    this.#activity = activity;
    const soonS = timeS + 0.12 + 0.25 * uniform(this.#seed, 'gaze-side', 3 * this.#count);
    if (isTurning) this.#untilS = Math.min(this.#untilS, soonS);
    if (activity === 'thinking') {
      this.#chooseAside();
      return;
    }
    this.#home = { yawDeg: 0, pitchDeg: 0 };
  }

  /** Mostly up and to a side, now and then down. */
  #chooseAside(): void {
    const draw = (n: number): number => uniform(this.#seed, 'gaze-side', 3 * this.#count + n);
    const side = draw(1) < 0.5 ? -1 : 1;
    const height = draw(2) < 0.7 ? 2 + 6 * (draw(2) / 0.7) : -5;
    this.#home = { yawDeg: side * (7 + 7 * uniform(this.#seed, 'gaze-yaw', this.#count)), pitchDeg: height };
  }

  #jump(timeS: number): number {
    const { jumpsDeg, keep, logDwell } = this.#prior;
    const k = ++this.#count;
    const manner = MANNERS[this.#activity];
    // Who thinks looks for another place to rest from time to time, and back in between.
    if (this.#activity === 'thinking' && !this.#isTurning && k % 3 === 0) {
      if (uniform(this.#seed, 'gaze-side', 3 * k) < 0.3) this.#home = { yawDeg: 0, pitchDeg: 0 };
      else this.#chooseAside();
    }
    const [yawDeg, pitchDeg] = jumpsDeg[Math.floor(uniform(this.#seed, 'gaze-yaw', k) * jumpsDeg.length)]!;
    const mirror = uniform(this.#seed, 'gaze-pitch', k) < 0.5 ? -1 : 1;
    const size = Math.hypot(yawDeg, pitchDeg);
    const turn = this.#isTurning ? TURN_JUMP : 1;
    const amount = turn * this.#size * manner.jump * Math.min(1, LARGEST_JUMP_DEG / Math.max(size, 1e-6));
    const [keptYaw, keptPitch] = this.#isTurning ? [0, 0] : keep;
    this.#isTurning = false;
    const now = this.#offset(timeS);
    const { yawDeg: homeYaw, pitchDeg: homePitch } = this.#home;
    this.#from = now;
    this.#place = {
      yawDeg: homeYaw + keptYaw * (now.yawDeg - homeYaw) + amount * mirror * yawDeg,
      pitchDeg: homePitch + keptPitch * (now.pitchDeg - homePitch) + amount * pitchDeg,
    };
    const saccadeDeg = Math.hypot(this.#place.yawDeg - now.yawDeg, this.#place.pitchDeg - now.pitchDeg);
    this.#saccade = { startS: timeS, lengthS: 0.021 + 0.0022 * saccadeDeg };
    const restS = manner.dwell * Math.exp(this.#logDwell + logDwell.sd * normal(this.#seed, 'gaze-length', k));
    this.#untilS = timeS + this.#saccade.lengthS + Math.min(Math.max(restS, DWELL_S.min), DWELL_S.max);
    return saccadeDeg;
  }

  #balance(offset: Place): void {
    const step = 1 / (PERFORMANCE_HZ * BALANCE_S);
    this.#mean.yawDeg += step * (offset.yawDeg - this.#mean.yawDeg);
    this.#mean.pitchDeg += step * (offset.pitchDeg - this.#mean.pitchDeg);
  }

  #offset(timeS: number): Place {
    const u = Math.min(Math.max((timeS - this.#saccade.startS) / this.#saccade.lengthS, 0), 1);
    const s = u * u * u * (10 - 15 * u + 6 * u * u);
    return {
      yawDeg: this.#from.yawDeg + s * (this.#place.yawDeg - this.#from.yawDeg),
      pitchDeg: this.#from.pitchDeg + s * (this.#place.pitchDeg - this.#from.pitchDeg),
    };
  }
}
