/**
 * The rasteriser in plain TypeScript: DrawList → RGBA → I420. Every arithmetic step equals `wasm/raster.ts`, so that the
 * two agree bit by bit; golden tests and machines without WASM SIMD use it. No Node API.
 */
import { buildDrawList, type DrawList, heapAllocator, VERTEX_FLOATS } from './draw-list.ts';
import type { RasterizerFactory } from './rasterizer.ts';

// Spans are set up in whole numbers: texture coordinates in 1/2^28 texel, shade and alpha in 1/2^28, all as a plane
// origin + x·perX + y·perY over the picture. Bounded so that no sum leaves 2^53: a double holds them exactly.
const Q28 = 2 ** 28;
const MAX_ORIGIN = 2 ** 51;
const MAX_SLOPE = 2 ** 40;
const MAX_STEP = 2 ** 20;
const MAX_START = 1e9;
/** Shade, alpha and their steps stay below 2. */
const MAX_LIGHT = 2 ** 29 - 1;
/** Nearer to a texture's edge than this the clamping loop takes over: the fast one rounds down by up to 1/65536. */
const MARGIN = 4096;

function bounded(value: number, limit: number): number {
  if (value > limit) return limit;
  // NaN becomes -limit, as in the twin.
  return value >= -limit ? Math.trunc(value) : -limit;
}

function clamp(value: number, limit: number): number {
  return Math.max(-limit, Math.min(value, limit));
}

/** Pixel whose centre is the first to the right of x: floor(x + 0.5), within 0…size. */
function firstPixel(x: number, size: number): number {
  return x <= 0 ? 0 : x >= size ? size : Math.trunc(x + 0.5);
}

/** One channel of a bilinear sample: first down, then across, each step rounded to 8 bits. */
function sample(data: Uint8Array, at: number, rowBytes: number, fx: number, fy: number): number {
  const left = (data[at] * (256 - fy) + data[at + rowBytes] * fy + 128) >> 8;
  const right = (data[at + 4] * (256 - fy) + data[at + 4 + rowBytes] * fy + 128) >> 8;
  return (left * (256 - fx) + right * fx + 128) >> 8;
}

/** Colour · shade, rounded; `shade` is Q28. May exceed 0…255. */
function shaded(color: number, shade: number): number {
  return ((((color << 7) * (shade >> 14) + 0x4000) >> 15) + 32) >> 6;
}

function clampByte(value: number): number {
  return Math.max(0, Math.min(value, 255));
}

