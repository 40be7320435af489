/**
 * FaceControls: what a MotionFrame asks of the face, resolved against one rig: the 52 weights as they act on the mesh and
 * the exact commands that linear shapes cannot give (closed lips, teeth on the lip, tongue). No Node API.
 *
 * Convention for whoever makes motion, with j = jawOpen, c = mouthClose, p = mean of mouthPressLeft/Right:
 * - seal: lips meet exactly when c ≥ max(j, 0.08) or p ≥ 0.4, on any photo and whatever the other weights;
 * - all mouth weights 0 is the photo as it is; weights that sum to 0.12 or more ride on the neutral, closed mouth;
 * - bite (f, v): mouthRollLower beyond mouthRollUpper by 0.2…0.5 with a small jaw puts the lower lip to the upper teeth;
 * - tongueOut: 0.35 raises the tip behind the upper teeth, 0.65 puts it between the teeth, 1 sticks it out.
 */

import type { FaceRig } from '../face-rig.ts';
import { BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, type MotionFrame } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';

export interface FaceControls {
  /** In the order of BLENDSHAPE_NAMES. */
  weights: Float32Array;
  /** 0 = the photo's own mouth, 1 = its expression taken away. */
  neutralize: number;
  /** 1 = the inner lips meet everywhere. */
  seal: number;
  /** 1 = the lower lip touches the upper teeth. */
  bite: number;
  /** Person's own left and right, 0…1. */
  blink: { left: number; right: number };
}

const I = BLENDSHAPE_INDEX;

/** Shapes that open or form the mouth: their sum tells whether the mouth is in use. Smiles leave the photo's mouth as it is. */
const MOUTH_USE = BLENDSHAPE_NAMES.flatMap((name, i) =>
  /^(mouth|jaw|tongue)/.test(name) && !/Smile|Dimple/.test(name) ? [i] : [],
);

/** From this weight on the jaw opens at half pace: 1 would be a scream that no photo survives. */
const JAW_KNEE = 0.55;
/** Most of pucker and funnel together: beyond it the lower lip folds. */
const MAX_ROUNDING = 1.1;
/** A wrinkled nose needs wrinkles that the photo does not have. */
const SNEER_SCALE = 0.45;

export function createFaceControls(): FaceControls {
  return {
    weights: new Float32Array(BLENDSHAPE_NAMES.length),
    neutralize: 0,
    seal: 0,
    bite: 0,
    blink: { left: 0, right: 0 },
  };
}

/**
 * Resolves `frame` into `controls`, in place. Weights that are missing or not finite count as 0, others are held to 0…1.
 * @param gazeLid how far the lids follow the gaze: > 0 down, < 0 up, in −1…1.
 */
export function resolveControls(controls: FaceControls, rig: FaceRig, frame: MotionFrame, gazeLid: number): void {
  const w = controls.weights;
  for (let i = 0; i < w.length; i++) {
    const value = frame.blendshapes[BLENDSHAPE_NAMES[i]] ?? 0;
    w[i] = Number.isFinite(value) ? Math.min(Math.max(value, 0), 1) : 0;
  }

  let use = 0;
  for (const i of MOUTH_USE) use += w[i];
  controls.neutralize = smoothstep(0.015, 0.12, use);

  const jaw = w[I.jawOpen];
  const close = w[I.mouthClose];
  const press = (w[I.mouthPressLeft] + w[I.mouthPressRight]) / 2;
  controls.seal = Math.max(smoothstep(0.5, 1, close / Math.max(jaw, 0.08)), smoothstep(0.2, 0.4, press));
  w[I.mouthClose] = Math.min(close, jaw);
  controls.bite =
    smoothstep(0.2, 0.5, w[I.mouthRollLower] - w[I.mouthRollUpper]) *
    (1 - controls.seal) *
    (1 - smoothstep(0.12, 0.25, jaw));
  if (jaw > JAW_KNEE) w[I.jawOpen] = JAW_KNEE + (jaw - JAW_KNEE) * 0.5;

  const rounding = w[I.mouthPucker] + w[I.mouthFunnel];
  if (rounding > MAX_ROUNDING) {
    w[I.mouthPucker] *= MAX_ROUNDING / rounding;
    w[I.mouthFunnel] *= MAX_ROUNDING / rounding;
  }
  w[I.noseSneerLeft] *= SNEER_SCALE;
  w[I.noseSneerRight] *= SNEER_SCALE;
  const own = 1 - controls.neutralize;
  w[I.mouthSmileLeft] = Math.min(w[I.mouthSmileLeft], 1 - own * (rig.photoExpression.mouthSmileLeft ?? 0));
  w[I.mouthSmileRight] = Math.min(w[I.mouthSmileRight], 1 - own * (rig.photoExpression.mouthSmileRight ?? 0));

  controls.blink.left = resolveLids(w, 'Left', gazeLid);
  controls.blink.right = resolveLids(w, 'Right', gazeLid);
}

/** The lids of one eye: a closing lid leaves no room for the other lid shapes, or it would cross the lower one. */
function resolveLids(w: Float32Array, side: 'Left' | 'Right', gazeLid: number): number {
  const blink = w[I[`eyeBlink${side}`]];
  const open = 1 - blink;
  w[I[`eyeLookDown${side}`]] = Math.max(w[I[`eyeLookDown${side}`]], 0.55 * Math.max(gazeLid, 0)) * open;
  w[I[`eyeLookUp${side}`]] = Math.max(w[I[`eyeLookUp${side}`]], 0.6 * Math.max(-gazeLid, 0)) * open;
  w[I[`eyeSquint${side}`]] *= open;
  w[I[`eyeWide${side}`]] *= open;
  // The irises follow `gaze`; the sideways look shapes would only pull at the lids.
  w[I[`eyeLookIn${side}`]] = 0;
  w[I[`eyeLookOut${side}`]] = 0;
  return blink;
}
