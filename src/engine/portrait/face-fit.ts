/**
 * Head pose, depth and the photo's own expression. In: landmarks in rig space and the face basis. Out: the similarity
 * that takes basis space to the camera, the mesh in rig px with a depth that agrees with both sources, and the weights of
 * the expression the photo shows.
 *
 * Camera axes: x right, y up, z to the viewer, rig px; rig space is the same with y down.
 */
import type { BlendshapeName } from '../motion-frame.ts';
import type { FaceBasis } from './face-basis.ts';
import { INNER_LIPS, OUTER_LIPS } from './landmark-indices.ts';
import { applySimilarity, fitSimilarity, type Similarity, solveNonNegative } from './linear-algebra.ts';
import { clamp } from './raster.ts';

const IDENTITY_COUNT = 30;
const ROUNDS = 4;
/** Standard deviations and full expressions cost this much, in basis units of landmark error. */
const IDENTITY_COST = 0.7;
const EXPRESSION_COST = 2;
/** The model's depth is the least sure of the three coordinates. */
const DEPTH_WEIGHT = 0.25;
const LIP_WEIGHT = 2;

/** Shapes that may explain the photo; both sides are tied, since one photo cannot tell pose from asymmetry. */
const GROUPS: BlendshapeName[][] = [
  ['jawOpen'],
  ['mouthSmileLeft', 'mouthSmileRight'],
  ['mouthUpperUpLeft', 'mouthUpperUpRight'],
  ['mouthLowerDownLeft', 'mouthLowerDownRight'],
  ['mouthStretchLeft', 'mouthStretchRight'],
  ['mouthPucker'],
  ['mouthFrownLeft', 'mouthFrownRight'],
  ['browInnerUp'],
  ['browDownLeft', 'browDownRight'],
];

export interface FaceFit {
  /** Basis space → camera axes. */
  pose: Similarity;
  /** 3 per face vertex, rig px. */
  positions: Float32Array;
  expression: Partial<Record<BlendshapeName, number>>;
  /** Mean distance of the fitted landmarks in the image plane, parts of the face's height. */
  error: number;
}

export function fitFace(basis: FaceBasis, landmarks: Float32Array): FaceFit {
  const count = basis.landmarkCount;
  const camera = new Float32Array(count * 3);
  for (let i = 0; i < camera.length; i += 3) {
    camera[i] = landmarks[i];
    camera[i + 1] = -landmarks[i + 1];
    camera[i + 2] = landmarks[i + 2];
  }
  const neutral = basis.positions.subarray(0, count * 3);
  const modes = basis.identityModes.slice(0, IDENTITY_COUNT);
  const directions = [...modes, ...GROUPS.map((group) => sumShapes(basis, group))];

  const poseWeight = new Float64Array(count);
  for (let i = 0; i < count; i++) poseWeight[i] = basis.lipLabels[i] === 0 ? 1 : 0.2;
  const fitWeight = new Float64Array(count * 3);
  for (let i = 0; i < count; i++) fitWeight.set([1, 1, DEPTH_WEIGHT], 3 * i);
  for (const i of [...INNER_LIPS, ...OUTER_LIPS]) {
    for (let k = 0; k < 3; k++) fitWeight[3 * i + k] *= LIP_WEIGHT;
  }

  let amounts: Float64Array = new Float64Array(directions.length);
  let pose = fitSimilarity(neutral, camera, poseWeight);
  for (let round = 0; round < ROUNDS; round++) {
    pose = fitSimilarity(combine(neutral, directions, amounts), camera, poseWeight);
    amounts = solveAmounts(pose, neutral, directions, camera, fitWeight);
  }
  const shape = combine(neutral, directions, amounts);
  pose = fitSimilarity(shape, camera, poseWeight);

  const fitted = applySimilarity(pose, shape);
  let error = 0;
  for (let i = 0; i < camera.length; i += 3) error += Math.hypot(fitted[i] - camera[i], fitted[i + 1] - camera[i + 1]);
  const blended = camera.slice();
  for (let i = 0; i < camera.length; i += 3) {
    blended[i + 1] *= -1;
    blended[i + 2] = 0.5 * camera[i + 2] + 0.5 * fitted[i + 2];
  }

  const expression: FaceFit['expression'] = {};
  GROUPS.forEach((group, g) => {
    const weight = clamp(amounts[IDENTITY_COUNT + g], 0, 1);
    if (weight > 0.01) for (const name of group) expression[name] = weight;
  });
  const faceHeight = Math.hypot(camera[30] - camera[456], camera[31] - camera[457]);
  return { pose, positions: subdivide(basis, blended), expression, error: error / count / faceHeight };
}

