/**
 * The rasteriser in plain TypeScript: DrawList → RGBA → I420. Every arithmetic step equals `wasm/raster.ts`, so that the
 * two agree bit by bit; golden tests and machines without WASM SIMD use it. No Node API.
 */
import { buildDrawList, type DrawList, heapAllocator, VERTEX_FLOATS } from './draw-list.ts';
import type { RasterizerFactory } from './rasterizer.ts';

const FIXED_LIMIT = 1e9;
const Q28 = 268435456;

function toFixed(value: number): number {
  return Math.trunc(Math.min(Math.max(value, -FIXED_LIMIT), FIXED_LIMIT)) | 0;
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
  const safeU = (texture.widthPx - 2) * 65536 + 65535;
  const safeV = (texture.heightPx - 2) * 65536 + 65535;
  const endTriangle = batch.firstTriangle + batch.triangleCount;
  for (let t = batch.firstTriangle; t < endTriangle; t++) {
    let a = indices[t * 3] * VERTEX_FLOATS;
    let b = indices[t * 3 + 1] * VERTEX_FLOATS;
    let c = indices[t * 3 + 2] * VERTEX_FLOATS;
    const area =
      (vertices[b] - vertices[a]) * (vertices[c + 1] - vertices[a + 1]) -
      (vertices[c] - vertices[a]) * (vertices[b + 1] - vertices[a + 1]);
    if (!((batch.twoSided ? Math.abs(area) : area) > 1e-9)) continue;
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
    const firstRow = Math.max(0, Math.ceil(Math.min(Math.max(ay, -8), height + 8) - 0.5));
    const endRow = Math.min(height, Math.ceil(Math.min(Math.max(cy, -8), height + 8) - 0.5));
    const abx = bx - ax;
    const aby = by - ay;
    const acx = cx - ax;
    const acy = cy - ay;
    const sorted = abx * acy - acx * aby;
    if (firstRow >= endRow || sorted === 0) continue;
    const inverse = 1 / sorted;
    const u0 = vertices[a + 2] - 0.5;
    const u1 = vertices[b + 2] - 0.5 - u0;
    const u2 = vertices[c + 2] - 0.5 - u0;
    const v0 = vertices[a + 3] - 0.5;
    const v1 = vertices[b + 3] - 0.5 - v0;
    const v2 = vertices[c + 3] - 0.5 - v0;
    const dudx = (u1 * acy - u2 * aby) * inverse * 65536;
    const dudy = (u2 * abx - u1 * acx) * inverse * 65536;
    const dvdx = (v1 * acy - v2 * aby) * inverse * 65536;
    const dvdy = (v2 * abx - v1 * acx) * inverse * 65536;
    const stepU = toFixed(dudx);
    const stepV = toFixed(dvdx);
    const a0 = vertices[a + 4];
    const a1 = vertices[b + 4] - a0;
    const a2 = vertices[c + 4] - a0;
    const s0 = vertices[a + 5];
    const s1 = vertices[b + 5] - s0;
    const s2 = vertices[c + 5] - s0;
    const isOpaque = opaque[t] !== 0;
    const isShaded = s0 !== 1 || s1 !== 0 || s2 !== 0;
    const dsdx = (s1 * acy - s2 * aby) * inverse * Q28;
    const dsdy = (s2 * abx - s1 * acx) * inverse * Q28;
    const dadx = (a1 * acy - a2 * aby) * inverse * Q28;
    const dady = (a2 * abx - a1 * acx) * inverse * Q28;
    const stepS = toFixed(dsdx);
    const stepA = toFixed(dadx);
    const longSlope = acx / acy;
    const upperSlope = abx / aby;
    const lowerSlope = (cx - bx) / (cy - by);
    const longIsLeft = sorted > 0;

    for (let y = firstRow; y < endRow; y++) {
      const py = y + 0.5;
      const longX = ax + (py - ay) * longSlope;
      const shortX = py < by ? ax + (py - ay) * upperSlope : bx + (py - by) * lowerSlope;
      const left = longIsLeft ? longX : shortX;
      const right = longIsLeft ? shortX : longX;
      const x0 = Math.ceil(Math.min(Math.max(left, 0), width) - 0.5);
      const x1 = Math.ceil(Math.min(Math.max(right, 0), width) - 0.5);
      const length = x1 - x0;
      if (length <= 0) continue;
      const dx = x0 + 0.5 - ax;
      const dy = py - ay;
      const startU = u0 * 65536 + dx * dudx + dy * dudy;
      const startV = v0 * 65536 + dx * dvdx + dy * dvdy;
      const endU = startU + dudx * (length - 1);
      const endV = startV + dvdx * (length - 1);
      const inside =
        Math.min(startU, endU) >= 0 &&
        Math.min(startV, endV) >= 0 &&
        Math.max(startU, endU) <= safeU &&
        Math.max(startV, endV) <= safeV;
      let u = toFixed(startU);
      let v = toFixed(startV);
      let s = toFixed(s0 * Q28 + dx * dsdx + dy * dsdy);
      let p = (y * width + x0) * 4;
      const end = p + length * 4;
      if (inside && isOpaque) {
        for (; p < end; p += 4) {
          const at = (v >> 16) * rowBytes + (u >> 16) * 4;
          const fx = (u >> 8) & 255;
          const fy = (v >> 8) & 255;
          const r = sample(data, at, rowBytes, fx, fy);
          const g = sample(data, at + 1, rowBytes, fx, fy);
          const b = sample(data, at + 2, rowBytes, fx, fy);
          frame[p] = isShaded ? clampByte(shaded(r, s)) : r;
          frame[p + 1] = isShaded ? clampByte(shaded(g, s)) : g;
          frame[p + 2] = isShaded ? clampByte(shaded(b, s)) : b;
          frame[p + 3] = 255;
          u = (u + stepU) | 0;
          v = (v + stepV) | 0;
          s = (s + stepS) | 0;
        }
        continue;
      }
      let alpha = toFixed(a0 * Q28 + dx * dadx + dy * dady);
      for (; p < end; p += 4) {
        const tu = Math.min(Math.max(u, 0), maxU - 1);
        const tv = Math.min(Math.max(v, 0), maxV - 1);
        const at = (tv >> 16) * rowBytes + (tu >> 16) * 4;
        const fx = (tu >> 8) & 255;
        const fy = (tv >> 8) & 255;
        const weight = (sample(data, at + 3, rowBytes, fx, fy) * (alpha >> 14) + 8192) >> 14;
        if (weight > 0) {
          const m = weight + (weight >> 7);
          for (let channel = 0; channel < 3; channel++) {
            const color = clampByte(shaded(sample(data, at + channel, rowBytes, fx, fy), s));
            frame[p + channel] = (color * m + frame[p + channel] * (256 - m) + 128) >> 8;
          }
          frame[p + 3] = 255;
        }
        u = (u + stepU) | 0;
        v = (v + stepV) | 0;
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
