/**
 * Mouth + performance + emotion → one motion frame. Every generator of mouths (rule-based or learned) and of
 * performances meets here, so that controls mean the same for all of them. Pure.
 */
import type { AvatarControls } from '../controls.ts';
import { BLENDSHAPE_INDEX, type BlendshapeName, type MotionFrame } from '../motion-frame.ts';
import type { MouthState } from './coarticulation.ts';
import { emotionOffset } from './emotion.ts';
import type { Performance } from './performance-source.ts';
import { applyMouth, toBlendshapes, WEIGHT_COUNT } from './retarget.ts';

export interface FrameParts {
  mouth: MouthState;
  loudness: number;
  performance: Performance;
  /** Already smoothed. */
  controls: AvatarControls;
}

export function composeFrame(timestampUs: number, parts: FrameParts): MotionFrame {
  const { mouth, loudness, performance, controls } = parts;
  const weights = new Float32Array(WEIGHT_COUNT);
  emotionOffset(controls.emotion).addTo(weights);
  const { blink, browInnerUp, browOuterUp, browDown, squint } = performance.upperFace;
  const add = (names: BlendshapeName[], value: number): void => {
    for (const name of names) weights[BLENDSHAPE_INDEX[name]] += value;
  };
  add(['browInnerUp'], browInnerUp);
  add(['browOuterUpLeft', 'browOuterUpRight'], browOuterUp);
  add(['browDownLeft', 'browDownRight'], browDown);
  // A blink closes the lid from wherever the emotion holds it.
  for (const side of ['Left', 'Right'] as const) {
    const lid = BLENDSHAPE_INDEX[`eyeBlink${side}`];
    const lower = BLENDSHAPE_INDEX[`eyeSquint${side}`];
    weights[lower] += squint;
    // An eye that opens gives up its squint first.
    if (weights[lower] < 0) weights[BLENDSHAPE_INDEX[`eyeWide${side}`]] -= weights[lower];
    weights[lower] = Math.max(weights[lower], 0) * (1 - 0.5 * blink);
    weights[lid] += (1 - weights[lid]) * blink;
    weights[BLENDSHAPE_INDEX[`eyeWide${side}`]] *= 1 - blink;
  }
  applyMouth(weights, mouth, { loudness, expressiveness: controls.expressiveness });
  return {
    timestampUs,
    pose: rounded(performance.pose),
    gaze: rounded(performance.gaze),
    blendshapes: toBlendshapes(weights),
  };
}

function rounded<T extends { [K in keyof T]: number }>(values: T): T {
  const entries = Object.entries(values) as [string, number][];
  return Object.fromEntries(entries.map(([key, value]) => [key, Math.round(value * 1e5) / 1e5 || 0])) as T;
}
