/**
 * A rough light for the face, so that moving skin can be shaded. In: the view, the mesh and its normals. Out: luma ≈
 * c0 + c · n relative to the face's median, robust against lips, brows and hair; n in camera axes.
 */

import { solveSpd } from './linear-algebra.ts';
import { clamp, cropAround, gaussianBlur, lumaOf, percentile, type Raster, sample } from './raster.ts';

/** A flat photo still gets this much light from the front and from above: expressions would show no shadow otherwise. */
const MIN_FRONT = 0.45;
const MIN_ABOVE = 0.28;

export function fitShading(
  fullView: Raster,
  fullOrigin: { x0Px: number; y0Px: number },
  face: Float32Array,
  normals: Float32Array,
): [number, number, number, number] {
  const everyVertex = Uint16Array.from({ length: face.length / 3 }, (_, v) => v);
  const { raster: view, origin } = cropAround(fullView, fullOrigin, face, everyVertex);
  const smooth = gaussianBlur(lumaOf(view), 3);
  const count = face.length / 3;
  const light = new Float64Array(count);
  for (let v = 0; v < count; v++) light[v] = sample(smooth, face[3 * v] - origin.x0Px, face[3 * v + 1] - origin.y0Px);
  const middle = Math.max(percentile(light, 0.5), 0.02);
  const usable = (v: number) => Math.abs(light[v] - middle) < 0.35 * middle && normals[3 * v + 2] > 0.2;
  const weight = Float64Array.from({ length: count }, (_, v) => (usable(v) ? 1 : 0));

  let fit: Float64Array = new Float64Array([middle, 0, 0, 0]);
  for (let round = 0; round < 3; round++) {
    const a = new Float64Array(16);
    const b = new Float64Array(4);
    let total = 0;
    for (let v = 0; v < count; v++) {
      if (weight[v] === 0) continue;
      const row = [1, normals[3 * v], normals[3 * v + 1], normals[3 * v + 2]];
      total += weight[v];
      for (let i = 0; i < 4; i++) {
        b[i] += weight[v] * row[i] * light[v];
        for (let j = 0; j < 4; j++) a[4 * i + j] += weight[v] * row[i] * row[j];
      }
    }
    if (total < 20) break;
    for (let i = 1; i < 4; i++) a[5 * i] += 0.02 * total;
    fit = solveSpd(a, b);
    for (let v = 0; v < count; v++) {
      if (!usable(v)) continue;
      const model = fit[0] + fit[1] * normals[3 * v] + fit[2] * normals[3 * v + 1] + fit[3] * normals[3 * v + 2];
      weight[v] = 1 / (1 + (Math.abs(light[v] - model) / 0.06) ** 2);
    }
  }
  const relative = Array.from(fit, (c) => clamp(c / middle, -3, 3)) as [number, number, number, number];
  relative[3] = Math.max(relative[3], MIN_FRONT);
  relative[2] = Math.max(relative[2], MIN_ABOVE);
  return relative;
}
