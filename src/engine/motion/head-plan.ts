/** What the learned head asks its network, and what it gets back. Free of the network, so that it may run in another thread. */

/** Frames of 40 ms that are given and that are planned. */
export const PAST_FRAMES = 20;
export const PLAN_FRAMES = 25;
/** Loudness (10 dB), its rise, voicing, and whether they are known. */
export const VOICE_VALUES = 4;
/** All angles are in this unit and relative to the present. */
export const PLAN_UNIT_DEG = 3;

export interface HeadPlanRequest {
  /** PLAN_FRAMES × 3: the fitted model's own plan, from which the network sets out. */
  start: Float32Array;
  /** PAST_FRAMES × 3. */
  past: Float32Array;
  /** (PAST_FRAMES + PLAN_FRAMES) × VOICE_VALUES. */
  voice: Float32Array;
  /** Natural logarithm of the person's degrees a frame. */
  logPace: number;
}

/** @returns PLAN_FRAMES × 3. A failure is no harm: the fitted model goes on alone. */
export type HeadPlanner = (request: HeadPlanRequest) => Promise<Float32Array>;
