/**
 * The interface of whatever moves head, eyes and upper face: the fitted or learned prior and the rule-based one of
 * `idle.ts` alike. One call per tick of a fixed rate, so that the result does not depend on the picture rate.
 */
import type { AvatarControls } from '../controls.ts';
import type { Gaze, HeadPose } from '../motion-frame.ts';

export const PERFORMANCE_HZ = 50;

/** Which head: the fitted autoregression, or the flow network that sets out from it. */
export const PERFORMANCE_KINDS = ['fitted', 'learned'] as const;
export type PerformanceKind = (typeof PERFORMANCE_KINDS)[number];

export interface PerformanceInput {
  /** Counts from 0; time = tick / PERFORMANCE_HZ. */
  tick: number;
  activity: 'idle' | 'listening' | 'thinking' | 'speaking';
  /** Loudness of the own voice, 0…1.2. */
  loudness: number;
  /** Strength of a stress that begins at this tick, 0…1; 0 at all others. */
  emphasis: number;
  /** The speech has just fallen silent. */
  isPhraseEnd: boolean;
  /** How someone sounds who speaks to the face. */
  caller: Caller;
  /** Already smoothed. */
  controls: AvatarControls;
}

export interface Caller {
  isVoiced: boolean;
  /** 0…1 of their usual loudness. */
  loudness: number;
}

export const NO_CALLER: Caller = { isVoiced: false, loudness: 0 };

/** Head, eyes and upper face at one tick, controls applied. Weights 0…1. */
export interface Performance {
  pose: HeadPose;
  /** Eye in head. */
  gaze: Gaze;
  /** Without the emotion's offset, which is added once for face and mouth together. A squint below 0 opens the eye. */
  upperFace: { blink: number; browInnerUp: number; browOuterUp: number; browDown: number; squint: number };
}

export interface PerformanceSource {
  next(input: PerformanceInput): Performance;
  /** Who has time waits for this before the next tick, and gets the same performance every time; a live face does not. */
  readonly pending?: Promise<void> | undefined;
}
