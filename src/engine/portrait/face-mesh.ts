/**
 * The 478 landmarks of every face in a photo (MediaPipe's attention mesh: lips, lids and irises refined): faces in photo px,
 * largest first.
 *
 * The network sees a level square around the face; the first landmarks give a better square for the second look, and the
 * largest face is looked at a few times more to average out the network's own jitter.
 * Landmark order and meaning are MediaPipe's (468 mesh points, then 5 points each for the iris at the image's left and right).
 */
import { AppError } from '../../errors.ts';
import { loadModel } from '../../inference.ts';
import { CONFIDENT_SCORE, type FaceDetection, glanceForFaces, rollRad, searchForFaces } from './face-detector.ts';
import type { Photo } from './photo.ts';
import { cropSquare, type Square, toPhoto } from './photo-crop.ts';

export const LANDMARK_COUNT = 478;

export interface Face {
  /** 478 × (x, y, z): photo px; z in the same unit, smaller is nearer to the viewer, 0 about the head's centre. */
  landmarks: Float32Array;
  /** That this is a face, 0…1. */
  score: number;
  /** Bounds of the landmarks, photo px. */
  boxPx: { x0: number; y0: number; x1: number; y1: number };
}

const CROP_PX = 192;
const ROI_SCALE = 1.5;
const LOOKS = 6;
const MIN_PRESENCE = 0.5;
const MIN_SCORE_TO_BEST = 0.75;
const MIN_FACE_PX = 80;
/** What looks like a face but is smaller than this in the file is chance. */
const SPECK_PX = 32;
/** Outer corners of the two eyes: their line is level in the crop. */
const EYE_CORNERS = [33, 263];

/**
 * All faces of the photo, largest first (at least one).
 *
 * @throws AppError NO_FACE, or FACE_TOO_SMALL where the largest is under 80 px.
 */
export async function analyseFaces(photo: Photo): Promise<Face[]> {
  const glimpsed = await glanceForFaces(photo);
  let faces = glimpsed.some((face) => face.score > CONFIDENT_SCORE) ? await fitFaces(photo, glimpsed) : [];
  if (faces.length === 0) faces = await fitFaces(photo, await searchForFaces(photo));
  if (faces.length === 0) {
    throw new AppError(
      'NO_FACE',
      `No face was found in ${photo.name}: give a photo in which one face looks at the camera.`,
    );
  }
  faces.sort((a, b) => faceSizePx(b) - faceSizePx(a));
  faces[0] = await lookAgain(photo, faces[0]);
  const sizePx = Math.round(faceSizePx(faces[0]) / photo.scale);
  if (sizePx < MIN_FACE_PX) {
    throw new AppError(
      'FACE_TOO_SMALL',
      `The face in ${photo.name} is only ${sizePx} px large: give a photo in which it has at least ${MIN_FACE_PX} px.`,
    );
  }
  return faces;
}

/** The same face in the next picture of a film, looked for where it was; null where it is no longer there. */
export async function followFace(photo: Photo, last: Face): Promise<Face | null> {
  const face = await runMesh(photo, squareAround(last.landmarks));
  return face.score < MIN_PRESENCE ? null : face;
}

/** How far the face is turned clockwise (as seen) in the picture: π where it stands on its head. */
export function faceRollRad({ landmarks }: Pick<Face, 'landmarks'>): number {
  const [a, b] = EYE_CORNERS;
  return Math.atan2(landmarks[b * 3 + 1] - landmarks[a * 3 + 1], landmarks[b * 3] - landmarks[a * 3]);
}

/** Longer side of the landmarks' bounds, photo px. */
export function faceSizePx(face: Face): number {
  return Math.max(face.boxPx.x1 - face.boxPx.x0, face.boxPx.y1 - face.boxPx.y0);
}

/** Faces that the mesh network confirms. Much less certain boxes than the best one are taken for something else. */
async function fitFaces(photo: Photo, detections: FaceDetection[]): Promise<Face[]> {
  const faces: Face[] = [];
  let bestScore = 0;
  for (const detection of detections) {
    if (detection.score < bestScore * MIN_SCORE_TO_BEST) break;
    const face = await fitFace(photo, detection);
    if (!face || faceSizePx(face) < SPECK_PX * photo.scale || faces.some((other) => isSameFace(face, other))) continue;
    faces.push(face);
    bestScore = Math.max(bestScore, detection.score);
  }
  return faces;
}

