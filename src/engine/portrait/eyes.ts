/**
 * Eyes that can look elsewhere. In: the photo around one eye. Out: two patches over the same square: the eye's white
 * without the iris, and the whole round iris, its part under the lids completed from what is seen of it.
 */
import type { EyeRig, HoleRing, Texture } from '../face-rig.ts';
import { smoothstep } from '../smoothstep.ts';
import { pushPull } from './fill.ts';
import { type Circle, fitIris } from './iris-fit.ts';
import type { Rgb } from './palette.ts';
import {
  clamp,
  createRaster,
  erode,
  fillPolygon,
  gaussianBlur,
  luma,
  lumaOf,
  percentile,
  type Raster,
  sample,
} from './raster.ts';

/** Side of the patches in texels, at most 4 and at least 2 texels per rig px. */
const PATCH_TEXELS = 192;
const PROFILE_BINS = 48;
/** The radial profile reaches a little beyond the iris. */
const PROFILE_REACH = 1.15;

/** `fine`: RGB, `texelScale` texels per rig px, whose (0, 0) is `origin` in rig px. */
export function bakeEye(
  fine: Raster,
  texelScale: number,
  origin: { x0Px: number; y0Px: number },
  ring: HoleRing,
  face: Float32Array,
  irisGuess: Circle,
  eyeWhite: Rgb,
): EyeRig {
  const corner = (i: number) => [face[3 * ring.vertices[i]], face[3 * ring.vertices[i] + 1]];
  const [x1, y1] = corner(0);
  const [x2, y2] = corner(ring.secondCorner);
  const width = Math.hypot(x2 - x1, y2 - y1);
  let centerX = 0;
  let centerY = 0;
  let depth = 0;
  for (const v of ring.vertices) {
    centerX += face[3 * v] / ring.vertices.length;
    centerY += face[3 * v + 1] / ring.vertices.length;
    depth += face[3 * v + 2] / ring.vertices.length;
  }
  const reach = Math.ceil(width * 0.72) + 2;
  const patchX = Math.round(centerX) - reach;
  const patchY = Math.round(centerY) - reach;
  const density = clamp(Math.round(PATCH_TEXELS / (2 * reach)), 2, 4);
  const size = 2 * reach * density;

  const photo = createRaster(size, size, 3);
  for (let j = 0, i = 0; j < size; j++) {
    for (let k = 0; k < size; k++, i++) {
      const x = patchX + (k + 0.5) / density;
      const y = patchY + (j + 0.5) / density;
      for (let c = 0; c < 3; c++) {
        photo.data[3 * i + c] = sample(fine, (x - origin.x0Px) * texelScale, (y - origin.y0Px) * texelScale, c);
      }
    }
  }
  const outline = new Float64Array(ring.vertices.length * 2);
  ring.vertices.forEach((v, i) => {
    outline[2 * i] = (face[3 * v] - patchX) * density;
    outline[2 * i + 1] = (face[3 * v + 1] - patchY) * density;
  });
  const opening = fillPolygon(size, size, outline);
  const inner = erode(opening, density);
  const toPatch = ({ x, y, radius }: Circle) => ({
    x: (x - patchX) * density,
    y: (y - patchY) * density,
    radius: radius * density,
  });
  const found = fitIris(gaussianBlur(lumaOf(photo), 0.6 * density), inner, toPatch(irisGuess));
  const iris = { x: patchX + found.x / density, y: patchY + found.y / density, radius: found.radius / density };
  const radial = new Float32Array(size * size);
  for (let i = 0; i < radial.length; i++) {
    radial[i] = Math.hypot((i % size) + 0.5 - found.x, Math.floor(i / size) + 0.5 - found.y) / found.radius;
  }

  const shown = gaussianBlur(inner, density * 0.8);
  for (let i = 0; i < shown.data.length; i++) shown.data[i] = clamp(shown.data[i] * 2 - 1, 0, 1);
  const white = completeWhite(photo, inner, radial, eyeWhite, density);
  const disc = completeIris(photo, inner, radial);

  const sclera = new Uint8Array(size * size * 4);
  const irisPixels = new Uint8Array(size * size * 4);
  for (let i = 0; i < radial.length; i++) {
    const seen = shown.data[i];
    for (let c = 0; c < 3; c++) {
      const pixel = photo.data[3 * i + c];
      const w = white.data[3 * i + c];
      const beyond = clamp((radial[i] - 1.12) / 0.14, 0, 1);
      sclera[4 * i + c] = 255 * clamp(w + seen * beyond * (pixel - w), 0, 1) + 0.5;
      const d = disc[3 * i + c];
      irisPixels[4 * i + c] = 255 * clamp(d + seen * (pixel - d), 0, 1) + 0.5;
    }
    sclera[4 * i + 3] = 255;
    irisPixels[4 * i + 3] = 255 * clamp((1.06 - radial[i]) / 0.1, 0, 1) + 0.5;
  }
  const texture = (data: Uint8Array): Texture => ({ widthPx: size, heightPx: size, data });
  return {
    ring,
    irisCenter: [iris.x, iris.y],
    irisRadiusPx: iris.radius,
    // An eyeball's radius is about twice its iris' and 0.45 of the lids' opening; drawn eyes are held to the latter.
    eyeballRadiusPx: Math.min(2.05 * iris.radius, 0.45 * width),
    depthPx: depth,
    patch: [patchX, patchY, patchX + 2 * reach, patchY + 2 * reach],
    sclera: texture(sclera),
    iris: texture(irisPixels),
    lashColor: lashColor(fine, texelScale, origin, ring, face),
  };
}

