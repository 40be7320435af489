/**
 * Person and background apart. In: the photo around the face (`view`, rig-px scale), the raw matte of the segmentation
 * model and the face's outline. Out: alpha, the person's own colour (no background left in the hair's edge) and the
 * background with the person taken out, all of the view's size.
 */
import { pushPull } from './fill.ts';
import {
  boxBlur,
  clamp,
  createRaster,
  dilate,
  erode,
  fillPolygon,
  gaussianBlur,
  lumaOf,
  type Polygon,
  type Raster,
  smoothstep,
} from './raster.ts';

const RADIUS_PX = 6;
const EPSILON = 1e-4;

export interface Matting {
  /** One channel, 0…1. */
  alpha: Raster;
  /** Guided filter's local model alpha ≈ slope · luma + offset, for a finer picture of the same view. */
  slope: Raster;
  offset: Raster;
  /** Bounds the guided alpha must keep: 1 surely inside, 0 surely outside. */
  inside: Raster;
  outside: Raster;
  /** RGB, extended smoothly beyond the matte. */
  foreground: Raster;
  /** RGB, with the person refilled. */
  background: Raster;
  /** 1 where the photo itself is background, 0 where it was refilled. */
  backgroundKnown: Raster;
}

export function matteView(view: Raster, rawMatte: Raster, faceOutline: Polygon): Matting {
  const { widthPx: w, heightPx: h } = view;
  const face = fillPolygon(w, h, faceOutline);
  const coarse = createRaster(w, h);
  for (let i = 0; i < coarse.data.length; i++) {
    coarse.data[i] = Math.max(clamp((rawMatte.data[i] - 0.35) / 0.3, 0, 1), face.data[i]);
  }
  const inside = erode(coarse, 4);
  const outside = dilate(coarse, 4);
  const guide = lumaOf(view);
  const { slope, offset } = guidedModel(guide, coarse);
  const alpha = createRaster(w, h);
  for (let i = 0; i < alpha.data.length; i++) {
    alpha.data[i] = boundedAlpha(slope.data[i] * guide.data[i] + offset.data[i], inside.data[i], outside.data[i]);
  }

  const backgroundKnown = createRaster(w, h);
  const wide = dilate(alpha, 11);
  let known = 0;
  for (let i = 0; i < wide.data.length; i++) {
    if (wide.data[i] >= 0.03) continue;
    backgroundKnown.data[i] = 1;
    known++;
  }
  const background = known > 400 ? refill(view, backgroundKnown) : gaussianBlur(view, 25);

  const sure = erode(alpha, 3);
  for (let i = 0; i < sure.data.length; i++) sure.data[i] = sure.data[i] > 0.97 ? 1 : 0;
  const foreground = pushPull(view, sure);
  refineEdge(view, alpha, background, foreground);
  return { alpha, slope, offset, inside, outside, foreground, background, backgroundKnown };
}

/** The guided filter's last step, shared by the view and the finer texture. */
export function boundedAlpha(guided: number, inside: number, outside: number): number {
  const stretched = clamp((guided - 0.08) / 0.84, 0, 1);
  return Math.min(Math.max(stretched, inside), outside);
}

/** He et al. 2010: per-window linear model of `target` in `guide`, averaged over the windows that cover a pixel. */
function guidedModel(guide: Raster, target: Raster): { slope: Raster; offset: Raster } {
  const { widthPx: w, heightPx: h } = guide;
  const product = createRaster(w, h);
  const square = createRaster(w, h);
  for (let i = 0; i < guide.data.length; i++) {
    product.data[i] = guide.data[i] * target.data[i];
    square.data[i] = guide.data[i] * guide.data[i];
  }
  const meanGuide = boxBlur(guide, RADIUS_PX).data;
  const meanTarget = boxBlur(target, RADIUS_PX).data;
  const meanProduct = boxBlur(product, RADIUS_PX).data;
  const meanSquare = boxBlur(square, RADIUS_PX).data;
  for (let i = 0; i < meanGuide.length; i++) {
    const covariance = meanProduct[i] - meanGuide[i] * meanTarget[i];
    const variance = Math.max(meanSquare[i] - meanGuide[i] * meanGuide[i], 0);
    const a = covariance / (variance + EPSILON);
    product.data[i] = a;
    square.data[i] = meanTarget[i] - a * meanGuide[i];
  }
  return { slope: boxBlur(product, RADIUS_PX), offset: boxBlur(square, RADIUS_PX) };
}

/** Background from its known part; the refilled part is softened, since a viewer looks for seams, not for detail. */
function refill(view: Raster, known: Raster): Raster {
  const filled = pushPull(view, known);
  const soft = gaussianBlur(filled, 4);
  const keep = gaussianBlur(known, 2);
  for (let i = 0, j = 0; i < keep.data.length; i++) {
    for (let c = 0; c < 3; c++, j++) soft.data[j] += keep.data[i] * (filled.data[j] - soft.data[j]);
  }
  return soft;
}

/**
 * In the soft band, colours tell how much is background: where person and background differ, alpha is the pixel's place
 * on the line between them; then the person's own colour is what is left when the background is taken out. In place.
 */
function refineEdge(view: Raster, alpha: Raster, background: Raster, foreground: Raster): void {
  const pixels = view.data;
  const b = background.data;
  const f = foreground.data;
  for (let i = 0, j = 0; i < alpha.data.length; i++, j += 3) {
    let a = alpha.data[i];
    if (a > 0.985) {
      alpha.data[i] = 1;
      for (let c = 0; c < 3; c++) f[j + c] = pixels[j + c];
      continue;
    }
    if (a < 0.004) {
      alpha.data[i] = 0;
      continue;
    }
    let along = 0;
    let length = 0;
    for (let c = 0; c < 3; c++) {
      const d = f[j + c] - b[j + c];
      along += (pixels[j + c] - b[j + c]) * d;
      length += d * d;
    }
    const certainty = 0.7 * smoothstep(0.01, 0.08, length);
    a += certainty * (clamp(along / Math.max(length, 1e-6), 0, 1) - a);
    alpha.data[i] = a;
    for (let c = 0; c < 3; c++) {
      f[j + c] = personColour(pixels[j + c], a, b[j + c], f[j + c]);
    }
  }
}

/** What the person adds to a mixed pixel, held near the colour of the sure person beside it. */
export function personColour(mixed: number, alpha: number, background: number, nearby: number): number {
  const unmixed = clamp((mixed - (1 - alpha) * background) / Math.max(alpha, 0.25), 0, 1);
  const trust = 0.5 + 0.5 * smoothstep(0.6, 0.95, alpha);
  return nearby + trust * (unmixed - nearby);
}
