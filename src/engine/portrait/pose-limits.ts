/**
 * How far a head may turn from its photo before the picture breaks. In: the photo's own pose. Out: bounds of the relative
 * pose. A near-frontal photo bears about 22° either way; a three-quarter view hides one cheek, and turning that cheek
 * into view would have to invent it.
 */

import type { FaceRig } from '../face-rig.ts';
import { smoothstep } from '../smoothstep.ts';

const DEGREE = Math.PI / 180;
const FREE_YAW = 22 * DEGREE;
/** Towards the hidden side of a three-quarter photo. */
const HIDDEN_YAW = 8 * DEGREE;
/** From the camera's axis, whatever the photo. */
const ABSOLUTE_YAW = 27 * DEGREE;
const LEAST_YAW = 5 * DEGREE;
const PITCH = 18 * DEGREE;
const ROLL = 20 * DEGREE;

export function poseLimits({ yawRad }: FaceRig['photoPose']): FaceRig['poseLimits'] {
  const turned = smoothstep(6 * DEGREE, 16 * DEGREE, Math.abs(yawRad));
  // The nose of a photo turned to the right hides the right cheek: turning left would show it.
  const towardsHidden = FREE_YAW + turned * (HIDDEN_YAW - FREE_YAW);
  const onwards = Math.min(FREE_YAW, Math.max(ABSOLUTE_YAW - Math.abs(yawRad), LEAST_YAW));
  return {
    yawRad: yawRad >= 0 ? [-towardsHidden, onwards] : [-onwards, towardsHidden],
    pitchRad: [-PITCH, PITCH],
    rollRad: [-ROLL, ROLL],
  };
}
