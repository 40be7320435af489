/**
 * Everything of the person that is not the face: head, hair, neck, torso. In: the face mesh in rig px and alpha over the
 * canvas. Out: vertices around the face's oval with depth and with how much they follow the head, triangles that join on
 * to the face without a gap, and how the face's expressions die away into them.
 */

import Delaunator from 'delaunator';
import { smoothstep } from '../smoothstep.ts';
import type { FaceBasis } from './face-basis.ts';
import { applyBasisToRig } from './face-fit.ts';
import { CANVAS_MARGIN_PX, CANVAS_PX } from './framing.ts';
import { CHIN, FOREHEAD_TOP, LEFT_TRAGUS, RIGHT_TRAGUS } from './landmark-indices.ts';
import { clamp, polygonDistance } from './raster.ts';

const RING_SCALES = [1.06, 1.13, 1.22];
const FINE_STEP_PX = 24;
const COARSE_STEP_PX = 48;
/** Depth may fall away from the oval no faster than this, or the temple folds over when the head turns. */
const MAX_SLOPE = 1.25;

export interface OuterMesh {
  /** 3 per outer vertex, rig px. */
  positions: Float32Array;
  headWeight: Float32Array;
  shadeFalloff: Float32Array;
  nearestOval: Uint16Array;
  /** 3 per triangle; indices count face vertices first. */
  triangles: number[];
  /** Per outer vertex: four oval vertices, their weights, and the strength with which expressions carry over. */
  carry: { vertices: Uint16Array; weights: Float32Array; strength: Float32Array };
}

export interface FaceMeasures {
  faceHeightPx: number;
  faceWidthPx: number;
  /** Unit vector from the chin to the forehead. */
  upX: number;
  upY: number;
  chinX: number;
  chinY: number;
}

export function measureFace(positions: Float32Array): FaceMeasures {
  const at = (v: number) => [positions[3 * v], positions[3 * v + 1]];
  const [topX, topY] = at(FOREHEAD_TOP);
  const [chinX, chinY] = at(CHIN);
  const faceHeightPx = Math.hypot(topX - chinX, topY - chinY);
  const [rx, ry] = at(RIGHT_TRAGUS);
  const [lx, ly] = at(LEFT_TRAGUS);
  return {
    faceHeightPx,
    faceWidthPx: Math.hypot(rx - lx, ry - ly),
    upX: (topX - chinX) / faceHeightPx,
    upY: (topY - chinY) / faceHeightPx,
    chinX,
    chinY,
  };
}

