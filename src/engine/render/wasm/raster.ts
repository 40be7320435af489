// Rasteriser in AssemblyScript with SIMD. The host passes pointers into this instance's own memory.
// Every arithmetic step equals the one in ../reference-rasterizer.ts, which golden tests compare it with bit by bit:
// set-up in f64, spans in 32-bit integers. Painting rules: see ../draw-list.ts.

const STRIDE: usize = 24;
const LIMIT: f64 = 1e9;

@inline function toFixed(value: f64): i32 {
  return <i32>min(max(value, -LIMIT), LIMIT);
}

// Two rows of two texels each, lerped first down, then across, each step rounded. Result: i16x8 whose low half is RGBA.
@inline function bilinear(texture: usize, width: i32, u: i32, v: i32): v128 {
  const p: usize = texture + (<usize>((v >> 16) * width + (u >> 16)) << 2);
  const fx: i32 = (u >> 8) & 255;
  const fy: i32 = (v >> 8) & 255;
  const top = i16x8.extend_low_i8x16_u(v128.load64_zero(p));
  const bottom = i16x8.extend_low_i8x16_u(v128.load64_zero(p + (<usize>width << 2)));
  const half = i16x8.splat(128);
  const column = i16x8.shr_u(
    i16x8.add(i16x8.add(i16x8.mul(top, i16x8.splat(<i16>(256 - fy))), i16x8.mul(bottom, i16x8.splat(<i16>fy))), half),
    8,
  );
  const right = i8x16.shuffle(column, column, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  return i16x8.shr_u(
    i16x8.add(i16x8.add(i16x8.mul(column, i16x8.splat(<i16>(256 - fx))), i16x8.mul(right, i16x8.splat(<i16>fx))), half),
    8,
  );
}

// Colour · shade, rounded and clamped by the narrowing that follows. `shade` is Q28.
@inline function shaded(color: v128, shade: i32): v128 {
  return i16x8.shr_s(
    i16x8.add(i16x8.q15mulr_sat_s(i16x8.shl(color, 7), i16x8.splat(<i16>(shade >> 14))), i16x8.splat(32)),
    6,
  );
}

/** Paints `count` triangles. `frame`: RGBA, width × height. `vertices`: stride 24 bytes. `indices`: u16. */
export function drawTriangles(
  frame: usize, width: i32, height: i32,
  texture: usize, textureWidth: i32, textureHeight: i32,
  vertices: usize, indices: usize, opaqueFlags: usize, count: i32, twoSided: i32,
): void {
  const maxU: i32 = (textureWidth - 1) << 16;
  const maxV: i32 = (textureHeight - 1) << 16;
  const safeU: f64 = <f64>(textureWidth - 2) * 65536 + 65535;
  const safeV: f64 = <f64>(textureHeight - 2) * 65536 + 65535;
  const solid = i32x4.splat(0xff000000);
  for (let t: i32 = 0; t < count; t++) {
    const index: usize = indices + <usize>t * 6;
    let a: usize = vertices + <usize>load<u16>(index) * STRIDE;
    let b: usize = vertices + <usize>load<u16>(index, 2) * STRIDE;
    let c: usize = vertices + <usize>load<u16>(index, 4) * STRIDE;
    let ay: f64 = load<f32>(a, 4), by: f64 = load<f32>(b, 4), cy: f64 = load<f32>(c, 4);
    const lowest = max(ay, max(by, cy));
    if (lowest <= 0.5) continue;
    let ax: f64 = load<f32>(a), bx: f64 = load<f32>(b), cx: f64 = load<f32>(c);
    const area: f64 = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (!((twoSided ? abs(area) : area) > 1e-9)) continue; // NaN stays out, too
    // Sorted by y, so that an edge is walked the same way from both of its triangles: no cracks.
    if (by < ay) { const p = a; a = b; b = p; let q = ax; ax = bx; bx = q; q = ay; ay = by; by = q; }
    if (cy < by) { const p = b; b = c; c = p; let q = bx; bx = cx; cx = q; q = by; by = cy; cy = q; }
    if (by < ay) { const p = a; a = b; b = p; let q = ax; ax = bx; bx = q; q = ay; ay = by; by = q; }
    const firstRow: i32 = max(0, <i32>Math.ceil(min(max(ay, -8.0), <f64>height + 8.0) - 0.5));
    const endRow: i32 = min(height, <i32>Math.ceil(min(max(cy, -8.0), <f64>height + 8.0) - 0.5));
    if (firstRow >= endRow) continue;

    const abx = bx - ax, aby = by - ay, acx = cx - ax, acy = cy - ay;
    const sorted: f64 = abx * acy - acx * aby;
    if (sorted == 0) continue;
    const inverse: f64 = 1.0 / sorted;
    const u0: f64 = <f64>load<f32>(a, 8) - 0.5, u1: f64 = <f64>load<f32>(b, 8) - 0.5 - u0, u2: f64 = <f64>load<f32>(c, 8) - 0.5 - u0;
    const v0: f64 = <f64>load<f32>(a, 12) - 0.5, v1: f64 = <f64>load<f32>(b, 12) - 0.5 - v0, v2: f64 = <f64>load<f32>(c, 12) - 0.5 - v0;
    const dudx = (u1 * acy - u2 * aby) * inverse * 65536, dudy = (u2 * abx - u1 * acx) * inverse * 65536;
    const dvdx = (v1 * acy - v2 * aby) * inverse * 65536, dvdy = (v2 * abx - v1 * acx) * inverse * 65536;
    const stepU = toFixed(dudx), stepV = toFixed(dvdx);
    const a0: f64 = load<f32>(a, 16), a1: f64 = <f64>load<f32>(b, 16) - a0, a2: f64 = <f64>load<f32>(c, 16) - a0;
    const s0: f64 = load<f32>(a, 20), s1: f64 = <f64>load<f32>(b, 20) - s0, s2: f64 = <f64>load<f32>(c, 20) - s0;
    const isOpaque = load<u8>(opaqueFlags + t) != 0;
    const isShaded = s0 != 1 || s1 != 0 || s2 != 0;
    const dsdx = (s1 * acy - s2 * aby) * inverse * 268435456, dsdy = (s2 * abx - s1 * acx) * inverse * 268435456;
    const dadx = (a1 * acy - a2 * aby) * inverse * 268435456, dady = (a2 * abx - a1 * acx) * inverse * 268435456;
    const stepS = toFixed(dsdx), stepA = toFixed(dadx);

    const longSlope: f64 = acx / acy;
    const upperSlope: f64 = abx / aby;
    const lowerSlope: f64 = (cx - bx) / (cy - by);
    const longIsLeft = sorted > 0; // b lies to the right of the edge a→c

    for (let y: i32 = firstRow; y < endRow; y++) {
      const py: f64 = <f64>y + 0.5;
      const longX: f64 = ax + (py - ay) * longSlope;
      const shortX: f64 = py < by ? ax + (py - ay) * upperSlope : bx + (py - by) * lowerSlope;
      const left = longIsLeft ? longX : shortX;
      const right = longIsLeft ? shortX : longX;
      const x0: i32 = <i32>Math.ceil(min(max(left, 0.0), <f64>width) - 0.5);
      const x1: i32 = <i32>Math.ceil(min(max(right, 0.0), <f64>width) - 0.5);
      const length = x1 - x0;
      if (length <= 0) continue;
      const dx: f64 = <f64>x0 + 0.5 - ax, dy: f64 = py - ay;
      const startU: f64 = u0 * 65536 + dx * dudx + dy * dudy;
      const startV: f64 = v0 * 65536 + dx * dvdx + dy * dvdy;
      const endU: f64 = startU + dudx * <f64>(length - 1), endV: f64 = startV + dvdx * <f64>(length - 1);
      let u = toFixed(startU), v = toFixed(startV);
      let p: usize = frame + (<usize>(y * width + x0) << 2);
      const end: usize = p + (<usize>length << 2);
      const inside = min(startU, endU) >= 0 && min(startV, endV) >= 0 && max(startU, endU) <= safeU && max(startV, endV) <= safeV;
      let s = toFixed(s0 * 268435456 + dx * dsdx + dy * dsdy);
      if (inside && isOpaque) {
        if (isShaded) {
          for (; p < end; p += 4) {
            const color = shaded(bilinear(texture, textureWidth, u, v), s);
            v128.store32_lane(p, v128.or(i8x16.narrow_i16x8_u(color, color), solid), 0);
            u += stepU; v += stepV; s += stepS;
          }
        } else {
          for (; p < end; p += 4) {
            const color = bilinear(texture, textureWidth, u, v);
            v128.store32_lane(p, v128.or(i8x16.narrow_i16x8_u(color, color), solid), 0);
            u += stepU; v += stepV;
          }
        }
        continue;
      }
      let alpha = toFixed(a0 * 268435456 + dx * dadx + dy * dady);
      for (; p < end; p += 4) {
        // Clamped to the last texel: its right and lower neighbours get weight 0, so one texel less is read safely.
        const cu = min(max(u, 0), maxU), cv = min(max(v, 0), maxV);
        const tu = min(cu, maxU - 1), tv = min(cv, maxV - 1);
        const texel = bilinear(texture, textureWidth, tu, tv);
        const weight: i32 = (<i32>i16x8.extract_lane_u(texel, 3) * (alpha >> 14) + 8192) >> 14;
        if (weight > 0) {
          const m = weight + (weight >> 7);
          const clamped = i16x8.max_s(i16x8.min_s(shaded(texel, s), i16x8.splat(255)), i16x8.splat(0));
          const under = i16x8.extend_low_i8x16_u(v128.load32_zero(p));
          const mixed = i16x8.shr_u(
            i16x8.add(
              i16x8.add(i16x8.mul(clamped, i16x8.splat(<i16>m)), i16x8.mul(under, i16x8.splat(<i16>(256 - m)))),
              i16x8.splat(128),
            ),
            8,
          );
          v128.store32_lane(p, v128.or(i8x16.narrow_i16x8_u(mixed, mixed), solid), 0);
        }
        u += stepU; v += stepV; s += stepS; alpha += stepA;
      }
    }
  }
}

/** RGBA (even width and height) → I420, BT.601 limited range, chroma averaged over 2 × 2. */
export function toI420(frame: usize, width: i32, height: i32, out: usize): void {
  const chromaWidth = width >> 1;
  const planeU: usize = out + <usize>(width * height);
  const planeV: usize = planeU + <usize>(chromaWidth * (height >> 1));
  const m = i32x4.splat(255);
  const k66 = i32x4.splat(66), k129 = i32x4.splat(129), k25 = i32x4.splat(25), luma = i32x4.splat(4224);
  const k112 = i32x4.splat(112), k38 = i32x4.splat(38), k74 = i32x4.splat(74), k94 = i32x4.splat(94), k18 = i32x4.splat(18);
  const chroma = i32x4.splat(131584);
  const rowBytes: usize = <usize>width << 2;
  for (let y: i32 = 0; y < height; y += 2) {
    const row: usize = frame + <usize>y * rowBytes;
    for (let x: i32 = 0; x < width; x += 4) {
      // A width of 4n + 2 ends with an overlapping group of four.
      const x4 = min(x, width - 4);
      const p: usize = row + (<usize>x4 << 2);
      const top = v128.load(p), bottom = v128.load(p + rowBytes);
      const r0 = v128.and(top, m), g0 = v128.and(i32x4.shr_u(top, 8), m), b0 = v128.and(i32x4.shr_u(top, 16), m);
      const r1 = v128.and(bottom, m), g1 = v128.and(i32x4.shr_u(bottom, 8), m), b1 = v128.and(i32x4.shr_u(bottom, 16), m);
      const y0 = i32x4.shr_u(i32x4.add(i32x4.add(i32x4.mul(r0, k66), i32x4.mul(g0, k129)), i32x4.add(i32x4.mul(b0, k25), luma)), 8);
      const y1 = i32x4.shr_u(i32x4.add(i32x4.add(i32x4.mul(r1, k66), i32x4.mul(g1, k129)), i32x4.add(i32x4.mul(b1, k25), luma)), 8);
      const y16 = i16x8.narrow_i32x4_u(y0, y1);
      const y8 = i8x16.narrow_i16x8_u(y16, y16);
      const lumaOut: usize = out + <usize>(y * width + x4);
      v128.store32_lane(lumaOut, y8, 0);
      v128.store32_lane(lumaOut + <usize>width, y8, 1);
      const r = i32x4.add(r0, r1), g = i32x4.add(g0, g1), b = i32x4.add(b0, b1);
      const r2 = i32x4.add(r, i8x16.shuffle(r, r, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
      const g2 = i32x4.add(g, i8x16.shuffle(g, g, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
      const b2 = i32x4.add(b, i8x16.shuffle(b, b, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
      const u = i32x4.shr_s(i32x4.add(i32x4.sub(i32x4.mul(b2, k112), i32x4.add(i32x4.mul(r2, k38), i32x4.mul(g2, k74))), chroma), 10);
      const v = i32x4.shr_s(i32x4.add(i32x4.sub(i32x4.mul(r2, k112), i32x4.add(i32x4.mul(g2, k94), i32x4.mul(b2, k18))), chroma), 10);
      const at: usize = <usize>((y >> 1) * chromaWidth + (x4 >> 1));
      store<u8>(planeU + at, <u8>i32x4.extract_lane(u, 0));
      store<u8>(planeU + at + 1, <u8>i32x4.extract_lane(u, 2));
      store<u8>(planeV + at, <u8>i32x4.extract_lane(v, 0));
      store<u8>(planeV + at + 1, <u8>i32x4.extract_lane(v, 2));
    }
  }
}

/** Copies a picture: the background into the frame. */
export function copy(to: usize, from: usize, byteCount: i32): void {
  memory.copy(to, from, <usize>byteCount);
}
