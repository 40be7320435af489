/**
 * Where the eyes look, in the camera's frame: fixations on the asked direction with short glances aside, joined by
 * saccades on the main sequence (21 + 2.2 ms per degree, minimum jerk) and small refixations. One call per tick.
 */
import type { Gaze } from '../motion-frame.ts';
import { PERFORMANCE_HZ, type PerformanceInput } from './performance-source.ts';
import { normal, uniform } from './random.ts';

const DEG = Math.PI / 180;
/** Probability that the next fixation is a glance aside, and which way it likes to go. */
const AVERT = { idle: 0.22, listening: 0.08, thinking: 0.54, speaking: 0.3 };

export interface GazeTarget {
  target: Gaze;
  /** Size of a saccade that begins at this tick, else 0. */
  saccadeDeg: number;
}

export class GazeSource {
  #seed: number;
  #fixation = 0;
  #untilS: number;
  #refixateS = 0.8;
  #aside: Gaze = { yawRad: 0, pitchRad: 0 };
  #from: Gaze = { yawRad: 0, pitchRad: 0 };
  #to: Gaze = { yawRad: 0, pitchRad: 0 };
  #saccadeStartS = Number.NEGATIVE_INFINITY;
  #saccadeS = 1;
  #isAside = false;
  #activity: PerformanceInput['activity'] = 'idle';

  constructor(seed: number) {
    this.#seed = seed;
    this.#untilS = 0.9 + 1.5 * uniform(seed, 'gaze-length', 0);
  }

  next({ tick, activity, controls }: PerformanceInput): GazeTarget {
    const timeS = tick / PERFORMANCE_HZ;
    let saccadeDeg = 0;
    this.#follow(activity, timeS);
    if (timeS >= this.#untilS) {
      this.#chooseFixation(timeS, activity);
      saccadeDeg = this.#jump(timeS, this.#aside);
    } else if (timeS >= this.#refixateS && timeS > this.#saccadeStartS + this.#saccadeS) {
      this.#refixateS = timeS + 0.5 + 1.2 * uniform(this.#seed, 'gaze-length', tick);
      this.#jump(timeS, {
        yawRad: this.#aside.yawRad + 0.45 * DEG * normal(this.#seed, 'gaze-yaw', tick),
        pitchRad: this.#aside.pitchRad + 0.35 * DEG * normal(this.#seed, 'gaze-pitch', tick),
      });
    }
    // headMotion and expressiveness both at 0 ask for a still picture.
    const life = controls.expressiveness === 0 && controls.headMotion === 0 ? 0 : 1;
    const offset = this.#offset(timeS);
    return {
      target: {
        yawRad: controls.gaze.yawRad + life * offset.yawRad,
        pitchRad: controls.gaze.pitchRad + life * offset.pitchRad,
      },
      saccadeDeg,
    };
  }

  /** Who begins to think looks away soon; who listens or is about to speak looks back, so that the other knows. */
  #follow(activity: PerformanceInput['activity'], timeS: number): void {
    if (activity === this.#activity) return;
    const before = this.#activity;
    this.#activity = activity;
    const soonS = timeS + 0.12 + 0.25 * uniform(this.#seed, 'gaze-length', this.#fixation + 7919);
    const turnsAway = activity === 'thinking' && !this.#isAside;
    const turnsBack = this.#isAside && (activity === 'listening' || before === 'thinking' || before === 'speaking');
    if (turnsAway || turnsBack) this.#untilS = Math.min(this.#untilS, soonS);
  }

  #chooseFixation(timeS: number, activity: PerformanceInput['activity']): void {
    const k = ++this.#fixation;
    // Who thinks looks from one place aside to the next; anyone else comes back in between.
    const mayStay = activity === 'thinking';
    this.#isAside = (mayStay || !this.#isAside) && uniform(this.#seed, 'gaze-side', 2 * k) < AVERT[activity] * 1.6;
    if (!this.#isAside) {
      this.#aside = { yawRad: 0, pitchRad: 0 };
      this.#untilS = timeS + Math.min(1.7 * Math.exp(0.55 * normal(this.#seed, 'gaze-length', k)), 6);
      return;
    }
    const side = uniform(this.#seed, 'gaze-side', 2 * k + 1) < 0.5 ? -1 : 1;
    this.#aside = {
      yawRad: side * (4 + 7 * uniform(this.#seed, 'gaze-yaw', k)) * DEG,
      pitchRad: (-3 + 7 * uniform(this.#seed, 'gaze-pitch', k)) * DEG * (activity === 'thinking' ? 1.5 : 1),
    };
    const medianS = activity === 'thinking' ? 0.9 : 0.55;
    this.#untilS = timeS + Math.min(medianS * Math.exp(0.45 * normal(this.#seed, 'gaze-length', k)), 2);
  }

  #jump(timeS: number, to: Gaze): number {
    this.#from = this.#offset(timeS);
    this.#to = to;
    const sizeDeg = Math.hypot(to.yawRad - this.#from.yawRad, to.pitchRad - this.#from.pitchRad) / DEG;
    this.#saccadeStartS = timeS;
    this.#saccadeS = 0.021 + 0.0022 * sizeDeg;
    return sizeDeg;
  }

  #offset(timeS: number): Gaze {
    const u = Math.min(Math.max((timeS - this.#saccadeStartS) / this.#saccadeS, 0), 1);
    const s = u * u * u * (10 - 15 * u + 6 * u * u);
    return {
      yawRad: this.#from.yawRad + s * (this.#to.yawRad - this.#from.yawRad),
      pitchRad: this.#from.pitchRad + s * (this.#to.pitchRad - this.#from.pitchRad),
    };
  }
}
