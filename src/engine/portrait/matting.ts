/**
 * Person and background apart. In: the photo around the face (`view`, rig-px scale), the raw matte of the segmentation
 * model and the face's outline. Out: alpha at the view's size; at half of it, where smoothness is all that is asked: the
 * person's own colour, the background with the person taken out, and the filter's local model for a finer alpha.
 */
import { smoothstep } from '../smoothstep.ts';
import { membrane, pushPull } from './fill.ts';
import {
  boxBlur,
  clamp,
  createRaster,
  dilate,
  erode,
  fillPolygon,
  gaussianBlur,
  halve,
  luma,
  lumaOf,
  type Polygon,
  type Raster,
  resize,
} from './raster.ts';
import { findStrands } from './strands.ts';

/** Half-size px. */
const RADIUS_PX = 3;
const EPSILON = 1e-4;
/** Detail is borrowed in full up to here from the edge of what is known, and not at all from there on. */
const BORROW_START_PX = 25;
const BORROW_END_PX = 50;

export interface Matting {
  /** One channel, 0…1, of the view's size. */
  alpha: Raster;
  /** All below: half the view's size (rounded up). Guided filter: alpha ≈ slope · luma + offset. */
  slope: Raster;
  offset: Raster;
  /** Bounds the guided alpha must keep: 1 surely inside, 0 surely outside. */
  inside: Raster;
  outside: Raster;
  /** Where loose hair is: there colour alone tells alpha. */
  strands: Raster;
  /** RGB, extended smoothly beyond the matte. */
  foreground: Raster;
  /** RGB, with the person refilled. */
  background: Raster;
  /** 1 where the photo itself is surely background, 0 where it was refilled. */
  backgroundKnown: Raster;
  /** 1 where the photo's own pixels are shown as background: nearly up to the matte, whose fringe is hair. */
  backgroundShown: Raster;
  /** For texture in the refilled part: the background without its fine detail, and where to borrow detail from. */
  backgroundLow: Raster;
  borrow: Borrowing;
}

/** For each pixel that was refilled, one of the known background: its mirror image in the nearest edge. */
export interface Borrowing {
  /** Index into a half-size raster, −1 for none. */
  from: Int32Array;
  /** How much to borrow, 0…1; dies away with the distance from the edge. */
  amount: Float32Array;
}

/** `rawMatte`: one channel, 0…1, any size; it covers the view. `faceOutline`: view px; inside it all is person. */
export function matteView(view: Raster, rawMatte: Raster, faceOutline: Float32Array): Matting {
  const half = halve(view);
  const { widthPx: w, heightPx: h } = half;
  const halfOutline = faceOutline.map((value) => value / 2);
  const coarse = trimap(resize(rawMatte, w, h), halfOutline);
  const inside = erode(coarse, 2);
  const outside = dilate(coarse, 2);
  const guide = lumaOf(half);
  const { slope, offset } = guidedModel(guide, coarse);
  const rough = createRaster(w, h);
  for (let i = 0; i < rough.data.length; i++) {
    rough.data[i] = boundedAlpha(slope.data[i] * guide.data[i] + offset.data[i], inside.data[i], outside.data[i]);
  }

  const sure = erode(rough, 1);
  for (let i = 0; i < sure.data.length; i++) sure.data[i] = sure.data[i] > 0.97 ? 1 : 0;
  const foreground = pushPull(half, sure);
  const strands = findStrands(half, rough, foreground);
  for (let i = 0; i < rough.data.length; i++) {
    rough.data[i] = Math.max(rough.data[i], strands.data[i]);
    outside.data[i] = Math.max(outside.data[i], strands.data[i]);
  }

  const backgroundKnown = createRaster(w, h);
  const backgroundShown = dilate(rough, 2);
  for (let i = 0; i < backgroundShown.data.length; i++) {
    backgroundShown.data[i] = 1 - smoothstep(0.01, 0.06, backgroundShown.data[i]);
  }
  const wide = dilate(rough, 3);
  let known = 0;
  for (let i = 0; i < wide.data.length; i++) {
    if (wide.data[i] >= 0.03) continue;
    backgroundKnown.data[i] = 1;
    known++;
  }
  const background = known > 100 ? refill(half, backgroundKnown) : gaussianBlur(half, 12);

  const backgroundLow = gaussianBlur(background, 5);
  const matting = {
    slope,
    offset,
    inside,
    outside,
    strands,
    foreground,
    background,
    backgroundKnown,
    backgroundShown,
    backgroundLow,
    borrow: borrowDetail(backgroundKnown, edges(background, backgroundLow)),
  };
  return { ...matting, alpha: fineAlpha(view, matting) };
}

