/**
 * Mouth channels → ARKit weights: the one place where articulation (rule-based or learned) becomes blend shapes.
 * In: channels and rest of one instant, loudness, emotion offset. Out: the mouth's weights in a dense vector of 52.
 * Invariant: `close` 1 gives exactly closed lips and `rest` 1 a mouth at rest (closed, unless the emotion itself drops the jaw)
 * (the renderer seals the lips when mouthClose ≥ max(jawOpen, 0.08)).
 */

import { BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, type BlendshapeName } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';
import type { MouthState } from './coarticulation.ts';
import { CHANNEL_INDEX } from './phonemes.ts';

export const WEIGHT_COUNT = BLENDSHAPE_NAMES.length;

/** jawOpen 1 is a scream; the widest vowel of loud speech is about 0.4. */
const JAW_FULL = 0.45;
const JAW_LIMIT = 0.5;
/** Jaw left under closed lips and under the teeth on the lower lip. */
const JAW_CLOSED = 0.08;
const JAW_BITE = 0.05;

export interface MouthStyle {
  /** Loudness, 0…1.2: opens the jaw, not the lips. */
  loudness: number;
  /** 0…2; 0 leaves only the emotion offset. */
  expressiveness: number;
}

/**
 * Adds the mouth to `weights`, which already holds the emotion's offset, and re-establishes closures on top of both.
 *
 * @param weights dense, 52 in the order of `BLENDSHAPE_NAMES`; changed in place.
 */
export function applyMouth(weights: Float32Array, mouth: MouthState, style: MouthStyle): void {
  const channel = (name: keyof typeof CHANNEL_INDEX): number => mouth.channels[CHANNEL_INDEX[name]];
  // A calm speaker opens less but still closes: closures fade only when the face is all but frozen.
  const closing = Math.min(1, style.expressiveness * 4);
  const opening = style.expressiveness;
  const close = channel('close') * closing;
  const roll = channel('roll') * closing * (1 - close);
  const open = 1 - close;
  const add = (name: BlendshapeName, value: number): void => {
    weights[BLENDSHAPE_INDEX[name]] += value;
  };
  const addPair = (name: string, value: number): void => {
    add(`${name}Left` as BlendshapeName, value);
    add(`${name}Right` as BlendshapeName, value);
  };
  const speaking = 1 - mouth.rest;

  // A face that is surprised rests with its lips apart; every other one rests with them closed.
  const parted = Math.min(1, weights[BLENDSHAPE_INDEX.jawOpen] / 0.1);
  // What the emotion does to the lips is a resting shape: speech takes part of it back.
  for (const name of ['jawOpen', 'mouthShrugLower'] as const) weights[BLENDSHAPE_INDEX[name]] *= 1 - 0.6 * speaking;
  // Lips that are pressed together in anger would not open for a vowel.
  for (const name of ['mouthPressLeft', 'mouthPressRight', 'mouthRollLower', 'mouthRollUpper'] as const)
    weights[BLENDSHAPE_INDEX[name]] *= 1 - 0.95 * speaking;
  const rounding = Math.max(channel('pucker'), channel('round'));
  for (const name of ['mouthSmileLeft', 'mouthSmileRight'] as const)
    weights[BLENDSHAPE_INDEX[name]] *= 1 - 0.45 * rounding;

  const loud = 0.8 + 0.35 * Math.min(style.loudness, 1.2);
  const jaw = Math.min(weights[BLENDSHAPE_INDEX.jawOpen] + JAW_FULL * channel('jaw') * loud * opening, JAW_LIMIT);
  const biteJaw = jaw + (Math.min(jaw, JAW_BITE) - jaw) * roll;
  const jawOpen = biteJaw + (Math.min(biteJaw, JAW_CLOSED) - biteJaw) * close;
  weights[BLENDSHAPE_INDEX.jawOpen] = jawOpen;

  addPair('mouthLowerDown', channel('lower') * opening * open * (1 - 0.6 * roll));
  addPair('mouthUpperUp', (channel('upper') * opening + 0.22 * roll) * open);
  addPair('mouthStretch', 0.4 * channel('stretch') * opening);
  addPair('mouthSmile', 0.45 * channel('stretch') * opening);
  add('mouthFunnel', Math.min(0.5 * channel('round') * opening, 0.6));
  add('mouthPucker', Math.min(channel('pucker') * opening, 0.95));
  add('mouthRollLower', 0.58 * roll + 0.13 * close);
  add('mouthRollUpper', 0.1 * close);
  add('mouthShrugLower', 0.1 * roll);
  addPair('mouthPress', 0.3 * close);
  add('tongueOut', tongueOut(channel('tongue') * Math.min(1, opening)) * open);

  const seal = Math.max(close, smoothstep(0.55, 0.9, mouth.rest) * (1 - parted));
  weights[BLENDSHAPE_INDEX.mouthClose] = 1.05 * seal * Math.max(jawOpen, 0.1);
  for (let i = 0; i < WEIGHT_COUNT; i++) weights[i] = Math.min(1, Math.max(0, weights[i]));
}

/** Channel 0.8 raises the tip behind the upper teeth (tongueOut 0.35), 1 puts it between the teeth (0.65). */
function tongueOut(tongue: number): number {
  return tongue <= 0.8 ? (0.35 / 0.8) * tongue : 0.35 + (0.3 / 0.2) * (tongue - 0.8);
}

/** Dense weights → the motion frame's record: four decimals, zeros left out. */
export function toBlendshapes(weights: Float32Array): Partial<Record<BlendshapeName, number>> {
  const named: Partial<Record<BlendshapeName, number>> = {};
  for (const [i, name] of BLENDSHAPE_NAMES.entries()) {
    const value = Math.round(weights[i] * 1e4) / 1e4;
    if (value > 0) named[name] = value;
  }
  return named;
}