/** Landmarks of one detected face, or null where the mesh network sees no face there. */
async function fitFace(photo: Photo, detection: FaceDetection): Promise<Face | null> {
  const first = await runMesh(photo, {
    centerX: (detection.x0 + detection.x1) / 2,
    centerY: (detection.y0 + detection.y1) / 2,
    sidePx: ROI_SCALE * Math.max(detection.x1 - detection.x0, detection.y1 - detection.y0),
    rollRad: rollRad(detection),
  });
  if (first.score < MIN_PRESENCE) return null;
  const face = await runMesh(photo, squareAround(first.landmarks));
  return face.score < MIN_PRESENCE ? null : face;
}

/**
 * The mean of several looks at slightly different squares. One look's points wander by 0.3 % of the face's size with the
 * square (lips, lids), the mean's by 0.1 %.
 */
async function lookAgain(photo: Photo, face: Face): Promise<Face> {
  const square = squareAround(face.landmarks);
  const sum = new Float64Array(LANDMARK_COUNT * 3);
  for (let look = 0; look < LOOKS; look++) {
    const turn = (2 * Math.PI * look) / LOOKS;
    const sign = look % 2 ? 1 : -1;
    const { landmarks } = await runMesh(photo, {
      centerX: square.centerX + 0.02 * Math.cos(turn) * square.sidePx,
      centerY: square.centerY + 0.02 * Math.sin(turn) * square.sidePx,
      sidePx: square.sidePx * (1 + 0.03 * sign),
      rollRad: square.rollRad + 0.04 * Math.sin(turn + 1),
    });
    for (let i = 0; i < sum.length; i++) sum[i] += landmarks[i] / LOOKS;
  }
  return makeFace(Float32Array.from(sum), face.score);
}

/** The square that MediaPipe's tracker would use for these landmarks. */
function squareAround(landmarks: Float32Array): Square {
  const turnRad = faceRollRad({ landmarks });
  const cos = Math.cos(turnRad);
  const sin = Math.sin(turnRad);
  let [u0, v0, u1, v1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const u = landmarks[i * 3] * cos + landmarks[i * 3 + 1] * sin;
    const v = landmarks[i * 3 + 1] * cos - landmarks[i * 3] * sin;
    u0 = Math.min(u0, u);
    u1 = Math.max(u1, u);
    v0 = Math.min(v0, v);
    v1 = Math.max(v1, v);
  }
  const [u, v] = [(u0 + u1) / 2, (v0 + v1) / 2];
  return {
    centerX: u * cos - v * sin,
    centerY: u * sin + v * cos,
    sidePx: ROI_SCALE * Math.max(u1 - u0, v1 - v0),
    rollRad: turnRad,
  };
}

async function runMesh(photo: Photo, square: Square): Promise<Face> {
  const model = await loadModel('face-mesh');
  const data = cropSquare(photo, square, CROP_PX, { low: 0, high: 1, edge: 'repeat' });
  const output = await model.run({ input_1: { data, dims: [1, CROP_PX, CROP_PX, 3] } });
  const landmarks = new Float32Array(LANDMARK_COUNT * 3);
  for (let i = 0; i < landmarks.length; i += 3) {
    const [x, y] = toPhoto(square, output.landmarks.data[i] / CROP_PX, output.landmarks.data[i + 1] / CROP_PX);
    landmarks[i] = x;
    landmarks[i + 1] = y;
    landmarks[i + 2] = (output.landmarks.data[i + 2] * square.sidePx) / CROP_PX;
  }
  return makeFace(landmarks, output.presence.data[0]);
}

function makeFace(landmarks: Float32Array, score: number): Face {
  const boxPx = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = 0; i < landmarks.length; i += 3) {
    boxPx.x0 = Math.min(boxPx.x0, landmarks[i]);
    boxPx.x1 = Math.max(boxPx.x1, landmarks[i]);
    boxPx.y0 = Math.min(boxPx.y0, landmarks[i + 1]);
    boxPx.y1 = Math.max(boxPx.y1, landmarks[i + 1]);
  }
  return { landmarks, score, boxPx };
}

function isSameFace(a: Face, b: Face): boolean {
  const distance =
    Math.hypot(a.boxPx.x0 + a.boxPx.x1 - b.boxPx.x0 - b.boxPx.x1, a.boxPx.y0 + a.boxPx.y1 - b.boxPx.y0 - b.boxPx.y1) /
    2;
  return distance < Math.max(faceSizePx(a), faceSizePx(b)) / 2;
}
