/**
 * Making pixels where the photo has none. In: a colour raster and a weight 0…1 per pixel that says where it is known.
 * Out: a full raster. The push-pull pyramid (Gortler et al. 1996) is smooth everywhere and costs one pass up and down.
 */
import { boxBlur, createRaster, halve, type Raster, resize } from './raster.ts';

/** Known pixels keep their colour; the rest is interpolated from coarser and coarser means of what is known. */
export function pushPull(rgb: Raster, known: Raster): Raster {
  const { channels: n } = rgb;
  const weighted = createRaster(rgb.widthPx, rgb.heightPx, n);
  for (let i = 0, j = 0; i < known.data.length; i++) {
    for (let c = 0; c < n; c++, j++) weighted.data[j] = rgb.data[j] * known.data[i];
  }
  const colours = [weighted];
  const weights = [known];
  while (Math.max(colours[colours.length - 1].widthPx, colours[colours.length - 1].heightPx) > 1) {
    colours.push(halve(colours[colours.length - 1]));
    weights.push(halve(weights[weights.length - 1]));
  }
  let filled = normalise(colours[colours.length - 1], weights[weights.length - 1], null);
  for (let level = colours.length - 2; level >= 0; level--) {
    const coarse = resize(filled, colours[level].widthPx, colours[level].heightPx);
    filled = normalise(colours[level], weights[level], coarse);
  }
  return filled;
}

/** colour / weight, blended over `coarse` by the weight. Overwrites and returns `coarse`. */
function normalise(weighted: Raster, weight: Raster, coarse: Raster | null): Raster {
  const n = weighted.channels;
  const out = coarse ?? createRaster(weighted.widthPx, weighted.heightPx, n);
  for (let i = 0, j = 0; i < weight.data.length; i++, j += n) {
    const w = weight.data[i];
    if (w <= 1e-6) continue;
    const alpha = coarse ? Math.min(w, 1) : 1;
    for (let c = 0; c < n; c++) {
      const colour = weighted.data[j + c] / w;
      out.data[j + c] += alpha * (colour - out.data[j + c]);
    }
  }
  return out;
}

/** Over-relaxed, so that a hole of a head's size is settled: first coarsely, then its edges. */
const COARSE_STEPS = 60;
const FINE_STEPS = 16;
const OVER_RELAXATION = 1.9;

/**
 * Fills the unknown part like a membrane that is stretched over it: each pixel the mean of its neighbours (Laplace's equation), so that
 * colours go on from every edge instead of fading to a mean. `known` is 1 where `rgb` stays and 0 where it is made.
 */
export function membrane(rgb: Raster, known: Raster): Raster {
  const { widthPx: w, heightPx: h } = rgb;
  const sure = halve(known);
  for (let i = 0; i < sure.data.length; i++) sure.data[i] = sure.data[i] > 0.99 ? 1 : 0;
  const start = pushPull(rgb, known);
  const coarse = resize(relax(halve(start), sure, COARSE_STEPS), w, h);
  for (let i = 0, j = 0; i < known.data.length; i++, j += 3)
    if (known.data[i] === 0) for (let c = j; c < j + 3; c++) start.data[c] = coarse.data[c];
  return relax(start, known, FINE_STEPS);
}

function relax(raster: Raster, known: Raster, steps: number): Raster {
  const { widthPx: w, heightPx: h, data } = raster;
  const holes = Int32Array.from(known.data.keys()).filter((i) => known.data[i] === 0);
  for (let step = 0; step < steps; step++) {
    for (let k = 0; k < holes.length; k++) {
      const i = holes[k]!;
      const x = i % w;
      // At the border of the picture the membrane is free: the pixel itself stands for the neighbour that is not there.
      const left = 3 * (x > 0 ? i - 1 : i);
      const right = 3 * (x < w - 1 ? i + 1 : i);
      const above = 3 * (i >= w ? i - w : i);
      const below = 3 * (i < w * (h - 1) ? i + w : i);
      for (let c = 0; c < 3; c++) {
        const mean = 0.25 * (data[left + c]! + data[right + c]! + data[above + c]! + data[below + c]!);
        data[3 * i + c] = data[3 * i + c]! + OVER_RELAXATION * (mean - data[3 * i + c]!);
      }
    }
  }
  return raster;
}

/** Standard deviation of the fine grain (what two 3 × 3 means take away) of the luma where `known` is 1. */
export function measureGrain(plane: Raster, known: Raster): number {
  const smooth = boxBlur(boxBlur(plane, 1), 1);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < plane.data.length; i += 3) {
    if (known.data[i] < 0.99) continue;
    const residue = plane.data[i] - smooth.data[i];
    sum += Math.min(residue * residue, 0.0016);
    count++;
  }
  return count > 50 ? Math.sqrt(sum / count) : 0;
}

/** Deterministic, roughly Gaussian noise of unit variance: the same picture gives the same rig. */
export function makeGrain(length: number, seed: number): Float32Array {
  const out = new Float32Array(length);
  let state = seed >>> 0 || 1;
  const uniform = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 0x100000000;
  };
  for (let i = 0; i < length; i++) out[i] = (uniform() + uniform() + uniform() - 1.5) * 2;
  return out;
}