/** What the network says, sharpened, with the face filled and everything that does not hang together with it removed. */
function trimap(raw: Raster, faceOutline: Polygon): Raster {
  const { widthPx: w, heightPx: h } = raw;
  const face = fillPolygon(w, h, faceOutline);
  const out = createRaster(w, h);
  const stack = new Int32Array(w * h);
  const joined = new Uint8Array(w * h);
  let top = 0;
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = Math.max(clamp((raw.data[i] - 0.4) / 0.4, 0, 1), face.data[i]);
    if (face.data[i] <= 0.99) continue;
    joined[i] = 1;
    stack[top++] = i;
  }
  const visit = (i: number) => {
    if (joined[i] || out.data[i] < 0.02) return;
    joined[i] = 1;
    stack[top++] = i;
  };
  while (top > 0) {
    const i = stack[--top];
    const x = i % w;
    if (x > 0) visit(i - 1);
    if (x < w - 1) visit(i + 1);
    if (i >= w) visit(i - w);
    if (i < w * (h - 1)) visit(i + w);
  }
  for (let i = 0; i < out.data.length; i++) if (!joined[i]) out.data[i] = 0;
  return out;
}

/** The guided filter's last step. */
function boundedAlpha(guided: number, inside: number, outside: number): number {
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
function refill(half: Raster, known: Raster): Raster {
  const filled = membrane(half, known);
  const soft = gaussianBlur(filled, 2);
  const keep = gaussianBlur(known, 1);
  for (let i = 0, j = 0; i < keep.data.length; i++) {
    for (let c = 0; c < 3; c++, j++) soft.data[j] += keep.data[i] * (filled.data[j] - soft.data[j]);
  }
  return soft;
}

/** 1 where something begins or ends in the background: mirrored, it would be seen twice. 0 where there is but texture. */
function edges(background: Raster, low: Raster): Raster {
  const out = createRaster(low.widthPx, low.heightPx);
  const smooth = gaussianBlur(background, 1.5).data;
  for (let i = 0, j = 0; i < out.data.length; i++, j += 3) {
    const step = luma(smooth[j] - low.data[j], smooth[j + 1] - low.data[j + 1], smooth[j + 2] - low.data[j + 2]);
    out.data[i] = smoothstep(0.02, 0.06, Math.abs(step));
  }
  return gaussianBlur(out, 2);
}

/** Nearest known pixel by two sweeps of vector propagation (Danielsson 1980), then its far side. */
function borrowDetail(known: Raster, edges: Raster): Borrowing {
  const { widthPx: w, heightPx: h } = known;
  const far = 10000;
  const dx = new Int16Array(w * h).fill(far);
  const dy = new Int16Array(w * h).fill(far);
  for (let i = 0; i < dx.length; i++) if (known.data[i] > 0.99) dx[i] = dy[i] = 0;
  const reach = (i: number, j: number, stepX: number, stepY: number) => {
    const x = dx[j] + stepX;
    const y = dy[j] + stepY;
    if (x * x + y * y >= dx[i] * dx[i] + dy[i] * dy[i]) return;
    dx[i] = x;
    dy[i] = y;
  };
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const i = y * w + x;
      if (y > 0) reach(i, i - w, 0, -1);
      if (x > 0) reach(i, i - 1, -1, 0);
    }
    for (let x = w - 2; x >= 0; x--) reach(y * w + x, y * w + x + 1, 1, 0);
  }
  for (let y = h - 1; y >= 0; y--) {
    for (let x = 0; x < w; x++) {
      const i = y * w + x;
      if (y < h - 1) reach(i, i + w, 0, 1);
      if (x > 0) reach(i, i - 1, -1, 0);
    }
    for (let x = w - 2; x >= 0; x--) reach(y * w + x, y * w + x + 1, 1, 0);
  }
  // Neighbours have different nearest pixels; smoothed, the mirror bends instead of splintering.
  const toEdge = createRaster(w, h, 2);
  for (let i = 0; i < dx.length; i++) {
    toEdge.data[2 * i] = dx[i];
    toEdge.data[2 * i + 1] = dy[i];
  }
  const smooth = boxBlur(boxBlur(toEdge, 4), 4).data;
  const from = new Int32Array(w * h).fill(-1);
  const amount = new Float32Array(w * h);
  for (let y = 0, i = 0; y < h; y++) {
    for (let x = 0; x < w; x++, i++) {
      const distance = Math.hypot(dx[i], dy[i]);
      if (distance === 0 || distance > BORROW_END_PX) continue;
      const mx = Math.round(x + 2 * smooth[2 * i]);
      const my = Math.round(y + 2 * smooth[2 * i + 1]);
      if (mx < 0 || my < 0 || mx >= w || my >= h || known.data[my * w + mx] < 0.99) continue;
      from[i] = my * w + mx;
      amount[i] = (1 - smoothstep(BORROW_START_PX, BORROW_END_PX, distance)) * (1 - edges.data[from[i]]);
    }
  }
  return { from, amount };
}

