/**
 * What a person should know about their photo, in plain words. In: faces, framing and pose. Out: warnings with a stable
 * code each; none of them stops the bake.
 */
import type { FaceRig } from '../face-rig.ts';
import type { Face } from './face-mesh.ts';
import type { Framing } from './framing.ts';
import { LEFT_EYE, RIGHT_EYE, SKIN_LANDMARK_COUNT } from './landmark-indices.ts';
import type { Photo } from './photo.ts';

const DEGREE = Math.PI / 180;
/** Eye opening ÷ eye width below which an eye counts as closed. */
const CLOSED_EYE = 0.11;
/** Share of the face's landmarks beyond the photo's edge above which a part of the face is missing. */
const CUT_SHARE = 0.06;

/** Rounded corners and soft edges are less. */
const TRANSPARENT_SHARE = 0.02;

export function photoWarnings(
  faces: Face[],
  framing: Framing,
  photo: Photo,
  pose: FaceRig['photoPose'],
  landmarks: Float32Array,
): FaceRig['warnings'] {
  const warnings: FaceRig['warnings'] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message });
  if (faces.length > 1) {
    warn(
      'SEVERAL_FACES',
      `The photo shows ${faces.length} faces; the largest was taken. Crop it to one person to choose another.`,
    );
  }
  if (shareBeyond(faces[0].landmarks, photo) > CUT_SHARE) {
    warn(
      'FACE_CUT',
      'A part of the face lies beyond the edge of the photo and is invented. Use a photo that shows the whole face.',
    );
  }
  const yawDegrees = Math.abs(pose.yawRad) / DEGREE;
  if (yawDegrees > 38) {
    warn(
      'PROFILE',
      `The face is turned ${yawDegrees.toFixed(0)}° away, nearly a profile: it will look wrong when it moves. Use a photo that looks into the camera.`,
    );
  } else if (yawDegrees > 25) {
    warn(
      'THREE_QUARTER',
      `The face is turned ${yawDegrees.toFixed(0)}° away, so it can hardly turn further. A photo that looks into the camera moves better.`,
    );
  }
  if (Math.abs(pose.pitchRad) > 25 * DEGREE) {
    warn('TILTED', 'The face looks far up or down: nodding is limited. A photo taken at eye level works better.');
  }
  const openings = [RIGHT_EYE, LEFT_EYE].map((ring) => eyeOpening(landmarks, ring));
  if (openings.every((opening) => opening < CLOSED_EYE)) {
    warn('CLOSED_EYES', 'The eyes are closed in the photo and will stay so. Use a photo with open eyes.');
  }
  if (framing.sidePx < 256) {
    warn(
      'LOW_RESOLUTION',
      `The face covers few pixels (the picture is made from ${Math.round(framing.sidePx)}×${Math.round(framing.sidePx)} px) and will look soft. Use a larger photo or one taken closer.`,
    );
  }
  if (transparentShare(photo) > TRANSPARENT_SHARE) {
    warn('TRANSPARENT', 'The transparent parts of the photo are drawn in grey.');
  }
  if (framing.sidePx >= Math.min(photo.widthPx, photo.heightPx) - 1) {
    const share = faceHeight(landmarks) / 512;
    if (share > 0.62)
      warn(
        'TIGHT_CROP',
        'The photo is cropped close around the face: hair and shoulders beyond it are invented. A photo with more room looks better.',
      );
  }
  return warnings;
}

function transparentShare({ alpha }: Photo): number {
  if (!alpha) return 0;
  let count = 0;
  for (const value of alpha) if (value < 128) count++;
  return count / alpha.length;
}

/** `landmarks`: 3 per point, photo px. */
function shareBeyond(landmarks: Float32Array, { widthPx, heightPx }: Photo): number {
  let beyond = 0;
  for (let i = 0; i < SKIN_LANDMARK_COUNT; i++) {
    const x = landmarks[3 * i];
    const y = landmarks[3 * i + 1];
    if (x < 0 || y < 0 || x > widthPx || y > heightPx) beyond++;
  }
  return beyond / SKIN_LANDMARK_COUNT;
}

function faceHeight(landmarks: Float32Array): number {
  return Math.hypot(landmarks[30] - landmarks[456], landmarks[31] - landmarks[457]);
}

function eyeOpening(landmarks: Float32Array, ring: readonly number[]): number {
  const half = ring.length / 2;
  const distance = (a: number, b: number) =>
    Math.hypot(landmarks[3 * a] - landmarks[3 * b], landmarks[3 * a + 1] - landmarks[3 * b + 1]);
  let sum = 0;
  for (let i = 1; i < half; i++) sum += distance(ring[i], ring[ring.length - i]);
  return sum / (half - 1) / distance(ring[0], ring[half]);
}