/** Paints one batch of `list` into `frame` (RGBA). */
function drawBatch(frame: Uint8Array, list: DrawList, batchIndex: number): void {
  const { widthPx: width, heightPx: height, vertices, indices, opaque } = list;
  const batch = list.batches[batchIndex];
  const texture = list.textures[batch.texture];
  const data = texture.data;
  const rowBytes = texture.widthPx * 4;
  const maxU = (texture.widthPx - 1) << 16;
  const maxV = (texture.heightPx - 1) << 16;
  const safeU = (texture.widthPx - 1) * Q28 - MARGIN;
  const safeV = (texture.heightPx - 1) * Q28 - MARGIN;
  const endTriangle = batch.firstTriangle + batch.triangleCount;
  for (let t = batch.firstTriangle; t < endTriangle; t++) {
    let a = indices[t * 3] * VERTEX_FLOATS;
    let b = indices[t * 3 + 1] * VERTEX_FLOATS;
    let c = indices[t * 3 + 2] * VERTEX_FLOATS;
    const area =
      (vertices[b] - vertices[a]) * (vertices[c + 1] - vertices[a + 1]) -
      (vertices[c] - vertices[a]) * (vertices[b + 1] - vertices[a + 1]);
    if (!((batch.twoSided ? Math.abs(area) : area) > 1e-9)) continue;
    if (Math.max(vertices[a], vertices[b], vertices[c]) < 0) continue;
    if (Math.min(vertices[a], vertices[b], vertices[c]) > width) continue;
    // Sorted by y, so that an edge is walked the same way from both of its triangles: no cracks.
    if (vertices[b + 1] < vertices[a + 1]) [a, b] = [b, a];
    if (vertices[c + 1] < vertices[b + 1]) [b, c] = [c, b];
    if (vertices[b + 1] < vertices[a + 1]) [a, b] = [b, a];
    const ax = vertices[a];
    const ay = vertices[a + 1];
    const bx = vertices[b];
    const by = vertices[b + 1];
    const cx = vertices[c];
    const cy = vertices[c + 1];
    const firstRow = firstPixel(ay, height);
    const endRow = firstPixel(cy, height);
    const abx = bx - ax;
    const aby = by - ay;
    const acx = cx - ax;
    const acy = cy - ay;
    const sorted = abx * acy - acx * aby;
    if (firstRow >= endRow || sorted === 0) continue;
    const inverse = 1 / sorted;
    const ox = 0.5 - ax;
    const oy = 0.5 - ay;
    /** The plane through a quantity's three vertex values: value at pixel (0, 0), change per column and per row. */
    const plane = (at0: number, at1: number, at2: number): [number, number, number] => {
      const perX = (at1 * acy - at2 * aby) * inverse;
      const perY = (at2 * abx - at1 * acx) * inverse;
      return [
        bounded((at0 + ox * perX + oy * perY) * Q28, MAX_ORIGIN),
        bounded(perX * Q28, MAX_SLOPE),
        bounded(perY * Q28, MAX_SLOPE),
      ];
    };
    const vertexPlane = (offset: number, shift: number) => {
      const at0 = vertices[a + offset] - shift;
      return plane(at0, vertices[b + offset] - shift - at0, vertices[c + offset] - shift - at0);
    };
    const [uOrigin, uPerX, uPerY] = vertexPlane(2, 0.5);
    const [vOrigin, vPerX, vPerY] = vertexPlane(3, 0.5);
    const [aOrigin, aPerX, aPerY] = vertexPlane(4, 0);
    const [sOrigin, sPerX, sPerY] = vertexPlane(5, 0);
    const stepU = clamp(Math.trunc(uPerX / 4096), MAX_STEP);
    const stepV = clamp(Math.trunc(vPerX / 4096), MAX_STEP);
    const stepS = clamp(sPerX, MAX_LIGHT);
    const stepA = clamp(aPerX, MAX_LIGHT);
    const isOpaque = opaque[t] !== 0;
    const longSlope = acx / acy;
    const upperSlope = abx / aby;
    const lowerSlope = (cx - bx) / (cy - by);
    const longIsLeft = sorted > 0;

    for (let y = firstRow; y < endRow; y++) {
      const py = y + 0.5;
      const longX = ax + (py - ay) * longSlope;
      const shortX = py <= by ? ax + (py - ay) * upperSlope : bx + (py - by) * lowerSlope;
      const x0 = firstPixel(longIsLeft ? longX : shortX, width);
      const x1 = firstPixel(longIsLeft ? shortX : longX, width);
      const length = x1 - x0;
      if (length <= 0) continue;
      const startU = uOrigin + y * uPerY + x0 * uPerX;
      const startV = vOrigin + y * vPerY + x0 * vPerX;
      const endU = startU + (length - 1) * uPerX;
      const endV = startV + (length - 1) * vPerX;
      const inside =
        Math.min(startU, endU, startV, endV) >= MARGIN &&
        Math.max(startU, endU) <= safeU &&
        Math.max(startV, endV) <= safeV;
      let u = clamp(Math.floor(startU / 4096), MAX_START);
      let v = clamp(Math.floor(startV / 4096), MAX_START);
      let s = Math.max(clamp(sOrigin + y * sPerY + x0 * sPerX, MAX_LIGHT), 0);
      let alpha = Math.max(clamp(aOrigin + y * aPerY + x0 * aPerX, MAX_LIGHT), 0);
      let p = (y * width + x0) * 4;
      const end = p + length * 4;
      const solid = inside && isOpaque;
      for (; p < end; p += 4) {
        const tu = solid ? u : Math.min(Math.max(u, 0), maxU - 1);
        const tv = solid ? v : Math.min(Math.max(v, 0), maxV - 1);
        const at = (tv >> 16) * rowBytes + (tu >> 16) * 4;
        const fx = (tu >> 8) & 255;
        const fy = (tv >> 8) & 255;
        const weight = solid ? 255 : (sample(data, at + 3, rowBytes, fx, fy) * (alpha >> 14) + 8192) >> 14;
        if (weight > 0) {
          const m = Math.min(weight + (weight >> 7), 256);
          for (let channel = 0; channel < 3; channel++) {
            const color = clampByte(shaded(sample(data, at + channel, rowBytes, fx, fy), s));
            frame[p + channel] = (color * m + frame[p + channel] * (256 - m) + 128) >> 8;
          }
          frame[p + 3] = 255;
        }
        u += stepU;
        v += stepV;
        s = (s + stepS) | 0;
        alpha = (alpha + stepA) | 0;
      }
    }
  }
}

/** RGBA (even width and height) → I420, BT.601 limited range, chroma averaged over 2 × 2. */
function toI420(frame: Uint8Array, width: number, height: number, out: Uint8Array): void {
  const chromaWidth = width >> 1;
  const planeU = width * height;
  const planeV = planeU + chromaWidth * (height >> 1);
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let k = 0; k < 4; k++) {
        const pixel = (y + (k >> 1)) * width + x + (k & 1);
        const p = pixel * 4;
        out[pixel] = (66 * frame[p] + 129 * frame[p + 1] + 25 * frame[p + 2] + 4224) >> 8;
        r += frame[p];
        g += frame[p + 1];
        b += frame[p + 2];
      }
      const at = (y >> 1) * chromaWidth + (x >> 1);
      out[planeU + at] = (112 * b - (38 * r + 74 * g) + 131584) >> 10;
      out[planeV + at] = (112 * r - (94 * g + 18 * b) + 131584) >> 10;
    }
  }
}

/** A rasteriser on the plain heap. */
export const createReferenceRasterizer: RasterizerFactory = (sizePx, textures, specs) => {
  const { list, layers } = buildDrawList(sizePx, textures, specs, heapAllocator);
  const frame = new Uint8Array(sizePx * sizePx * 4);
  return {
    list,
    layers,
    draw() {
      for (let i = 0; i < list.batches.length; i++) if (list.batches[i].visible) drawBatch(frame, list, i);
      return frame;
    },
    toI420(out) {
      toI420(frame, sizePx, sizePx, out);
    },
  };
};