/**
 * Alpha of a picture of the view at any size. In the soft band, the filter's local model is read off the picture itself;
 * and where person and background differ in colour, a pixel's place on the line between the two tells its alpha.
 */
export function fineAlpha(picture: Raster, matting: Omit<Matting, 'alpha'>): Raster {
  const { widthPx: w, heightPx: h, data: pixels } = picture;
  const out = createRaster(w, h);
  const slopes = matting.slope.data;
  const offsets = matting.offset.data;
  const insides = matting.inside.data;
  const outsides = matting.outside.data;
  const strands = matting.strands.data;
  const foreground = matting.foreground.data;
  const background = matting.background.data;
  const { widthPx: halfW, heightPx: halfH } = matting.slope;
  for (let y = 0, i = 0; y < h; y++) {
    const fy = clamp(((y + 0.5) * halfH) / h - 0.5, 0, halfH - 1.001);
    const y0 = fy | 0;
    const v = fy - y0;
    for (let x = 0; x < w; x++, i++) {
      const fx = clamp(((x + 0.5) * halfW) / w - 0.5, 0, halfW - 1.001);
      const x0 = fx | 0;
      const u = fx - x0;
      const a = y0 * halfW + x0;
      const c = a + halfW;
      const most = Math.max(outsides[a], outsides[a + 1], outsides[c], outsides[c + 1]);
      if (most < 0.004) continue;
      const least = Math.min(insides[a], insides[a + 1], insides[c], insides[c + 1]);
      if (least > 0.996) {
        out.data[i] = 1;
        continue;
      }
      const wa = (1 - u) * (1 - v);
      const wb = u * (1 - v);
      const wc = (1 - u) * v;
      const wd = u * v;
      const light = 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2];
      const guided =
        (wa * slopes[a] + wb * slopes[a + 1] + wc * slopes[c] + wd * slopes[c + 1]) * light +
        (wa * offsets[a] + wb * offsets[a + 1] + wc * offsets[c] + wd * offsets[c + 1]);
      const low = wa * insides[a] + wb * insides[a + 1] + wc * insides[c] + wd * insides[c + 1];
      const high = wa * outsides[a] + wb * outsides[a + 1] + wc * outsides[c] + wd * outsides[c + 1];
      let alpha = boundedAlpha(guided, low, high);
      const strand = wa * strands[a] + wb * strands[a + 1] + wc * strands[c] + wd * strands[c + 1];
      if ((alpha > 0.004 || strand > 0) && alpha < 0.985) {
        let along = 0;
        let length = 0;
        for (let k = 0, p = 3 * a, q = 3 * c; k < 3; k++, p++, q++) {
          const b = wa * background[p] + wb * background[p + 3] + wc * background[q] + wd * background[q + 3];
          const f = wa * foreground[p] + wb * foreground[p + 3] + wc * foreground[q] + wd * foreground[q + 3];
          along += (pixels[3 * i + k] - b) * (f - b);
          length += (f - b) * (f - b);
        }
        const trust = Math.max(0.7, strand) * smoothstep(0.01, 0.08, length);
        alpha += trust * (clamp(along / Math.max(length, 1e-6), 0, 1) - alpha);
      }
      out.data[i] = alpha < 0.008 ? 0 : alpha > 0.985 ? 1 : alpha;
    }
  }
  return out;
}

/** What the person adds to a mixed pixel, held near the colour of the sure person beside it. */
export function personColour(mixed: number, alpha: number, background: number, nearby: number): number {
  const unmixed = clamp((mixed - (1 - alpha) * background) / Math.max(alpha, 0.25), 0, 1);
  const trust = 0.5 + 0.5 * smoothstep(0.6, 0.95, alpha);
  return nearby + trust * (unmixed - nearby);
}
