// Rasteriser in AssemblyScript with SIMD. The host passes pointers into this instance's own memory.
// Every arithmetic step equals the one in ../reference-rasterizer.ts, which golden tests compare it with bit by bit:
// set-up in f64, spans in 32-bit integers. Painting rules: see ../draw-list.ts.

const STRIDE: usize = 24;
// Spans are set up in whole numbers: texture coordinates in 1/2^28 texel, shade and alpha in 1/2^28, all as a plane
// origin + x·perX + y·perY over the picture. Bounded so that no sum leaves 2^53, where the TypeScript twin would round.
const Q28: f64 = 268435456;
const MAX_ORIGIN: f64 = 2251799813685248; // 2^51
const MAX_SLOPE: f64 = 1099511627776; // 2^40
const MAX_STEP: i64 = 1048576;
const MAX_LIGHT: i64 = 536870911; // 2 in Q28, less one
const MAX_START: i64 = 1000000000;
// Nearer to a texture's edge than this the slow, clamping loop takes over: the fast one rounds down by up to 1/65536.
const MARGIN: i64 = 4096;

@inline function bounded(value: f64, limit: f64): i64 {
  return <i64>(value > limit ? limit : value >= -limit ? value : -limit);
}

@inline function clampStep(value: i64): i32 {
  return <i32>(value > MAX_STEP ? MAX_STEP : value < -MAX_STEP ? -MAX_STEP : value);
}

@inline function clampStart(value: i64): i32 {
  return <i32>(value > MAX_START ? MAX_START : value < -MAX_START ? -MAX_START : value);
}

// Shade, alpha and their steps stay below 2.
@inline function clampLight(value: i64): i32 {
  return <i32>(value > MAX_LIGHT ? MAX_LIGHT : value < -MAX_LIGHT ? -MAX_LIGHT : value);
}

