/**
 * The photo's own colours for what the photo does not show. In: the view and the mesh (rig px). Out: colours 0…1 for
 * teeth, gums and tongue, the dark of the mouth and the eye's white. Because all come from the photo, a sepia print gets
 * sepia teeth and a painting painted ones.
 */
import type { FaceBasis } from './face-basis.ts';
import { LEFT_IRIS, RIGHT_IRIS } from './landmark-indices.ts';
import { clamp, cropAround, erode, fillPolygon, luma, percentile, type Raster } from './raster.ts';

export type Rgb = [number, number, number];

export interface Palette {
  skin: Rgb;
  lip: Rgb;
  eyeWhite: Rgb;
  tooth: Rgb;
  flesh: Rgb;
  cavity: Rgb;
  /** Whether the teeth were seen in the photo (else inferred from the eye's white and the face's highlights). */
  toothSeen: boolean;
}

/** `view`: RGB at rig scale whose (0, 0) is `origin` in rig px; `landmarks`: 478 in rig px. */
export function readPalette(
  fullView: Raster,
  fullOrigin: { x0Px: number; y0Px: number },
  basis: FaceBasis,
  face: Float32Array,
  landmarks: Float32Array,
  faceHeightPx: number,
  photoGapPx: number,
): Palette {
  const { raster: view, origin } = cropAround(fullView, fullOrigin, face, basis.rings.oval.vertices);
  const ring = (vertices: ArrayLike<number>) => {
    const polygon = new Float64Array(vertices.length * 2);
    for (let i = 0; i < vertices.length; i++) {
      polygon[2 * i] = face[3 * vertices[i]] - origin.x0Px;
      polygon[2 * i + 1] = face[3 * vertices[i] + 1] - origin.y0Px;
    }
    return fillPolygon(view.widthPx, view.heightPx, polygon);
  };
  const mask = ring(basis.rings.oval.vertices);
  const skinPixels = collect(view, (i) => mask.data[i] > 0.99, 3);
  const skin = median(skinPixels);
  const highlight = percentile(skinPixels.map(lumaOf), 0.93);

  const inner = ring(basis.rings.innerLips.vertices);
  const outer = ring(basis.rings.outerLips.vertices);
  const lipPixels = collect(view, (i) => outer.data[i] > 0.9 && inner.data[i] < 0.05);
  const lip = lipPixels.length > 10 ? median(lipPixels) : skin;

  const whites = [
    eyeWhite(view, origin, ring(basis.rings.rightEye.vertices), landmarks, RIGHT_IRIS),
    eyeWhite(view, origin, ring(basis.rings.leftEye.vertices), landmarks, LEFT_IRIS),
  ].filter((c) => c !== null);
  const white = whites.length
    ? (skin.map((_, c) => whites.reduce((sum, w) => sum + w[c], 0) / whites.length) as Rgb)
    : (skin.map((c) => clamp(c * 1.15, 0, 1)) as Rgb);

  const isGrey = Math.max(...skin) - Math.min(...skin) < 0.06 * Math.max(...skin);
  const whiteLuma = Math.max(lumaOf(white), 1e-3);
  // Deep-set eyes lie in shade, teeth do not: the face's highlights hold their level up, and the less of the eye white's
  // tint is believed the darker it is.
  const level = clamp(Math.max(0.65 * 1.12 * whiteLuma + 0.35 * highlight, 0.86 * highlight), 0.28, 0.92);
  const tint = 0.55 * clamp(whiteLuma / Math.max(highlight, 0.05), 0.5, 1);
  let tooth = white.map((c, k) => {
    const chroma = 1 + (c / whiteLuma - 1) * tint;
    return clamp(chroma * level * (isGrey ? 1 : [1, 0.985, 0.94][k]) * 0.96, 0, 1);
  }) as Rgb;
  const seen = photoGapPx > 0.02 * faceHeightPx ? seenTeeth(collect(view, (i) => inner.data[i] > 0.95)) : null;
  if (seen) tooth = seen.map((c) => clamp(c * 1.06, 0, 1)) as Rgb;

  const flesh = lip.map((c) => clamp(c * 0.92, 0, 1)) as Rgb;
  const cavity = lip.map((c, k) => clamp(c * 0.13 + 0.01, 0, 0.12) * (isGrey ? 1 : [1.15, 0.9, 0.9][k])) as Rgb;
  return { skin, lip, eyeWhite: white, tooth, flesh, cavity, toothSeen: seen !== null };
}

function lumaOf([r, g, b]: Rgb): number {
  return luma(r, g, b);
}

function collect(view: Raster, wanted: (pixel: number) => boolean, step = 1): Rgb[] {
  const out: Rgb[] = [];
  for (let i = 0; i < view.widthPx * view.heightPx; i += step) {
    if (wanted(i)) out.push([view.data[3 * i], view.data[3 * i + 1], view.data[3 * i + 2]]);
  }
  return out;
}

function median(pixels: Rgb[]): Rgb {
  return [0, 1, 2].map((c) =>
    percentile(
      pixels.map((p) => p[c]),
      0.5,
    ),
  ) as Rgb;
}

/** Median of the brightest quarter of what is open of the eye and not iris. */
function eyeWhite(
  view: Raster,
  origin: { x0Px: number; y0Px: number },
  opening: Raster,
  landmarks: Float32Array,
  iris: readonly number[],
): Rgb | null {
  const cx = landmarks[3 * iris[0]];
  const cy = landmarks[3 * iris[0] + 1];
  const radius =
    iris.slice(1).reduce((sum, i) => sum + Math.hypot(landmarks[3 * i] - cx, landmarks[3 * i + 1] - cy), 0) / 4;
  const open = erode(opening, 1);
  const pixels: Rgb[] = [];
  for (let i = 0; i < open.data.length; i++) {
    if (open.data[i] < 0.9) continue;
    const x = (i % view.widthPx) + 0.5 + origin.x0Px - cx;
    const y = Math.floor(i / view.widthPx) + 0.5 + origin.y0Px - cy;
    if (Math.hypot(x, y) > 1.15 * radius) pixels.push([view.data[3 * i], view.data[3 * i + 1], view.data[3 * i + 2]]);
  }
  if (pixels.length <= 6) return null;
  const bound = percentile(pixels.map(lumaOf), 0.75);
  return median(pixels.filter((p) => lumaOf(p) >= bound));
}

/** Median of the bright, unsaturated 30 % between open lips; null where that is too little to be teeth. */
function seenTeeth(pixels: Rgb[]): Rgb | null {
  const pale = pixels.filter((p) => Math.max(...p) - Math.min(...p) < 0.42 * Math.max(...p, 0.05));
  if (pale.length <= 25) return null;
  const bound = percentile(pale.map(lumaOf), 0.7);
  return median(pale.filter((p) => lumaOf(p) >= bound));
}
