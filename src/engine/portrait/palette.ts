/**
 * The photo's own colours for what the photo does not show. In: the view and the mesh (rig px). Out: colours 0…1 for
 * teeth, gums and tongue, the dark of the mouth and the eye's white. Because all come from the photo, a sepia print gets
 * sepia teeth and a painting painted ones.
 */
import type { FaceBasis } from './face-basis.ts';
import { LEFT_IRIS, RIGHT_IRIS } from './landmark-indices.ts';
import { clamp, cropAround, erode, fillPolygon, luma, percentile, type Raster } from './raster.ts';

/** Enamel, gum and tongue in white light, relative to their red (enamel) or to the skin. */
const TOOTH_TINT = [1, 0.97, 0.91];
const FLESH_TINT = [1, 0.72, 0.7];
/** A dark red of luma 1. */
const CALM_FLESH = [1.55, 0.76, 0.8];

export type Rgb = [number, number, number];

export interface Palette {
  skin: Rgb;
  lip: Rgb;
  eyeWhite: Rgb;
  tooth: Rgb;
  flesh: Rgb;
  cavity: Rgb;
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
  const inferred = white.map((c, k) => {
    const chroma = 1 + (c / whiteLuma - 1) * tint;
    return clamp(chroma * level * (isGrey ? 1 : TOOTH_TINT[k]) * 0.96, 0, 1);
  }) as Rgb;
  // Enamel is never bluer than it is red, whatever the light.
  if (!isGrey) inferred[2] = Math.min(inferred[2], 0.97 * inferred[0]);
  const seen = photoGapPx > 0.02 * faceHeightPx ? seenTeeth(collect(view, (i) => inner.data[i] > 0.95)) : null;
  // What is pale between the lips but dark is the mouth's depth, not teeth.
  const isSeen = seen !== null && lumaOf(seen) > 0.78 * lumaOf(inferred);
  const tooth = isSeen ? (seen.map((c) => clamp(c * 1.06, 0, 1)) as Rgb) : inferred;

  // Lipstick and varnish colour the lip, not the gum: half of it is the skin's own, reddened, and pure colours are calmed.
  const mixed = lip.map((c, k) => 0.46 * c + 0.46 * skin[k] * (isGrey ? 1 : FLESH_TINT[k])) as Rgb;
  const fleshLuma = lumaOf(mixed);
  const flesh = mixed.map((c, k) => {
    const calm = fleshLuma * (isGrey ? 1 : CALM_FLESH[k]);
    return clamp(c + 0.33 * (calm - c), 0, 1);
  }) as Rgb;
  const cavity = lip.map((c, k) => clamp(c * 0.13 + 0.01, 0, 0.12) * (isGrey ? 1 : [1.15, 0.9, 0.9][k])) as Rgb;
  return { skin, lip, eyeWhite: white, tooth, flesh, cavity };
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
