/**
 * The picture beyond the photo's borders. In: the matted view. Out: foreground, background and alpha of the whole canvas
 * at half the rig's resolution, the view's own part included.
 *
 * Colours are mirrored at the border and blurred the more the farther out; the person's ever more slowly, so that no
 * second face appears. The silhouette goes on as a body would: the torso widens to shoulders and goes straight down, cut
 * shoulders round off, cut hair closes to a crown.
 */
import { smoothstep } from '../smoothstep.ts';
import { CANVAS_PX } from './framing.ts';
import type { Matting } from './matting.ts';
import { clamp, createRaster, dilate, erode, gaussianBlur, halve, lumaOf, type Raster, sample } from './raster.ts';

const HALF_PX = CANVAS_PX / 2;
/** Blur of the mirrored picture's levels, px of the view; each level is stored at the size that suits it. */
const LEVEL_SIGMA_PX = [0, 4, 10, 24, 56];
/** Photos and scans often end in a line of other colour, at most so thick; the mirror stands inside of it, px of the view. */
const MAX_LINE_PX = 14;
const LEAST_BORDER_PX = 6;
/** Such a line is of one luma all along, within this deviation, and differs so much (its outermost row: twice so much) from what lies within. */
const LINE_DEVIATION = 0.1;
const LINE_CONTRAST = 0.08;

export interface Surroundings {
  /** So much of the photo's own border is left to the extension on each side, px of the view. */
  border: Sides;
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
  faceWidth: number;
  faceHeight: number;
}