// Pixel whose centre is the first to the right of x: floor(x + 0.5), within 0…size.
@inline function firstPixel(x: f64, size: i32): i32 {
  return x <= 0 ? 0 : x >= <f64>size ? size : <i32>(x + 0.5);
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

// The same for two pixels at once; `light`: their shades in the two lower lanes.
@inline function shadedPair(color: v128, light: v128): v128 {
  const q14 = i32x4.shr_s(light, 14);
  const shade = i8x16.shuffle(q14, q14, 0, 1, 0, 1, 0, 1, 0, 1, 4, 5, 4, 5, 4, 5, 4, 5);
  return i16x8.shr_s(i16x8.add(i16x8.q15mulr_sat_s(i16x8.shl(color, 7), shade), i16x8.splat(32)), 6);
}

// Paints one texel over the pixel at p. `shade` and `alpha` are Q28.
@inline function blend(p: usize, texel: v128, shade: i32, alpha: i32, solid: v128): void {
  const weight: i32 = (<i32>i16x8.extract_lane_u(texel, 3) * (alpha >> 14) + 8192) >> 14;
  if (weight <= 0) return;
  const m = min(weight + (weight >> 7), 256);
  const color = i16x8.max_s(i16x8.min_s(shaded(texel, shade), i16x8.splat(255)), i16x8.splat(0));
  const under = i16x8.extend_low_i8x16_u(v128.load32_zero(p));
  const mixed = i16x8.shr_u(
    i16x8.add(
      i16x8.add(i16x8.mul(color, i16x8.splat(<i16>m)), i16x8.mul(under, i16x8.splat(<i16>(256 - m)))),
      i16x8.splat(128),
    ),
    8,
  );
  v128.store32_lane(p, v128.or(i8x16.narrow_i16x8_u(mixed, mixed), solid), 0);
}

// Two neighbouring samples at once. `uv`: i32x4 of (u, v, next u, next v), for the weights; the addresses come as scalars.
@inline function bilinearPair(texture: usize, width: i32, u: i32, v: i32, nextU: i32, nextV: i32, uv: v128): v128 {
  const p: usize = texture + (<usize>((v >> 16) * width + (u >> 16)) << 2);
  const q: usize = texture + (<usize>((nextV >> 16) * width + (nextU >> 16)) << 2);
  const row: usize = <usize>width << 2;
  const weights = v128.and(i32x4.shr_u(uv, 8), i32x4.splat(255));
  const full = i16x8.splat(256), half = i16x8.splat(128);
  const fy0 = i8x16.shuffle(weights, weights, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5);
  const fy1 = i8x16.shuffle(weights, weights, 12, 13, 12, 13, 12, 13, 12, 13, 12, 13, 12, 13, 12, 13, 12, 13);
  const fx = i8x16.shuffle(weights, weights, 0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 8, 9, 8, 9, 8, 9);
  const top0 = i16x8.extend_low_i8x16_u(v128.load64_zero(p)), bottom0 = i16x8.extend_low_i8x16_u(v128.load64_zero(p + row));
  const top1 = i16x8.extend_low_i8x16_u(v128.load64_zero(q)), bottom1 = i16x8.extend_low_i8x16_u(v128.load64_zero(q + row));
  const column0 = i16x8.shr_u(i16x8.add(i16x8.add(i16x8.mul(top0, i16x8.sub(full, fy0)), i16x8.mul(bottom0, fy0)), half), 8);
  const column1 = i16x8.shr_u(i16x8.add(i16x8.add(i16x8.mul(top1, i16x8.sub(full, fy1)), i16x8.mul(bottom1, fy1)), half), 8);
  const left = i8x16.shuffle(column0, column1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const right = i8x16.shuffle(column0, column1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  return i16x8.shr_u(i16x8.add(i16x8.add(i16x8.mul(left, i16x8.sub(full, fx)), i16x8.mul(right, fx)), half), 8);
}

/** Paints `count` triangles. `frame`: RGBA, width × height. `vertices`: stride 24 bytes. `indices`: u16. */
export function drawTriangles(
  frame: usize, width: i32, height: i32,
  texture: usize, textureWidth: i32, textureHeight: i32,
  vertices: usize, indices: usize, opaqueFlags: usize, count: i32, twoSided: i32,
): void {
  const maxU: i32 = (textureWidth - 1) << 16;
  const maxV: i32 = (textureHeight - 1) << 16;
  const safeU: i64 = (<i64>(textureWidth - 1) << 28) - MARGIN;
  const safeV: i64 = (<i64>(textureHeight - 1) << 28) - MARGIN;
  const solid = i32x4.splat(0xff000000);
  const half = i16x8.splat(128), full = i16x8.splat(256);
  for (let t: i32 = 0; t < count; t++) {
    const index: usize = indices + <usize>t * 6;
    let a: usize = vertices + <usize>load<u16>(index) * STRIDE;
    let b: usize = vertices + <usize>load<u16>(index, 2) * STRIDE;
    let c: usize = vertices + <usize>load<u16>(index, 4) * STRIDE;
    let ax: f64 = load<f32>(a), bx: f64 = load<f32>(b), cx: f64 = load<f32>(c);
    let ay: f64 = load<f32>(a, 4), by: f64 = load<f32>(b, 4), cy: f64 = load<f32>(c, 4);
    const area: f64 = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (!((twoSided ? abs(area) : area) > 1e-9)) continue; // NaN stays out, too
    if ((ax < 0 && bx < 0 && cx < 0) || (ax > <f64>width && bx > <f64>width && cx > <f64>width)) continue;
    // Sorted by y, so that an edge is walked the same way from both of its triangles: no cracks.
    if (by < ay) { const p = a; a = b; b = p; let q = ax; ax = bx; bx = q; q = ay; ay = by; by = q; }
    if (cy < by) { const p = b; b = c; c = p; let q = bx; bx = cx; cx = q; q = by; by = cy; cy = q; }
    if (by < ay) { const p = a; a = b; b = p; let q = ax; ax = bx; bx = q; q = ay; ay = by; by = q; }
    const firstRow = firstPixel(ay, height), endRow = firstPixel(cy, height);
    if (firstRow >= endRow) continue;

    const abx = bx - ax, aby = by - ay, acx = cx - ax, acy = cy - ay;
    const sorted: f64 = abx * acy - acx * aby;
    if (sorted == 0) continue;
    const inverse: f64 = 1.0 / sorted;
    const ox = 0.5 - ax, oy = 0.5 - ay;
    const isOpaque = load<u8>(opaqueFlags + t) != 0;
    let at0: f64 = <f64>load<f32>(a, 8) - 0.5, at1: f64 = <f64>load<f32>(b, 8) - 0.5 - at0, at2: f64 = <f64>load<f32>(c, 8) - 0.5 - at0;
    let perX: f64 = (at1 * acy - at2 * aby) * inverse, perY: f64 = (at2 * abx - at1 * acx) * inverse;
    const uPerX = bounded(perX * Q28, MAX_SLOPE), uPerY = bounded(perY * Q28, MAX_SLOPE);
    let uRow = bounded((at0 + ox * perX + oy * perY) * Q28, MAX_ORIGIN) + <i64>firstRow * uPerY;
    at0 = <f64>load<f32>(a, 12) - 0.5; at1 = <f64>load<f32>(b, 12) - 0.5 - at0; at2 = <f64>load<f32>(c, 12) - 0.5 - at0;
    perX = (at1 * acy - at2 * aby) * inverse; perY = (at2 * abx - at1 * acx) * inverse;
    const vPerX = bounded(perX * Q28, MAX_SLOPE), vPerY = bounded(perY * Q28, MAX_SLOPE);
    let vRow = bounded((at0 + ox * perX + oy * perY) * Q28, MAX_ORIGIN) + <i64>firstRow * vPerY;
    const stepU = clampStep(uPerX / 4096), stepV = clampStep(vPerX / 4096);
    at0 = load<f32>(a, 20); at1 = <f64>load<f32>(b, 20) - at0; at2 = <f64>load<f32>(c, 20) - at0;
    const isShaded = at0 != 1 || at1 != 0 || at2 != 0;
    perX = (at1 * acy - at2 * aby) * inverse; perY = (at2 * abx - at1 * acx) * inverse;
    const sPerX = bounded(perX * Q28, MAX_SLOPE), sPerY = bounded(perY * Q28, MAX_SLOPE);
    let sRow = bounded((at0 + ox * perX + oy * perY) * Q28, MAX_ORIGIN) + <i64>firstRow * sPerY;
    const stepS = clampLight(sPerX);
    at0 = load<f32>(a, 16); at1 = <f64>load<f32>(b, 16) - at0; at2 = <f64>load<f32>(c, 16) - at0;
    const isFull = at0 == 1 && at1 == 0 && at2 == 0;
    perX = (at1 * acy - at2 * aby) * inverse; perY = (at2 * abx - at1 * acx) * inverse;
    const aPerX = bounded(perX * Q28, MAX_SLOPE), aPerY = bounded(perY * Q28, MAX_SLOPE);
    let aRow = bounded((at0 + ox * perX + oy * perY) * Q28, MAX_ORIGIN) + <i64>firstRow * aPerY;
    const stepA = clampLight(aPerX);

    const step2 = i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(stepU << 1), 1, stepV << 1), 3, stepV << 1);
    const step2S = i32x4.splat(stepS << 1);
    const longSlope: f64 = acx / acy;
    const upperSlope: f64 = abx / aby;
    const lowerSlope: f64 = (cx - bx) / (cy - by);
    const longIsLeft = sorted > 0; // b lies to the right of the edge a→c

    for (let y: i32 = firstRow; y < endRow; y++) {
      const py: f64 = <f64>y + 0.5;
      const longX: f64 = ax + (py - ay) * longSlope;
      const shortX: f64 = py <= by ? ax + (py - ay) * upperSlope : bx + (py - by) * lowerSlope;
      const x0 = firstPixel(longIsLeft ? longX : shortX, width);
      const x1 = firstPixel(longIsLeft ? shortX : longX, width);
      const length = x1 - x0;
      if (length > 0) {
        const startU = uRow + <i64>x0 * uPerX, endU = startU + <i64>(length - 1) * uPerX;
        const startV = vRow + <i64>x0 * vPerX, endV = startV + <i64>(length - 1) * vPerX;
        let u = clampStart(startU >> 12), v = clampStart(startV >> 12);
        let s = max(clampLight(sRow + <i64>x0 * sPerX), 0);
        let p: usize = frame + (<usize>(y * width + x0) << 2);
        const end: usize = p + (<usize>length << 2);
        const inside = ((startU - MARGIN) | (endU - MARGIN) | (safeU - startU) | (safeU - endU)
          | (startV - MARGIN) | (endV - MARGIN) | (safeV - startV) | (safeV - endV)) >= 0;
        if (inside && (isOpaque || isFull)) {
          const pairEnd: usize = p + (<usize>(length & ~1) << 2);
          let uv = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(u), 1, v), 2, u + stepU), 3, v + stepV);
          let light = i32x4.replace_lane(i32x4.splat(s), 1, s + stepS);
          if (isOpaque) {
            if (isShaded) {
              for (; p < pairEnd; p += 8) {
                const color = shadedPair(bilinearPair(texture, textureWidth, u, v, u + stepU, v + stepV, uv), light);
                v128.store64_lane(p, v128.or(i8x16.narrow_i16x8_u(color, color), solid), 0);
                u += stepU << 1; v += stepV << 1;
                uv = i32x4.add(uv, step2);
                light = i32x4.add(light, step2S);
              }
            } else {
              for (; p < pairEnd; p += 8) {
                const color = bilinearPair(texture, textureWidth, u, v, u + stepU, v + stepV, uv);
                v128.store64_lane(p, v128.or(i8x16.narrow_i16x8_u(color, color), solid), 0);
                u += stepU << 1; v += stepV << 1;
                uv = i32x4.add(uv, step2);
              }
            }
            if (p < end) {
              const color = shaded(bilinear(texture, textureWidth, u, v), i32x4.extract_lane(light, 0));
              v128.store32_lane(p, v128.or(i8x16.narrow_i16x8_u(color, color), solid), 0);
            }
          } else {
            for (; p < pairEnd; p += 8) {
              const texel = bilinearPair(texture, textureWidth, u, v, u + stepU, v + stepV, uv);
              const first: i32 = <i32>i16x8.extract_lane_u(texel, 3), second: i32 = <i32>i16x8.extract_lane_u(texel, 7);
              if ((first | second) != 0) {
                const lit = i16x8.max_s(i16x8.min_s(shadedPair(texel, light), i16x8.splat(255)), i16x8.splat(0));
                // weight + (weight >> 7) in every lane of its pixel
                const w = i8x16.shuffle(texel, texel, 6, 7, 6, 7, 6, 7, 6, 7, 14, 15, 14, 15, 14, 15, 14, 15);
                const m = i16x8.add(w, i16x8.shr_u(w, 7));
                const under = i16x8.extend_low_i8x16_u(v128.load64_zero(p));
                const mixed = i16x8.shr_u(
                  i16x8.add(i16x8.add(i16x8.mul(lit, m), i16x8.mul(under, i16x8.sub(full, m))), half),
                  8,
                );
                v128.store64_lane(p, v128.or(i8x16.narrow_i16x8_u(mixed, mixed), solid), 0);
              }
              u += stepU << 1; v += stepV << 1;
              uv = i32x4.add(uv, step2);
              light = i32x4.add(light, step2S);
            }
            if (p < end)
              blend(p, bilinear(texture, textureWidth, u, v), i32x4.extract_lane(light, 0), 1 << 28, solid);
          }
        } else {
          let alpha = max(clampLight(aRow + <i64>x0 * aPerX), 0);
          for (; p < end; p += 4) {
            // Clamped to the last texel but a trifle, so that its right and lower neighbours exist.
            const tu = min(max(u, 0), maxU - 1), tv = min(max(v, 0), maxV - 1);
            blend(p, bilinear(texture, textureWidth, tu, tv), s, alpha, solid);
            u += stepU; v += stepV; s += stepS; alpha += stepA;
          }
        }
      }
      uRow += uPerY; vRow += vPerY; sRow += sPerY; aRow += aPerY;
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