function completeWhite(photo: Raster, inner: Raster, radial: Float32Array, eyeWhite: Rgb, density: number): Raster {
  const known = createRaster(photo.widthPx, photo.heightPx);
  const light = lumaOf(photo).data;
  const seen: number[] = [];
  for (let i = 0; i < radial.length; i++) if (inner.data[i] >= 0.95 && radial[i] > 1.22) seen.push(i);
  if (seen.length > 30 * density) {
    for (const i of seen) known.data[i] = 1;
    const white = gaussianBlur(pushPull(photo, known), density * 1.2);
    // The lids' shade and the pink of the corners stay at the edge: what the iris hid bulges into the light.
    const bright = percentile(
      seen.map((i) => light[i]),
      0.8,
    );
    for (const i of seen) known.data[i] = smoothstep(0.6, 0.95, light[i] / bright);
    const lit = gaussianBlur(pushPull(photo, known), density * 1.2).data;
    const within = gaussianBlur(inner, density * 1.5).data;
    for (let i = 0; i < radial.length; i++) {
      const share = 0.8 * smoothstep(0.5, 1, within[i]) * (1 - smoothstep(1.05, 1.45, radial[i]));
      for (let c = 3 * i; c < 3 * i + 3; c++) white.data[c] += share * (lit[c] - white.data[c]);
    }
    return white;
  }
  const out = createRaster(photo.widthPx, photo.heightPx, 3);
  for (let i = 0; i < out.data.length; i++) out.data[i] = eyeWhite[i % 3];
  return out;
}

/** Colour by distance from the centre (median over what is seen), for the part that a lid hides. */
function completeIris(photo: Raster, inner: Raster, radial: Float32Array): Float32Array {
  const bins: number[][][] = Array.from({ length: PROFILE_BINS }, () => [[], [], []]);
  for (let i = 0; i < radial.length; i++) {
    if (inner.data[i] < 0.95 || radial[i] >= PROFILE_REACH) continue;
    const bin = bins[Math.floor((radial[i] / PROFILE_REACH) * PROFILE_BINS)];
    for (let c = 0; c < 3; c++) bin[c].push(photo.data[3 * i + c]);
  }
  const profile = new Float32Array(PROFILE_BINS * 3);
  for (let c = 0; c < 3; c++) {
    const medians = bins.map((bin) => (bin[c].length > 3 ? percentile(bin[c], 0.5) : Number.NaN));
    for (let b = 0; b < PROFILE_BINS; b++) profile[3 * b + c] = nearestKnown(medians, b);
  }
  const smooth = profile.slice();
  for (let b = 0; b < PROFILE_BINS; b++) {
    for (let c = 0; c < 3; c++) {
      const at = (k: number) => profile[3 * clamp(k, 0, PROFILE_BINS - 1) + c];
      smooth[3 * b + c] = 0.25 * at(b - 1) + 0.5 * at(b) + 0.25 * at(b + 1);
    }
  }
  const out = new Float32Array(radial.length * 3);
  for (let i = 0; i < radial.length; i++) {
    const at = clamp((radial[i] / PROFILE_REACH) * PROFILE_BINS - 0.5, 0, PROFILE_BINS - 1.001);
    const b = Math.floor(at);
    for (let c = 0; c < 3; c++) {
      out[3 * i + c] = smooth[3 * b + c] + (at - b) * (smooth[3 * b + 3 + c] - smooth[3 * b + c]);
    }
  }
  return out;
}

function nearestKnown(values: number[], index: number): number {
  for (let d = 0; d < values.length; d++) {
    if (Number.isFinite(values[index - d])) return values[index - d];
    if (Number.isFinite(values[index + d])) return values[index + d];
  }
  return 0.2;
}

/** The darkest third of the pixels along the upper lid's edge, a little darkened. */
function lashColor(
  fine: Raster,
  texelScale: number,
  origin: { x0Px: number; y0Px: number },
  ring: HoleRing,
  face: Float32Array,
): Rgb {
  const pixels: Rgb[] = [];
  for (let i = 1; i < ring.secondCorner; i++) {
    const v = ring.vertices[i];
    for (const rise of [-1, 0, 1]) {
      const at = (c: number) =>
        sample(fine, (face[3 * v] - origin.x0Px) * texelScale, (face[3 * v + 1] + rise - origin.y0Px) * texelScale, c);
      pixels.push([at(0), at(1), at(2)]);
    }
  }
  const bound = percentile(
    pixels.map(([r, g, b]) => luma(r, g, b)),
    0.3,
  );
  const dark = pixels.filter(([r, g, b]) => luma(r, g, b) <= bound);
  return [0, 1, 2].map((c) =>
    Math.round(
      255 *
        0.75 *
        percentile(
          dark.map((p) => p[c]),
          0.5,
        ),
    ),
  ) as Rgb;
}
