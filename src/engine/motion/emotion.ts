/**
 * Emotion as an offset to the whole performance: what each emotion adds to face, pose and gaze, and how it scales the
 * movements. In: weights 0…1 per emotion; out: one offset. Pure.
 */
import type { AvatarControls, Emotion } from '../controls.ts';
import { BLENDSHAPE_INDEX, type BlendshapeName } from '../motion-frame.ts';

type Side = 'both' | 'one';

/** ARKit weights at full strength; names without Left/Right stand for both sides. */
const FACES: Record<Exclude<Emotion, 'neutral'>, [name: string, side: Side, weight: number][]> = {
  happy: [
    ['mouthSmile', 'both', 0.95],
    ['cheekSquint', 'both', 0.75],
    ['eyeSquint', 'both', 0.38],
    ['mouthDimple', 'both', 0.2],
    ['mouthUpperUp', 'both', 0.16],
    ['mouthStretch', 'both', 0.1],
    ['browOuterUp', 'both', 0.16],
  ],
  angry: [
    // Beyond 1 the shape is complete before the emotion is: brows come down early in anger.
    ['browDown', 'both', 1.5],
    // The upper lid stays up under the brow: eyes that stare, not eyes that are tired.
    ['eyeWide', 'both', 0.6],
    ['eyeSquint', 'both', 0.6],
    ['noseSneer', 'both', 1],
    ['cheekSquint', 'both', 0.25],
    // Lips pressed thin; corners that fall would read as grief.
    ['mouthPress', 'both', 0.9],
    ['mouthFrown', 'both', 0.15],
    ['mouthRollUpper', 'one', 0.25],
    ['mouthRollLower', 'one', 0.15],
    ['jawForward', 'one', 0.4],
    ['mouthShrugLower', 'one', 0.3],
  ],
  surprised: [
    ['browInnerUp', 'one', 0.85],
    ['browOuterUp', 'both', 0.8],
    ['eyeWide', 'both', 1],
    ['jawOpen', 'one', 0.22],
    ['mouthFunnel', 'one', 0.14],
  ],
  sad: [
    ['browInnerUp', 'one', 0.9],
    ['browDown', 'both', 0.14],
    ['mouthFrown', 'both', 0.7],
    ['mouthShrugLower', 'one', 0.4],
    ['eyeBlink', 'both', 0.16],
    ['cheekSquint', 'both', 0.12],
    ['mouthPress', 'both', 0.08],
  ],
};

const NAMES = Object.keys(FACES) as (keyof typeof FACES)[];

/** The same dense, by `BLENDSHAPE_INDEX`. */
const WEIGHTS = new Map(
  NAMES.map((name) => {
    const weights = new Float32Array(Object.keys(BLENDSHAPE_INDEX).length);
    for (const [shape, side, full] of FACES[name]) {
      const shapes = side === 'one' ? [shape] : [`${shape}Left`, `${shape}Right`];
      for (const each of shapes) weights[BLENDSHAPE_INDEX[each as BlendshapeName]] = full;
    }
    return [name, weights];
  }),
);

interface Bearing {
  pitchRad: number;
  rollRad: number;
  scale: number;
  gazePitchRad: number;
  /** Factors on head motion and on brow and nod events. */
  headGain: number;
  accentGain: number;
}

const BEARINGS: Record<Exclude<Emotion, 'neutral'>, Bearing> = {
  happy: { pitchRad: 0.02, rollRad: 0.025, scale: 1, gazePitchRad: 0, headGain: 1.15, accentGain: 1.2 },
  angry: { pitchRad: -0.125, rollRad: 0, scale: 1.02, gazePitchRad: 0.02, headGain: 1.1, accentGain: 1.1 },
  surprised: { pitchRad: 0.045, rollRad: 0, scale: 0.985, gazePitchRad: 0, headGain: 0.9, accentGain: 1.1 },
  sad: { pitchRad: -0.07, rollRad: -0.045, scale: 1, gazePitchRad: -0.05, headGain: 0.6, accentGain: 0.6 },
};

export interface EmotionOffset extends Bearing {
  /** Dense weights by `BLENDSHAPE_INDEX`. */
  addTo(weights: Float32Array, strength?: number): void;
}

/** The blended offset of several emotions; they are scaled back together where their sum exceeds 1. */
export function emotionOffset(emotion: AvatarControls['emotion']): EmotionOffset {
  const sum = NAMES.reduce((total, name) => total + (emotion[name] ?? 0), 0);
  const felt = NAMES.flatMap((name) => {
    const amount = (emotion[name] ?? 0) / Math.max(1, sum);
    return amount === 0 ? [] : [{ amount, weights: WEIGHTS.get(name)!, bearing: BEARINGS[name] }];
  });
  const offset = { pitchRad: 0, rollRad: 0, scale: 1, gazePitchRad: 0, headGain: 1, accentGain: 1 };
  for (const { amount, bearing } of felt) {
    offset.pitchRad += amount * bearing.pitchRad;
    offset.rollRad += amount * bearing.rollRad;
    offset.gazePitchRad += amount * bearing.gazePitchRad;
    offset.scale *= 1 + amount * (bearing.scale - 1);
    offset.headGain *= 1 + amount * (bearing.headGain - 1);
    offset.accentGain *= 1 + amount * (bearing.accentGain - 1);
  }
  return {
    ...offset,
    addTo(target, strength = 1) {
      for (const { amount, weights } of felt)
        for (let i = 0; i < weights.length; i++) target[i] += strength * amount * weights[i];
    },
  };
}