/** `alphaAt(x, y)`: matte at a point in rig px. */
export function buildOuterMesh(
  basis: FaceBasis,
  basisToRig: Float32Array,
  face: Float32Array,
  measures: FaceMeasures,
  alphaAt: (x: number, y: number) => number,
): OuterMesh {
  const oval = basis.rings.oval.vertices;
  const outline = new Float64Array(oval.length * 2);
  let centerX = 0;
  let centerY = 0;
  oval.forEach((v, i) => {
    outline[2 * i] = face[3 * v];
    outline[2 * i + 1] = face[3 * v + 1];
    centerX += face[3 * v] / oval.length;
    centerY += face[3 * v + 1] / oval.length;
  });
  const grown = (scale: number) =>
    outline.map((value, i) => (i % 2 ? centerY : centerX) + (value - (i % 2 ? centerY : centerX)) * scale);

  const points: number[] = [];
  for (const scale of RING_SCALES) {
    const ring = grown(scale);
    for (let i = 0; i < oval.length; i += 2) points.push(ring[2 * i], ring[2 * i + 1]);
  }
  addGrid(points, grown(RING_SCALES[RING_SCALES.length - 1]));

  const triangles = joinTriangles(points, outline, oval, basis.vertexCount);
  const count = points.length / 2;
  const profile = ovalProfile(face, oval, centerX, centerY);
  const silhouetteZ = applyBasisToRig(basisToRig, 0, 0, 1)[2];
  const neckZ = applyBasisToRig(basisToRig, 0, -11, 2.5)[2];
  const shoulders = [-1, 1].map((side) => shoulderDepth(measures, side, alphaAt));

  const mesh: OuterMesh = {
    positions: new Float32Array(count * 3),
    headWeight: new Float32Array(count),
    shadeFalloff: new Float32Array(count),
    nearestOval: new Uint16Array(count),
    triangles,
    carry: {
      vertices: new Uint16Array(count * 4),
      weights: new Float32Array(count * 4),
      strength: new Float32Array(count),
    },
  };
  const { faceHeightPx: height, faceWidthPx: width, upX, upY, chinX, chinY } = measures;
  for (let i = 0; i < count; i++) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    const radius = Math.hypot(x - centerX, y - centerY);
    const dx = (x - centerX) / radius;
    const dy = (y - centerY) / radius;
    const { ovalRadius, ovalZ } = profile(Math.atan2(dy, dx));
    const reach = clamp(silhouetteRadius(centerX, centerY, dx, dy, ovalRadius, alphaAt) / ovalRadius, 1.15, 1.7);
    const t = clamp((radius / ovalRadius - 1) / (reach - 1), 0, 1);
    let z = silhouetteZ + (ovalZ - silhouetteZ) * Math.sqrt(1 - t * t);
    z = Math.max(z, ovalZ - MAX_SLOPE * Math.max(radius - ovalRadius, 0));

    const belowChin = ((chinX - x) * upX + (chinY - y) * upY) / height;
    const across = ((x - chinX) * -upY + (y - chinY) * upX) / width;
    z += smoothstep(-0.02, 0.18, belowChin) * (neckZ - z);
    mesh.positions.set([x, y, z], 3 * i);
    mesh.headWeight[i] = headWeight(belowChin, across, shoulders);
    carryOver(mesh, i, x, y, face, oval, height);
  }
  return mesh;
}

function addGrid(points: number[], keepOut: Float64Array): void {
  const fineFrom = -FINE_STEP_PX;
  const fineTo = CANVAS_PX - 2 * CANVAS_MARGIN_PX + FINE_STEP_PX;
  const from = -CANVAS_MARGIN_PX;
  const to = CANVAS_PX - CANVAS_MARGIN_PX;
  const isFine = (x: number, y: number) => x >= fineFrom && x <= fineTo && y >= fineFrom && y <= fineTo;
  for (let y = from; y <= to; y += FINE_STEP_PX) {
    for (let x = from; x <= to; x += FINE_STEP_PX) {
      const edge = x === from || y === from || x + FINE_STEP_PX > to || y + FINE_STEP_PX > to;
      const coarse = (x - from) % COARSE_STEP_PX === 0 && (y - from) % COARSE_STEP_PX === 0;
      if (!(isFine(x, y) || coarse || (edge && coarse))) continue;
      if (polygonDistance(keepOut, x, y) > FINE_STEP_PX * 0.45) points.push(x, y);
    }
  }
}

/** Delaunay over the oval and the outer points; triangles inside the oval are the face's own and go. */
function joinTriangles(points: number[], outline: Float64Array, oval: Uint16Array, faceCount: number): number[] {
  const all = new Float64Array(outline.length + points.length);
  all.set(outline);
  all.set(points, outline.length);
  const index = (i: number) => (i < oval.length ? oval[i] : faceCount + i - oval.length);
  const { triangles } = new Delaunator(all);
  const out: number[] = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]];
    const x = (all[2 * a] + all[2 * b] + all[2 * c]) / 3;
    const y = (all[2 * a + 1] + all[2 * b + 1] + all[2 * c + 1]) / 3;
    if (polygonDistance(outline, x, y) < 0) continue;
    const area =
      (all[2 * b] - all[2 * a]) * (all[2 * c + 1] - all[2 * a + 1]) -
      (all[2 * c] - all[2 * a]) * (all[2 * b + 1] - all[2 * a + 1]);
    if (Math.abs(area) < 1e-6) continue;
    out.push(index(a), index(area > 0 ? b : c), index(area > 0 ? c : b));
  }
  return out;
}

