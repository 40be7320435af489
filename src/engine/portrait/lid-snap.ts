/**
 * Lid edges on the image's own edge. Landmarks of the lids are 1–3 px off, and a mesh whose lid carries a rim of sclera
 * shows a light slit when it closes. In: the view and landmarks (rig px). Out: landmarks with both lids of both eyes
 * moved, within 6 % of the eye's width, to where the eye's white ends; the skin around follows smoothly.
 */
import { LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS, SKIN_LANDMARK_COUNT } from './landmark-indices.ts';
import { evaluatePolynomial, fitPolynomial } from './linear-algebra.ts';
import type { Rgb } from './palette.ts';
import { clamp, luma, percentile, type Raster, sample } from './raster.ts';

const REACH = 0.06;
const STEPS = 24;

/** `toView`: rig px minus this is view px. */
export function snapLids(view: Raster, toView: { x0Px: number; y0Px: number }, landmarks: Float32Array): Float32Array {
  const out = landmarks.slice();
  snapEye(view, toView, landmarks, out, RIGHT_EYE, RIGHT_IRIS);
  snapEye(view, toView, landmarks, out, LEFT_EYE, LEFT_IRIS);
  return out;
}

function snapEye(
  view: Raster,
  toView: { x0Px: number; y0Px: number },
  landmarks: Float32Array,
  out: Float32Array,
  ring: readonly number[],
  iris: readonly number[],
): void {
  const half = ring.length / 2;
  const x = (i: number) => landmarks[3 * i];
  const y = (i: number) => landmarks[3 * i + 1];
  const first = ring[0];
  const second = ring[half];
  const width = Math.hypot(x(second) - x(first), y(second) - y(first));
  if (width < 8) return;
  const upX = (y(second) - y(first)) / width;
  const upY = -(x(second) - x(first)) / width;
  const sign = upY < 0 ? 1 : -1;
  const eyeWhite = whiteOf(view, toView, landmarks, ring, iris, width);
  if (!eyeWhite) return;

  const cx = x(iris[0]);
  const cy = y(iris[0]);
  const radius = iris.slice(1).reduce((sum, i) => sum + Math.hypot(x(i) - cx, y(i) - cy), 0) / 4;
  const shiftX = new Float64Array(ring.length);
  const shiftY = new Float64Array(ring.length);
  for (const lid of [1, -1] as const) {
    const members = Array.from({ length: half - 1 }, (_, k) => (lid === 1 ? k + 1 : ring.length - 1 - k));
    // Outwards: up for the upper lid, down for the lower.
    const nx = sign * upX * lid;
    const ny = sign * upY * lid;
    const along = (i: number) =>
      ((x(i) - x(first)) * (x(second) - x(first)) + (y(i) - y(first)) * (y(second) - y(first))) / width ** 2;
    const columns = members.map((m) => {
      const profile = { view, x: x(ring[m]) - toView.x0Px, y: y(ring[m]) - toView.y0Px, nx, ny, width };
      const lateral = Math.abs(along(ring[m]) - along(iris[0])) * width;
      return {
        u: along(ring[m]),
        ofWhite: whiteEdge(profile, eyeWhite),
        ofLash: lashEdge(profile),
        isIris: lateral < 0.8 * radius,
      };
    });
    // Over the iris the eye's white tells nothing. Below it, the iris' end is the lid's edge; above it dark meets dark, and
    // the edge is where the lash line ends, less the lash line's thickness as measured beside the iris.
    const beside = columns.filter((c) => !c.isIris && c.ofWhite.strength > 0.15 && c.ofLash.strength > 0.15);
    const thickness = lid === 1 ? median(beside.map((c) => c.ofLash.offset - c.ofWhite.offset)) : 0;
    const u: number[] = [0, 1];
    const shift: number[] = [0, 0];
    const strength: number[] = [0.6, 0.6];
    for (const column of columns) {
      const lash = {
        offset: column.ofLash.offset - (thickness ?? 0),
        strength: thickness === null ? 0 : column.ofLash.strength,
      };
      const edge = column.isIris ? lash : column.ofWhite;
      u.push(column.u);
      shift.push(clamp(edge.offset, -REACH * width, REACH * width));
      strength.push(edge.strength);
    }
    // A pull to zero keeps columns without an edge with their neighbours.
    const pull = u.map(() => 0.04);
    const curve = fitPolynomial([...u, ...u], [...shift, ...u.map(() => 0)], 3, [...strength, ...pull]);
    members.forEach((m, k) => {
      const move = clamp(evaluatePolynomial(curve, columns[k].u), -REACH * width, REACH * width);
      shiftX[m] = nx * move;
      shiftY[m] = ny * move;
    });
  }
  spread(landmarks, out, ring, shiftX, shiftY, width);
}

