/**
 * Live controls without jumps: the values that are applied follow the ones that were set within 200 ms.
 * The first value applies at once. One call per performance tick.
 */
import { type AvatarControls, EMOTIONS } from '../controls.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';

const TIME_CONSTANT_S = 0.07;

export class ControlSmoother {
  #goal: AvatarControls;
  #now: AvatarControls;

  constructor(initial: AvatarControls) {
    this.#goal = initial;
    this.#now = initial;
  }

  set(controls: AvatarControls): void {
    this.#goal = controls;
  }

  next(): AvatarControls {
    const keep = Math.exp(-1 / (PERFORMANCE_HZ * TIME_CONSTANT_S));
    const glide = (now: number, goal: number): number => {
      const value = goal + (now - goal) * keep;
      return Math.abs(value - goal) < 1e-5 ? goal : value;
    };
    const { gaze, headDistance, headMotion, expressiveness, emotion } = this.#now;
    const goal = this.#goal;
    const blended: AvatarControls['emotion'] = {};
    for (const name of EMOTIONS) {
      const weight = glide(emotion[name] ?? 0, goal.emotion[name] ?? 0);
      if (weight > 0) blended[name] = weight;
    }
    this.#now = {
      gaze: { yawRad: glide(gaze.yawRad, goal.gaze.yawRad), pitchRad: glide(gaze.pitchRad, goal.gaze.pitchRad) },
      headDistance: glide(headDistance, goal.headDistance),
      headMotion: glide(headMotion, goal.headMotion),
      expressiveness: glide(expressiveness, goal.expressiveness),
      emotion: blended,
      seed: goal.seed,
    };
    return this.#now;
  }
}