/** Radius and depth of the oval in every direction from its centre. */
function ovalProfile(face: Float32Array, oval: Uint16Array, centerX: number, centerY: number) {
  const samples = Array.from(oval, (v) => {
    const dx = face[3 * v] - centerX;
    const dy = face[3 * v + 1] - centerY;
    return { angle: Math.atan2(dy, dx), radius: Math.hypot(dx, dy), z: face[3 * v + 2] };
  }).sort((a, b) => a.angle - b.angle);
  const last = samples[samples.length - 1];
  const loop = [
    { ...last, angle: last.angle - 2 * Math.PI },
    ...samples,
    { ...samples[0], angle: samples[0].angle + 2 * Math.PI },
  ];
  return (angle: number) => {
    let i = 1;
    while (i < loop.length - 1 && loop[i].angle < angle) i++;
    const a = loop[i - 1];
    const b = loop[i];
    const t = clamp((angle - a.angle) / Math.max(b.angle - a.angle, 1e-9), 0, 1);
    return { ovalRadius: a.radius + t * (b.radius - a.radius), ovalZ: a.z + t * (b.z - a.z) };
  };
}

function silhouetteRadius(
  centerX: number,
  centerY: number,
  dx: number,
  dy: number,
  ovalRadius: number,
  alphaAt: (x: number, y: number) => number,
): number {
  let r = ovalRadius * 1.08;
  while (r < ovalRadius * 2.1 && alphaAt(centerX + dx * r, centerY + dy * r) >= 0.5) r += 2;
  return r;
}

/** How far below the chin (in face heights) the matte spreads to a shoulder on one side; 0.45 where it does not. */
function shoulderDepth(m: FaceMeasures, side: number, alphaAt: (x: number, y: number) => number): number {
  for (let below = 0.15; below < 0.75; below += 0.02) {
    const across = side * 0.95 * m.faceWidthPx;
    const x = m.chinX - m.upX * below * m.faceHeightPx - m.upY * across;
    const y = m.chinY - m.upY * below * m.faceHeightPx + m.upX * across;
    if (alphaAt(x, y) > 0.5) return below;
  }
  return 0.45;
}

/**
 * 1 above the jaw, 0 on the torso. The neck twists over its whole length; at the sides the blend ends where the shoulder
 * begins, so that shoulders do not shear when the head turns or tilts.
 */
function headWeight(belowChin: number, across: number, shoulders: number[]): number {
  const shoulder = shoulders[across < 0 ? 0 : 1];
  const outward = smoothstep(0.35, 0.9, Math.abs(across));
  const end = clamp(shoulder + 0.16 - 0.16 * outward, 0.24, 0.66);
  return 1 - smoothstep(-0.05, end, belowChin);
}

function carryOver(
  mesh: OuterMesh,
  i: number,
  x: number,
  y: number,
  face: Float32Array,
  oval: Uint16Array,
  height: number,
): void {
  const best = [Infinity, Infinity, Infinity, Infinity];
  const vertex = [0, 0, 0, 0];
  for (const v of oval) {
    const d = Math.hypot(face[3 * v] - x, face[3 * v + 1] - y);
    for (let k = 0; k < 4; k++) {
      if (d >= best[k]) continue;
      best.splice(k, 0, d);
      vertex.splice(k, 0, v);
      best.length = vertex.length = 4;
      break;
    }
  }
  const weights = best.map((d) => 1 / (d + 4) ** 2);
  const total = weights.reduce((a, b) => a + b, 0);
  for (let k = 0; k < 4; k++) {
    mesh.carry.vertices[4 * i + k] = vertex[k];
    mesh.carry.weights[4 * i + k] = weights[k] / total;
  }
  mesh.carry.strength[i] = Math.exp(-((best[0] / (0.16 * height)) ** 2));
  mesh.shadeFalloff[i] = Math.exp(-((best[0] / (0.12 * height)) ** 2));
  mesh.nearestOval[i] = vertex[0];
}
