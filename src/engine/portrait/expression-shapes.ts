/**
 * The basis' expressions as this face makes them. In: basis, pose and mesh in rig space. Out: dense deltas in rig px, with
 * blinks that close exactly along one smooth line on this face's own lids, and lid shapes sized to its eyes.
 */
import type { HoleRing } from '../face-rig.ts';
import type { BlendshapeName } from '../motion-frame.ts';
import type { FaceBasis } from './face-basis.ts';
import { applySimilarity, evaluatePolynomial, fitPolynomial, type Similarity } from './linear-algebra.ts';
import { clamp } from './raster.ts';

export interface DenseShape {
  name: BlendshapeName;
  /** 3 per vertex, rig px. */
  delta: Float32Array;
  /** 3 per face vertex, camera axes. */
  normalDelta: Float32Array;
}

export function personalShapes(basis: FaceBasis, pose: Similarity, positions: Float32Array): DenseShape[] {
  const direction: Similarity = { scale: pose.scale, rotation: pose.rotation, translation: [0, 0, 0] };
  const turn: Similarity = { ...direction, scale: 1 };
  const shapes = basis.shapes.map((shape) => {
    const delta = applySimilarity(direction, shape.delta);
    for (let i = 1; i < delta.length; i += 3) delta[i] *= -1;
    return { name: shape.name, delta, normalDelta: applySimilarity(turn, shape.normalDelta) };
  });
  for (const side of ['Left', 'Right'] as const) {
    const ring = side === 'Left' ? basis.rings.leftEye : basis.rings.rightEye;
    const opening = eyeOpening(ring, positions) / (pose.scale * eyeOpening(ring, basis.positions));
    for (const shape of shapes) {
      if (shape.name === `eyeBlink${side}`) personalBlink(shape, ring, positions, pose.scale);
      else if (/^eye(Look|Squint|Wide)/.test(shape.name) && shape.name.endsWith(side)) {
        const size = clamp(opening, 0.5, 1.6);
        for (let i = 0; i < shape.delta.length; i++) shape.delta[i] *= size;
      }
    }
  }
  return shapes;
}

/** Mean distance between the lids. */
function eyeOpening({ vertices, secondCorner: half }: HoleRing, positions: Float32Array): number {
  let sum = 0;
  for (let i = 1; i < half; i++) {
    const upper = vertices[i];
    const lower = vertices[vertices.length - i];
    sum += Math.hypot(positions[3 * upper] - positions[3 * lower], positions[3 * upper + 1] - positions[3 * lower + 1]);
  }
  return sum / (half - 1);
}

/**
 * Rewrites a blink: both lid edges land on one cubic, 86 % of the way from the upper lid to the lower; above the edge
 * the basis' own motion is scaled to reach it, column by column, and dies away towards the brow.
 */
function personalBlink(shape: DenseShape, ring: HoleRing, positions: Float32Array, scale: number): void {
  const { delta } = shape;
  const { vertices, secondCorner: half } = ring;
  const px = (v: number) => positions[3 * v];
  const py = (v: number) => positions[3 * v + 1];
  const first = vertices[0];
  const second = vertices[half];
  const length = Math.hypot(px(second) - px(first), py(second) - py(first));
  const ax = (px(second) - px(first)) / length;
  const ay = (py(second) - py(first)) / length;
  // Corner axis (u, 0…1) and the height over it (towards the image's bottom for both eyes).
  const flip = ax < 0 ? -1 : 1;
  const along = (v: number) => ((px(v) - px(first)) * ax + (py(v) - py(first)) * ay) / length;
  const height = (v: number) => flip * (-(px(v) - px(first)) * ay + (py(v) - py(first)) * ax);

  const upper = Array.from({ length: half + 1 }, (_, i) => vertices[i]);
  const lower = Array.from({ length: half + 1 }, (_, i) => vertices[(vertices.length - i) % vertices.length]);
  const lowerLine = interpolator(lower.map(along), lower.map(height));
  const u = upper.map(along);
  const meeting = upper.map((v, i) => height(v) + 0.86 * Math.max(lowerLine(u[i]) - height(v), 0));
  const weight = upper.map((_, i) => (i === 0 || i === half ? 6 : 1));
  const curve = fitPolynomial(u, meeting, 3, weight);

  const gap = upper.map((v, i) => Math.max(lowerLine(u[i]) - height(v), 0));
  let ratio = upper.map((v, i) => clamp((gap[i] * 0.9) / Math.max(delta[3 * v + 1], 0.15 * scale), 0, 6));
  ratio[0] = ratio[1];
  ratio[half] = ratio[half - 1];
  const kernel = [0.1, 0.2, 0.4, 0.2, 0.1];
  ratio = ratio.map((_, i) => {
    const mean = kernel.reduce((sum, k, j) => sum + k * ratio[clamp(i + j - 2, 0, half)], 0);
    return clamp(mean, 0.2, 1.7);
  });
  const ratioAt = interpolator(u, ratio);

  const count = delta.length / 3;
  for (let v = 0; v < count; v++) {
    const size = Math.max(Math.abs(delta[3 * v]), Math.abs(delta[3 * v + 1]), Math.abs(delta[3 * v + 2]));
    if (size <= 0.02 * scale) continue;
    let nearest = Number.POSITIVE_INFINITY;
    for (const r of upper) nearest = Math.min(nearest, Math.hypot(px(v) - px(r), py(v) - py(r)));
    const factor = ratioAt(along(v)) * Math.exp(-((nearest / (0.55 * length)) ** 2));
    for (let k = 0; k < 3; k++) delta[3 * v + k] *= factor;
  }
  const place = (v: number) => {
    const rise = flip * (evaluatePolynomial(curve, clamp(along(v), 0, 1)) - height(v));
    delta[3 * v] = -ay * rise;
    delta[3 * v + 1] = ax * rise;
    delta[3 * v + 2] = 0;
  };
  for (let i = 1; i < half; i++) {
    place(upper[i]);
    place(lower[i]);
  }
  for (const corner of [first, second]) delta.fill(0, 3 * corner, 3 * corner + 3);
}

/** Piecewise linear through (x, y), sorted here, constant beyond the ends. */
function interpolator(x: number[], y: number[]): (at: number) => number {
  const order = x.map((_, i) => i).sort((a, b) => x[a] - x[b]);
  const xs = order.map((i) => x[i]);
  const ys = order.map((i) => y[i]);
  return (at) => {
    if (at <= xs[0]) return ys[0];
    for (let i = 1; i < xs.length; i++) {
      if (at > xs[i]) continue;
      const span = xs[i] - xs[i - 1];
      return span < 1e-9 ? ys[i] : ys[i - 1] + ((at - xs[i - 1]) / span) * (ys[i] - ys[i - 1]);
    }
    return ys[ys.length - 1];
  };
}