/** A length on each side of the view, px. */
export interface Sides {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** `overhang`: how far the canvas reaches beyond the view. */
export function extendBeyondPhoto(view: Raster, matting: Matting, overhang: Sides, face: FaceExtent): Surroundings {
  const { widthPx: w, heightPx: h } = matting.alpha;
  const depth = {
    left: clamp(0.6 * face.left, 8, 120),
    right: clamp(0.6 * (w - face.right), 8, 120),
    top: clamp(0.6 * face.top, 8, 120),
    bottom: clamp(0.6 * (h - face.chin), 8, 120),
  };
  const border = measureBorder(view, overhang);
  const { silhouette, torso } = extendSilhouette(matting.alpha, overhang, border, face);
  return {
    border,
    foreground: mirrored(
      matting.foreground,
      w,
      h,
      overhang,
      border,
      (beyond, _, side) => slowing(beyond, depth[side]),
      torso,
    ),
    background: mirrored(
      matting.background,
      w,
      h,
      overhang,
      border,
      (beyond, length) => bouncing(beyond, length),
      null,
    ),
    alpha: silhouette,
  };
}

/** How far in from each side with an overhang the photo's own picture begins. */
function measureBorder(view: Raster, overhang: Sides): Sides {
  const { widthPx: w, heightPx: h } = view;
  const light = lumaOf(view).data;
  const column = (x: number) => spreadOf(Float32Array.from({ length: h }, (_, y) => light[y * w + x]));
  const row = (y: number) => spreadOf(light.subarray(y * w, (y + 1) * w));
  const measure = (lineAt: (inset: number) => { mean: number; deviation: number }) => {
    const within = lineAt(MAX_LINE_PX + 4).mean;
    const isLine = (inset: number, contrast: number) => {
      const { mean, deviation } = lineAt(inset);
      return deviation < LINE_DEVIATION && Math.abs(mean - within) > contrast;
    };
    let thick = isLine(0, 2 * LINE_CONTRAST) ? MAX_LINE_PX : 0;
    while (thick > 0 && !isLine(thick - 1, LINE_CONTRAST)) thick--;
    return Math.max(LEAST_BORDER_PX, thick + 3);
  };
  return {
    left: overhang.left > 0 ? measure(column) : 0,
    top: overhang.top > 0 ? measure(row) : 0,
    right: overhang.right > 0 ? measure((inset) => column(w - 1 - inset)) : 0,
    bottom: overhang.bottom > 0 ? measure((inset) => row(h - 1 - inset)) : 0,
  };
}

function spreadOf(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

/** Distance back into the picture for a point `beyond` px outside it. */
type Mirror = (beyond: number, length: number, side: keyof Sides) => number;

function slowing(beyond: number, depth: number): number {
  return depth * (1 - Math.exp(-beyond / depth));
}

function bouncing(beyond: number, length: number): number {
  const at = beyond % (2 * length);
  return at < length ? at : 2 * length - at;
}

function mirrored(
  half: Raster,
  w: number,
  h: number,
  overhang: Sides,
  border: Sides,
  mirror: Mirror,
  torso: Torso | null,
): Raster {
  const out = createRaster(HALF_PX, HALF_PX, 3);
  const levels = blurLevels(half);
  const columns = axis(w, overhang, border, 'left', 'right', mirror);
  const rows = axis(h, overhang, border, 'top', 'bottom', mirror);
  const widest = LEVEL_SIGMA_PX[LEVEL_SIGMA_PX.length - 1] - 1e-3;
  for (let j = 0; j < HALF_PX; j++) {
    const growth = torso ? torso.growthAt(j) : 1;
    for (let column = 0; column < HALF_PX; column++) {
      // Where the torso widens, its colours widen with it.
      const i =
        torso && growth > 1
          ? Math.round(clamp(torso.center + (column - torso.center) / growth, 0, HALF_PX - 1))
          : column;
      const beyond = Math.hypot(columns.beyond[i], rows.beyond[j]);
      const sigma = Math.min(beyond / 3, widest);
      let level = 0;
      while (LEVEL_SIGMA_PX[level + 1] <= sigma) level++;
      const blend = (sigma - LEVEL_SIGMA_PX[level]) / (LEVEL_SIGMA_PX[level + 1] - LEVEL_SIGMA_PX[level]);
      const to = (j * HALF_PX + column) * 3;
      addColour(levels[level], columns.source[i] / w, rows.source[j] / h, 1 - blend, out.data, to);
      if (blend > 0) addColour(levels[level + 1], columns.source[i] / w, rows.source[j] / h, blend, out.data, to);
    }
  }
  return out;
}

/** out[to…] += weight · the colour at (u, v), parts of the raster's size; bilinear, borders replicated. */
function addColour(rgb: Raster, u: number, v: number, weight: number, out: Float32Array, to: number): void {
  const { widthPx: w, heightPx: h, data } = rgb;
  const x = clamp(u * w - 0.5, 0, w - 1.001);
  const y = clamp(v * h - 0.5, 0, h - 1.001);
  const fx = x - (x | 0);
  const fy = y - (y | 0);
  const a = 3 * ((y | 0) * w + (x | 0));
  const c = a + 3 * w;
  const wa = weight * (1 - fx) * (1 - fy);
  const wb = weight * fx * (1 - fy);
  const wc = weight * (1 - fx) * fy;
  const wd = weight * fx * fy;
  for (let k = 0; k < 3; k++) {
    out[to + k] += wa * data[a + k] + wb * data[a + 3 + k] + wc * data[c + k] + wd * data[c + 3 + k];
  }
}

/** For every half-size canvas px: where in the view its colour comes from, and how far outside it lies. */
function axis(
  length: number,
  overhang: Sides,
  border: Sides,
  low: 'left' | 'top',
  high: 'right' | 'bottom',
  mirror: Mirror,
) {
  const source = new Float32Array(HALF_PX);
  const beyond = new Float32Array(HALF_PX);
  const before = overhang[low];
  const from = border[low];
  const to = length - border[high];
  for (let i = 0; i < HALF_PX; i++) {
    const at = 2 * i + 1 - before;
    beyond[i] = Math.max(-at, at - length, 0);
    if (at < from) source[i] = from + mirror(from - at, to - from, low);
    else if (at > to) source[i] = to - mirror(at - to, to - from, high);
    else source[i] = at;
  }
  return { source, beyond };
}

function blurLevels(half: Raster): Raster[] {
  const quarter = halve(half);
  const eighth = halve(quarter);
  const sixteenth = halve(eighth);
  return [
    half,
    gaussianBlur(half, 1.9),
    gaussianBlur(quarter, 2.4),
    gaussianBlur(eighth, 2.9),
    gaussianBlur(sixteenth, 3.4),
  ];
}

function extendSilhouette(
  alpha: Raster,
  overhang: Sides,
  border: Sides,
  face: FaceExtent,
): { silhouette: Raster; torso: Torso | null } {
  const { widthPx: w, heightPx: h } = alpha;
  const out = createRaster(HALF_PX, HALF_PX);
  const leftBorder = sideProfile(alpha, border.left);
  const rightBorder = sideProfile(alpha, w - border.right);
  for (let j = 0; j < HALF_PX; j++) {
    const y = 2 * j + 1 - overhang.top;
    if (y < 0 || y > h) continue;
    const row = clamp(y | 0, 0, h - 1);
    for (let i = 0; i < HALF_PX; i++) {
      const x = 2 * i + 1 - overhang.left;
      if (x >= 0 && x <= w) out.data[j * HALF_PX + i] = sample(alpha, clamp(x, border.left, w - border.right), y);
      else out.data[j * HALF_PX + i] = sideAlpha(x < 0 ? leftBorder : rightBorder, row, x < 0 ? -x : x - w, face);
    }
  }
  const torso = findTorso(out, overhang, border, h, face);
  if (torso) extendDown(out, torso);
  extendUp(out, overhang, border, face);
  return { silhouette: out, torso };
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

/** Half the width of a body, in face widths, `below` face heights below the chin: neck, shoulders' slope, arms. */
function bodyHalfWidth(below: number): number {
  const slope = clamp((below - 0.22) / 0.55, 0, 1);
  return 0.42 + 0.93 * (1 - (1 - slope) ** 1.8);
}

/** How the torso goes on below the photo: by how much it is wider than the lowest row, and about which axis. */
interface Torso {
  /** Half-size canvas px. */
  lastRow: number;
  center: number;
  profile: Float32Array;
  growthAt(row: number): number;
}

/** `alpha`: the silhouette so far, half-size canvas. Null where nobody reaches the photo's lower border. */
function findTorso(alpha: Raster, overhang: Sides, border: Sides, viewHeight: number, face: FaceExtent): Torso | null {
  const lastRow = Math.floor(Math.min(HALF_PX, (viewHeight + overhang.top) / 2) - 1 - border.bottom / 2);
  if (overhang.bottom < 1 || lastRow < 1) return null;
  const row = createRaster(HALF_PX, 1);
  row.data.set(alpha.data.subarray(lastRow * HALF_PX, (lastRow + 1) * HALF_PX));
  // Gaps between arm and body, or two folds, would become stripes: they close.
  const gap = Math.round(0.08 * face.faceWidth);
  const profile = erode(dilate(row, gap), gap).data;
  let center = 0;
  let total = 0;
  for (let i = 0; i < HALF_PX; i++) {
    center += i * profile[i];
    total += profile[i];
  }
  if (total < 1) return null;
  const halfWidth = total / face.faceWidth;
  let start = 0.22;
  while (start < 0.8 && bodyHalfWidth(start) < halfWidth) start += 0.01;
  const width = Math.max(bodyHalfWidth(start), halfWidth);
  const growthAt = (row: number) => {
    const below = start + (2 * Math.max(row - lastRow, 0)) / face.faceHeight;
    return Math.max(bodyHalfWidth(below) / width, 1);
  };
  return { lastRow, center: center / total, profile, growthAt };
}

function extendDown(out: Raster, torso: Torso): void {
  const { lastRow, center, profile } = torso;
  for (let j = lastRow + 1; j < HALF_PX; j++) {
    const growth = torso.growthAt(j);
    // Stretched, a soft edge would become a veil.
    const firmness = smoothstep(0, 12, j - lastRow);
    for (let i = 0; i < HALF_PX; i++) {
      const at = clamp(center + (i - center) / growth, 0, HALF_PX - 1);
      const k = Math.min(at | 0, HALF_PX - 2);
      const soft = profile[k] + (at - k) * (profile[k + 1] - profile[k]);
      out.data[j * HALF_PX + i] = soft + firmness * (smoothstep(0.3, 0.7, soft) - soft);
    }
  }
}

/** Above the photo: each run of the top row closes to a cap; a head's own radius says how high. */
function extendUp(out: Raster, overhang: Sides, border: Sides, face: FaceExtent): void {
  const first = Math.ceil((overhang.top + border.top) / 2);
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
      const height =
        half < headRadius
          ? headRadius - Math.sqrt(headRadius * headRadius - half * half)
          : 0.5 * Math.min(half, 2 * headRadius);
      const t = distance / Math.max(height, 4);
      const offset = Math.abs(toLeft - toRight) / 2;
      const allowed = t < 1 ? half * Math.sqrt(1 - t * t) : 0;
      out.data[j * HALF_PX + i] = allowed > 0 ? profile[i] * smoothstep(offset - 1.5, offset + 1.5, allowed) : 0;
    }
  }
}