/** Any 3-per-landmark quantity on the finer mesh. */
function subdivide(basis: FaceBasis, values: Float32Array): Float32Array {
  const { rowCount, rowStart, column, value } = basis.subdivision;
  const out = new Float32Array(rowCount * 3);
  for (let row = 0; row < rowCount; row++) {
    for (let e = rowStart[row]; e < rowStart[row + 1]; e++) {
      for (let k = 0; k < 3; k++) out[3 * row + k] += value[e] * values[3 * column[e] + k];
    }
  }
  return out;
}

function sumShapes(basis: FaceBasis, names: BlendshapeName[]): Float32Array {
  const out = new Float32Array(basis.landmarkCount * 3);
  for (const shape of basis.shapes) {
    if (!names.includes(shape.name)) continue;
    for (let i = 0; i < out.length; i++) out[i] += shape.delta[i];
  }
  return out;
}

function combine(neutral: Float32Array, directions: Float32Array[], amounts: Float64Array): Float32Array {
  const out = neutral.slice();
  directions.forEach((direction, d) => {
    const amount = amounts[d];
    if (amount !== 0) for (let i = 0; i < out.length; i++) out[i] += amount * direction[i];
  });
  return out;
}

/** Ridge for identity, ridge and ≥ 0 for expressions, at a fixed pose; everything in basis units. */
function solveAmounts(
  pose: Similarity,
  neutral: Float32Array,
  directions: Float32Array[],
  camera: Float32Array,
  weight: Float64Array,
): Float64Array {
  const n = directions.length;
  const turn: Similarity = { scale: 1, rotation: pose.rotation, translation: [0, 0, 0] };
  const rows = directions.map((direction) => {
    const row = applySimilarity(turn, direction);
    for (let i = 0; i < row.length; i++) row[i] *= weight[i];
    return row;
  });
  const rest = applySimilarity(pose, neutral);
  const residual = rest.map((value, i) => ((camera[i] - value) / pose.scale) * weight[i]);
  const normal = new Float64Array(n * n);
  const right = new Float64Array(n);
  for (let a = 0; a < n; a++) {
    const rowA = rows[a];
    for (let b = a; b < n; b++) {
      const rowB = rows[b];
      let sum = 0;
      for (let i = 0; i < rowA.length; i++) sum += rowA[i] * rowB[i];
      normal[a * n + b] = sum;
      normal[b * n + a] = sum;
    }
    normal[a * n + a] += (a < IDENTITY_COUNT ? IDENTITY_COST : EXPRESSION_COST) ** 2;
    let sum = 0;
    for (let i = 0; i < rowA.length; i++) sum += rowA[i] * residual[i];
    right[a] = sum;
  }
  return solveNonNegative(normal, right, IDENTITY_COUNT);
}

/** Head angles of a pose, radians, MotionFrame signs (nose to the image's right, nose up, clockwise). */
export function poseAngles(pose: Similarity): { yawRad: number; pitchRad: number; rollRad: number } {
  const r = pose.rotation;
  return {
    yawRad: Math.atan2(r[2], r[8]),
    pitchRad: Math.asin(clamp(r[5], -1, 1)),
    rollRad: Math.atan2(-r[3], r[4]),
  };
}

/** 3×4 row-major basis → rig map: the pose with the y axis turned over. */
export function basisToRig(pose: Similarity): Float32Array {
  const { scale, rotation: r, translation: t } = pose;
  const out = new Float32Array(12);
  for (let row = 0; row < 3; row++) {
    const sign = row === 1 ? -1 : 1;
    for (let c = 0; c < 3; c++) out[4 * row + c] = sign * scale * r[3 * row + c];
    out[4 * row + 3] = sign * t[row];
  }
  return out;
}

export function applyBasisToRig(matrix: Float32Array, x: number, y: number, z: number): [number, number, number] {
  const at = (row: number) =>
    matrix[4 * row] * x + matrix[4 * row + 1] * y + matrix[4 * row + 2] * z + matrix[4 * row + 3];
  return [at(0), at(1), at(2)];
}
