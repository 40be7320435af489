/**
 * MotionFrame: what a face does at one instant. The motion generator makes it, every renderer draws it.
 * Plain data, no Node API: the browser imports this file too. The file format (one JSON object per line) is in
 * `motion-file.ts`; signs and units are fixed by the public contract quoted on each field.
 */

/** Apple ARKit's 52 blend-shape names, in the order of every dense vector of weights in this project. */
export const BLENDSHAPE_NAMES = [
  'browDownLeft',
  'browDownRight',
  'browInnerUp',
  'browOuterUpLeft',
  'browOuterUpRight',
  'cheekPuff',
  'cheekSquintLeft',
  'cheekSquintRight',
  'eyeBlinkLeft',
  'eyeBlinkRight',
  'eyeLookDownLeft',
  'eyeLookDownRight',
  'eyeLookInLeft',
  'eyeLookInRight',
  'eyeLookOutLeft',
  'eyeLookOutRight',
  'eyeLookUpLeft',
  'eyeLookUpRight',
  'eyeSquintLeft',
  'eyeSquintRight',
  'eyeWideLeft',
  'eyeWideRight',
  'jawForward',
  'jawLeft',
  'jawOpen',
  'jawRight',
  'mouthClose',
  'mouthDimpleLeft',
  'mouthDimpleRight',
  'mouthFrownLeft',
  'mouthFrownRight',
  'mouthFunnel',
  'mouthLeft',
  'mouthLowerDownLeft',
  'mouthLowerDownRight',
  'mouthPressLeft',
  'mouthPressRight',
  'mouthPucker',
  'mouthRight',
  'mouthRollLower',
  'mouthRollUpper',
  'mouthShrugLower',
  'mouthShrugUpper',
  'mouthSmileLeft',
  'mouthSmileRight',
  'mouthStretchLeft',
  'mouthStretchRight',
  'mouthUpperUpLeft',
  'mouthUpperUpRight',
  'noseSneerLeft',
  'noseSneerRight',
  'tongueOut',
] as const; // prettier-ignore

export type BlendshapeName = (typeof BLENDSHAPE_NAMES)[number];

export const BLENDSHAPE_INDEX = Object.fromEntries(BLENDSHAPE_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<BlendshapeName, number>
>;

/** Head pose relative to the photo's own. Angles in radians, signs as a viewer sees them in the image. */
export interface HeadPose {
  /** > 0: the nose moves toward the image's right edge. */
  yawRad: number;
  /** > 0: the nose moves toward the top. */
  pitchRad: number;
  /** > 0: the head tilts clockwise. */
  rollRad: number;
  /** Shift of the head's centre in face widths, image right positive. */
  x: number;
  /** Shift of the head's centre in face widths, image down positive. */
  y: number;
  /** Size of the face relative to the photo; head distance d gives 1/d. */
  scale: number;
}

/** Gaze relative to the photo's own: `yawRad` > 0 moves the irises to the image's right, `pitchRad` > 0 to the top. */
export interface Gaze {
  yawRad: number;
  pitchRad: number;
}

export interface MotionFrame {
  /** µs from the start of the performance. */
  timestampUs: number;
  pose: HeadPose;
  gaze: Gaze;
  /** Weights 0…1 by ARKit name; a missing name is 0. `Left`/`Right` are the person's own. */
  blendshapes: Partial<Record<BlendshapeName, number>>;
}

export const NEUTRAL_POSE: Readonly<HeadPose> = { yawRad: 0, pitchRad: 0, rollRad: 0, x: 0, y: 0, scale: 1 };

/** A motionless frame: the photo as it is. */
export function neutralFrame(timestampUs = 0): MotionFrame {
  return { timestampUs, pose: { ...NEUTRAL_POSE }, gaze: { yawRad: 0, pitchRad: 0 }, blendshapes: {} };
}
