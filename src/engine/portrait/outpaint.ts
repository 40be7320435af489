/**
 * The picture beyond the photo's borders. In: the matted view. Out: foreground, background and alpha of the whole canvas
 * at half the rig's resolution; only the part outside the view is meant to be used.
 *
 * Colours are mirrored at the border, ever more slowly (so that no second face appears) and ever more blurred. The
 * silhouette goes on as a body would: the torso straight down, cut shoulders rounding off, cut hair closing to a crown.
 */
import { CANVAS_PX } from './framing.ts';
import type { Matting } from './matting.ts';
import { clamp, createRaster, gaussianBlur, halve, type Raster, sample, smoothstep } from './raster.ts';

const HALF_PX = CANVAS_PX / 2;
/** Blur levels of the mirrored picture, px of the view; each is stored at the size that suits it. */
const LEVEL_SIGMA_PX = [0, 3, 8, 20, 48];

export interface Surroundings {
  foreground: Raster;
  background: Raster;
  alpha: Raster;
}

/** What of the face bounds the extension, px of the view. */
export interface FaceExtent {
  left: number;
  right: number;
  top: number;
  chin: number;
  centerX: number;
  faceWidth: number;
  faceHeight: number;
}

/** How far the canvas reaches beyond the view on each side, rig px. */
export interface Overhang {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function extendBeyondPhoto(matting: Matting, overhang: Overhang, face: FaceExtent): Surroundings {
  const { widthPx: w, heightPx: h } = matting.alpha;
  const depth = {
    left: clamp(0.6 * face.left, 8, 120),
    right: clamp(0.6 * (w - face.right), 8, 120),
    top: clamp(0.6 * face.top, 8, 120),
    bottom: clamp(0.6 * (h - face.chin), 8, 120),
  };
  const even = { left: 90, right: 90, top: 90, bottom: 90 };
  return {
    foreground: mirrored(matting.foreground, overhang, depth),
    background: mirrored(matting.background, overhang, even),
    alpha: extendSilhouette(matting.alpha, overhang, face),
  };
}

function mirrored(view: Raster, overhang: Overhang, depth: Overhang): Raster {
  const out = createRaster(HALF_PX, HALF_PX, 3);
  const { widthPx: w, heightPx: h } = view;
  if (overhang.left + overhang.right + overhang.top + overhang.bottom < 1) return out;
  const levels = blurLevels(view);
  for (let j = 0; j < HALF_PX; j++) {
    const y = 2 * j + 1 - overhang.top;
    const aboveBy = Math.max(-y, 0);
    const belowBy = Math.max(y - h, 0);
    const sourceY = aboveBy ? slowing(aboveBy, depth.top) : belowBy ? h - slowing(belowBy, depth.bottom) : y;
    for (let i = 0; i < HALF_PX; i++) {
      const x = 2 * i + 1 - overhang.left;
      const leftBy = Math.max(-x, 0);
      const rightBy = Math.max(x - w, 0);
      const outsideBy = Math.hypot(leftBy + rightBy, aboveBy + belowBy);
      if (outsideBy === 0) continue;
      const sourceX = leftBy ? slowing(leftBy, depth.left) : rightBy ? w - slowing(rightBy, depth.right) : x;
      const sigma = Math.min(outsideBy / 3, LEVEL_SIGMA_PX[LEVEL_SIGMA_PX.length - 1] - 1e-3);
      let level = 0;
      while (LEVEL_SIGMA_PX[level + 1] <= sigma) level++;
      const blend = (sigma - LEVEL_SIGMA_PX[level]) / (LEVEL_SIGMA_PX[level + 1] - LEVEL_SIGMA_PX[level]);
      const sharp = levels[level];
      const soft = levels[level + 1];
      const to = (j * HALF_PX + i) * 3;
      for (let c = 0; c < 3; c++) {
        const a = sample(sharp, (sourceX * sharp.widthPx) / w, (sourceY * sharp.heightPx) / h, c);
        const b = sample(soft, (sourceX * soft.widthPx) / w, (sourceY * soft.heightPx) / h, c);
        out.data[to + c] = a + blend * (b - a);
      }
    }
  }
  return out;
}

function slowing(distance: number, depth: number): number {
  return depth * (1 - Math.exp(-distance / depth));
}

function blurLevels(view: Raster): Raster[] {
  const half = halve(view);
  const quarter = halve(half);
  const eighth = halve(quarter);
  return [view, gaussianBlur(half, 1.5), gaussianBlur(quarter, 2), gaussianBlur(eighth, 2.5), gaussianBlur(eighth, 6)];
}

function extendSilhouette(alpha: Raster, overhang: Overhang, face: FaceExtent): Raster {
  const { widthPx: w, heightPx: h } = alpha;
  const out = createRaster(HALF_PX, HALF_PX);
  const at = (i: number, j: number) => j * HALF_PX + i;
  const viewX = (i: number) => 2 * i + 1 - overhang.left;
  const viewY = (j: number) => 2 * j + 1 - overhang.top;

  const leftBorder = sideProfile(alpha, 2);
  const rightBorder = sideProfile(alpha, w - 2);
  for (let j = 0; j < HALF_PX; j++) {
    const y = viewY(j);
    if (y < 0 || y > h) continue;
    const row = clamp(y | 0, 0, h - 1);
    for (let i = 0; i < HALF_PX; i++) {
      const x = viewX(i);
      if (x >= 0 && x <= w) out.data[at(i, j)] = sample(alpha, x, y);
      else out.data[at(i, j)] = sideAlpha(x < 0 ? leftBorder : rightBorder, row, x < 0 ? -x : x - w, face);
    }
  }
  extendDown(out, overhang, h, face);
  extendUp(out, overhang, face);
  return out;
}

interface BorderProfile {
  alpha: Float32Array;
  /** Rows to the nearest transparent one above and below; infinite where the run reaches the end. */
  above: Float32Array;
  below: Float32Array;
}

function sideProfile(alpha: Raster, x: number): BorderProfile {
  const { heightPx: h } = alpha;
  const profile = Float32Array.from(
    { length: h },
    (_, y) => (sample(alpha, x - 1, y + 0.5) + sample(alpha, x + 1, y + 0.5)) / 2,
  );
  return { alpha: profile, ...runLengths(profile) };
}

function runLengths(profile: Float32Array): { above: Float32Array; below: Float32Array } {
  const above = new Float32Array(profile.length);
  const below = new Float32Array(profile.length);
  for (let y = 0; y < profile.length; y++) {
    above[y] = profile[y] < 0.5 ? 0 : y === 0 ? Number.POSITIVE_INFINITY : above[y - 1] + 1;
  }
  for (let y = profile.length - 1; y >= 0; y--) {
    below[y] = profile[y] < 0.5 ? 0 : y === profile.length - 1 ? Number.POSITIVE_INFINITY : below[y + 1] + 1;
  }
  return { above, below };
}

/** Beside the photo: hair and shoulders end in a quarter circle, hair the sooner. */
function sideAlpha(border: BorderProfile, row: number, distance: number, face: FaceExtent): number {
  const shoulder = smoothstep(face.chin, face.chin + 0.25 * face.faceHeight, row);
  const radius = face.faceWidth * (0.3 + 0.5 * shoulder);
  if (distance >= radius && shoulder === 0) return 0;
  const cut = radius - Math.sqrt(Math.max(radius * radius - distance * distance, 0));
  const beyond = Math.max(distance - radius, 0) * 6;
  const soft = 1.5 + 0.05 * distance;
  const from = smoothstep(cut + beyond - soft, cut + beyond + soft, border.above[row]);
  const to = smoothstep(cut - soft, cut + soft, border.below[row]);
  return border.alpha[row] * from * to;
}

/** Below the photo: the lowest row's profile goes on downward, widening as it did and then no more. */
function extendDown(out: Raster, overhang: Overhang, viewHeight: number, face: FaceExtent): void {
  const last = Math.min(HALF_PX, Math.floor((viewHeight + overhang.top) / 2)) - 2;
  if (overhang.bottom < 1 || last < 1) return;
  const profile = out.data.slice(last * HALF_PX, (last + 1) * HALF_PX);
  const lookBack = Math.max(0, last - Math.round(0.06 * face.faceHeight));
  const mass = (j: number) => {
    let sum = 0;
    for (let i = 0; i < HALF_PX; i++) sum += out.data[j * HALF_PX + i];
    return sum;
  };
  let center = 0;
  let total = 0;
  for (let i = 0; i < HALF_PX; i++) {
    center += i * profile[i];
    total += profile[i];
  }
  if (total < 1) return;
  center /= total;
  const slope = clamp((total / Math.max(mass(lookBack), 1) - 1) / Math.max(last - lookBack, 1), 0, 0.012);
  const settle = 60;
  for (let j = last + 1; j < HALF_PX; j++) {
    const growth = 1 + slope * settle * (1 - Math.exp(-(j - last) / settle));
    for (let i = 0; i < HALF_PX; i++) {
      const from = clamp(center + (i - center) / growth, 0, HALF_PX - 1);
      const k = Math.min(from | 0, HALF_PX - 2);
      out.data[j * HALF_PX + i] = profile[k] + (from - k) * (profile[k + 1] - profile[k]);
    }
  }
}

/** Above the photo: each run of the top row closes to a cap; a head's own radius says how high. */
function extendUp(out: Raster, overhang: Overhang, face: FaceExtent): void {
  const first = Math.ceil(overhang.top / 2) + 1;
  if (overhang.top < 1) return;
  const profile = out.data.slice(first * HALF_PX, (first + 1) * HALF_PX);
  const { above: left, below: right } = runLengths(profile);
  const headRadius = 0.34 * face.faceWidth;
  for (let j = 0; j < first; j++) {
    const distance = first - j;
    for (let i = 0; i < HALF_PX; i++) {
      const toLeft = Math.min(left[i], i + HALF_PX);
      const toRight = Math.min(right[i], 2 * HALF_PX - i);
      const half = (toLeft + toRight) / 2;
      if (half < 1) continue;
      const height =
        half < headRadius
          ? headRadius - Math.sqrt(headRadius * headRadius - half * half)
          : 0.5 * Math.min(half, 2 * headRadius);
      const t = distance / Math.max(height, 4);
      const allowed = t >= 1 ? 0 : half * Math.sqrt(1 - t * t);
      const offset = Math.abs(toLeft - toRight) / 2;
      out.data[j * HALF_PX + i] = profile[i] * smoothstep(offset - 1.5, offset + 1.5, allowed);
    }
  }
}