/** Colour of the bright quarter of what lies between the lids beside the iris; null where nothing does. */
function whiteOf(
  view: Raster,
  toView: { x0Px: number; y0Px: number },
  landmarks: Float32Array,
  ring: readonly number[],
  iris: readonly number[],
  width: number,
): Rgb | null {
  const half = ring.length / 2;
  const cx = landmarks[3 * iris[0]];
  const cy = landmarks[3 * iris[0] + 1];
  const radius =
    iris.slice(1).reduce((sum, i) => sum + Math.hypot(landmarks[3 * i] - cx, landmarks[3 * i + 1] - cy), 0) / 4;
  const found: Rgb[] = [];
  for (let k = 1; k < half; k++) {
    const a = ring[k];
    const b = ring[ring.length - k];
    for (let s = 3; s <= 7; s++) {
      const px = landmarks[3 * a] + (s / 10) * (landmarks[3 * b] - landmarks[3 * a]);
      const py = landmarks[3 * a + 1] + (s / 10) * (landmarks[3 * b + 1] - landmarks[3 * a + 1]);
      if (Math.hypot(px - cx, py - cy) < Math.min(1.1 * radius, 0.4 * width)) continue;
      const at = (c: number) => sample(view, px - toView.x0Px, py - toView.y0Px, c);
      found.push([at(0), at(1), at(2)]);
    }
  }
  if (found.length < 4) return null;
  found.sort((p, q) => q[0] + q[1] + q[2] - (p[0] + p[1] + p[2]));
  const bright = found.slice(0, Math.max(2, found.length >> 2));
  return [0, 1, 2].map((c) => bright.reduce((sum, p) => sum + p[c], 0) / bright.length) as Rgb;
}

interface Edge {
  /** Along the outward normal, px. */
  offset: number;
  /** 0 where there is none. */
  strength: number;
}

interface Profile {
  view: Raster;
  x: number;
  y: number;
  nx: number;
  ny: number;
  width: number;
}

/** `measure` of the colour at evenly spaced places from `from` to `to` (parts of the eye's width), two extra at the ends. */
function walk(
  { view, x, y, nx, ny, width }: Profile,
  from: number,
  to: number,
  measure: (rgb: Rgb) => number,
): Float64Array {
  return Float64Array.from({ length: STEPS + 5 }, (_, i) => {
    const t = width * (from + ((i - 2) * (to - from)) / STEPS);
    const at = (c: number) => sample(view, x + nx * t, y + ny * t, c);
    return measure([at(0), at(1), at(2)]);
  });
}

/** Where the picture leaves the eye's white fastest. */
function whiteEdge(profile: Profile, white: Rgb): Edge {
  const distance = walk(profile, -REACH, REACH, (rgb) =>
    Math.hypot(rgb[0] - white[0], rgb[1] - white[1], rgb[2] - white[2]),
  );
  let best = 0;
  let at = 0;
  for (let i = 0; i <= STEPS; i++) {
    const rise = distance[i + 3] + distance[i + 4] - distance[i] - distance[i + 1];
    const isWhite = Math.max(0, 1 - Math.min(distance[i], distance[i + 1]) / 0.35);
    const score = rise * isWhite * (1 - 0.4 * Math.abs(i / STEPS - 0.5) * 2);
    if (score > best) {
      best = score;
      at = i;
    }
  }
  return { offset: profile.width * REACH * ((2 * at) / STEPS - 1), strength: clamp(best * 3, 0, 1) };
}

/** Where dark (lashes, the lid's shadow) turns to skin fastest; looked for a little farther out. */
function lashEdge(profile: Profile): Edge {
  const from = -REACH;
  const to = 2 * REACH;
  const light = walk(profile, from, to, ([r, g, b]) => luma(r, g, b));
  let best = 0;
  let at = 0;
  for (let i = 0; i <= STEPS; i++) {
    const score = light[i + 3] + light[i + 4] - light[i] - light[i + 1];
    if (score > best) {
      best = score;
      at = i;
    }
  }
  return { offset: profile.width * (from + (at * (to - from)) / STEPS), strength: clamp(best * 2, 0, 1) };
}

function median(values: number[]): number | null {
  return values.length < 2 ? null : percentile(values, 0.5);
}

/** The ring's landmarks take their shift; landmarks around follow the nearest of them, fading over a third of the eye. */
function spread(
  landmarks: Float32Array,
  out: Float32Array,
  ring: readonly number[],
  shiftX: Float64Array,
  shiftY: Float64Array,
  width: number,
): void {
  const member = new Set(ring);
  for (let v = 0; v < SKIN_LANDMARK_COUNT; v++) {
    if (member.has(v)) continue;
    let total = 0;
    let dx = 0;
    let dy = 0;
    let nearest = Number.POSITIVE_INFINITY;
    ring.forEach((r, k) => {
      const d = Math.hypot(landmarks[3 * v] - landmarks[3 * r], landmarks[3 * v + 1] - landmarks[3 * r + 1]);
      nearest = Math.min(nearest, d);
      const w = 1 / (d + 0.02 * width) ** 3;
      total += w;
      dx += w * shiftX[k];
      dy += w * shiftY[k];
    });
    if (nearest > width) continue;
    const fade = Math.exp(-((nearest / (0.3 * width)) ** 2));
    out[3 * v] += (fade * dx) / total;
    out[3 * v + 1] += (fade * dy) / total;
  }
  ring.forEach((r, k) => {
    out[3 * r] += shiftX[k];
    out[3 * r + 1] += shiftY[k];
  });
}
