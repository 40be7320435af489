/**
 * Float pictures and the few operations the bake is made of. In and out: `Raster`, row-major, interleaved channels,
 * values 0…1; pixel (i, j) covers [i, i + 1) × [j, j + 1), so its centre is at (i + ½, j + ½). Nothing here allocates
 * per pixel; every function leaves its input as it is unless its name says `…InPlace`.
 */
export interface Raster {
  widthPx: number;
  heightPx: number;
  channels: number;
  data: Float32Array;
}

/** A flat list of points: x0, y0, x1, y1 … in raster px. */
export type Polygon = ArrayLike<number>;

export function createRaster(widthPx: number, heightPx: number, channels = 1): Raster {
  return { widthPx, heightPx, channels, data: new Float32Array(widthPx * heightPx * channels) };
}

function cloneRaster(raster: Raster): Raster {
  return { ...raster, data: raster.data.slice() };
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : Math.min(value, high);
}

export function luma(r: number, g: number, b: number): number {
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

export function lumaOf(rgb: Raster): Raster {
  const out = createRaster(rgb.widthPx, rgb.heightPx);
  const { data, channels } = rgb;
  for (let i = 0, j = 0; i < out.data.length; i++, j += channels) out.data[i] = luma(data[j], data[j + 1], data[j + 2]);
  return out;
}

/** Copy of the window [x0, x0 + width) × [y0, y0 + height), which must lie inside. */
function crop(raster: Raster, x0: number, y0: number, widthPx: number, heightPx: number): Raster {
  const { channels } = raster;
  const out = createRaster(widthPx, heightPx, channels);
  for (let y = 0; y < heightPx; y++) {
    const from = ((y0 + y) * raster.widthPx + x0) * channels;
    out.data.set(raster.data.subarray(from, from + widthPx * channels), y * widthPx * channels);
  }
  return out;
}

/** The window of `raster` (its (0, 0) at `origin`) around some vertices (3 per vertex, origin's space), with a margin. */
export function cropAround(
  raster: Raster,
  origin: { x0Px: number; y0Px: number },
  positions: Float32Array,
  vertices: ArrayLike<number>,
): { raster: Raster; origin: { x0Px: number; y0Px: number } } {
  const margin = 8;
  let [left, top, right, bottom] = [raster.widthPx, raster.heightPx, 0, 0];
  for (let i = 0; i < vertices.length; i++) {
    const x = positions[3 * vertices[i]] - origin.x0Px;
    const y = positions[3 * vertices[i] + 1] - origin.y0Px;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const x0 = clamp(Math.floor(left) - margin, 0, raster.widthPx - 1);
  const y0 = clamp(Math.floor(top) - margin, 0, raster.heightPx - 1);
  const x1 = clamp(Math.ceil(right) + margin, x0 + 1, raster.widthPx);
  const y1 = clamp(Math.ceil(bottom) + margin, y0 + 1, raster.heightPx);
  return {
    raster: crop(raster, x0, y0, x1 - x0, y1 - y0),
    origin: { x0Px: origin.x0Px + x0, y0Px: origin.y0Px + y0 },
  };
}

/** Bilinear sample of channel `c` at (x, y) in px, borders replicated. */
export function sample(raster: Raster, x: number, y: number, c = 0): number {
  const { widthPx: w, heightPx: h, channels: n, data } = raster;
  const fx = clamp(x - 0.5, 0, w - 1);
  const fy = clamp(y - 0.5, 0, h - 1);
  const x0 = Math.min(fx | 0, Math.max(w - 2, 0));
  const y0 = Math.min(fy | 0, Math.max(h - 2, 0));
  const u = fx - x0;
  const v = fy - y0;
  const right = w > 1 ? n : 0;
  const below = h > 1 ? w * n : 0;
  const i = (y0 * w + x0) * n + c;
  const top = data[i] + (data[i + right] - data[i]) * u;
  const bottom = data[i + below] + (data[i + below + right] - data[i + below]) * u;
  return top + (bottom - top) * v;
}

/** Mean over a (2 radius + 1)² window, borders replicated. Running sums: the cost does not depend on the radius. */
export function boxBlur(raster: Raster, radius: number): Raster {
  return boxColumns(boxRows(raster, radius), radius);
}

function boxRows(raster: Raster, radius: number): Raster {
  const { widthPx: w, heightPx: h, channels: n, data } = raster;
  const out = createRaster(w, h, n);
  const scale = 1 / (2 * radius + 1);
  for (let y = 0; y < h; y++) {
    for (let c = 0; c < n; c++) {
      const row = y * w * n + c;
      let sum = data[row] * (radius + 1);
      for (let k = 1; k <= radius; k++) sum += data[row + Math.min(k, w - 1) * n];
      for (let x = 0; x < w; x++) {
        out.data[row + x * n] = sum * scale;
        sum += data[row + Math.min(x + radius + 1, w - 1) * n] - data[row + Math.max(x - radius, 0) * n];
      }
    }
  }
  return out;
}

function boxColumns(raster: Raster, radius: number): Raster {
  const { widthPx: w, heightPx: h, channels: n, data } = raster;
  const out = createRaster(w, h, n);
  const stride = w * n;
  const scale = 1 / (2 * radius + 1);
  const sum = new Float32Array(stride);
  for (let i = 0; i < stride; i++) sum[i] = data[i] * (radius + 1);
  for (let k = 1; k <= radius; k++) {
    const row = Math.min(k, h - 1) * stride;
    for (let i = 0; i < stride; i++) sum[i] += data[row + i];
  }
  for (let y = 0; y < h; y++) {
    const row = y * stride;
    const enter = Math.min(y + radius + 1, h - 1) * stride;
    const leave = Math.max(y - radius, 0) * stride;
    for (let i = 0; i < stride; i++) {
      out.data[row + i] = sum[i] * scale;
      sum[i] += data[enter + i] - data[leave + i];
    }
  }
  return out;
}

/** Gaussian by its own kernel below σ = 2 px, by three box passes above (within 3 % of the kernel). */
export function gaussianBlur(raster: Raster, sigmaPx: number): Raster {
  if (sigmaPx <= 0) return cloneRaster(raster);
  if (sigmaPx < 2) return convolveGaussian(raster, sigmaPx);
  const ideal = Math.sqrt(4 * sigmaPx * sigmaPx + 1);
  let low = Math.floor(ideal);
  if (low % 2 === 0) low--;
  const lowPasses = Math.round((12 * sigmaPx * sigmaPx - 3 * low * low - 12 * low - 9) / (-4 * low - 4));
  let out = raster;
  for (let pass = 0; pass < 3; pass++) out = boxBlur(out, ((pass < lowPasses ? low : low + 2) - 1) / 2);
  return out;
}

function convolveGaussian(raster: Raster, sigmaPx: number): Raster {
  const { widthPx: w, heightPx: h, channels: n } = raster;
  const radius = Math.ceil(sigmaPx * 3);
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigmaPx) ** 2),
  );
  const total = kernel.reduce((a, b) => a + b, 0);
  for (let i = 0; i < kernel.length; i++) kernel[i] /= total;
  const rows = createRaster(w, h, n);
  const line = new Float32Array(w + 2 * radius);
  for (let y = 0; y < h; y++) {
    for (let c = 0; c < n; c++) {
      for (let i = 0; i < line.length; i++) line[i] = raster.data[(y * w + clamp(i - radius, 0, w - 1)) * n + c];
      for (let x = 0; x < w; x++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[x + k];
        rows.data[(y * w + x) * n + c] = sum;
      }
    }
  }
  const out = createRaster(w, h, n);
  const stride = w * n;
  for (let y = 0; y < h; y++) {
    for (let k = -radius; k <= radius; k++) {
      const from = clamp(y + k, 0, h - 1) * stride;
      const weight = kernel[k + radius];
      for (let i = 0; i < stride; i++) out.data[y * stride + i] += weight * rows.data[from + i];
    }
  }
  return out;
}

/** Half the size (rounded up), each pixel the mean of its 2 × 2 (borders replicated). */
export function halve(raster: Raster): Raster {
  const { widthPx: w, heightPx: h, channels: n, data } = raster;
  const out = createRaster((w + 1) >> 1, (h + 1) >> 1, n);
  for (let y = 0; y < out.heightPx; y++) {
    const top = 2 * y * w * n;
    const bottom = Math.min(2 * y + 1, h - 1) * w * n;
    for (let x = 0; x < out.widthPx; x++) {
      const left = 2 * x * n;
      const right = Math.min(2 * x + 1, w - 1) * n;
      const to = (y * out.widthPx + x) * n;
      for (let c = 0; c < n; c++) {
        out.data[to + c] =
          0.25 * (data[top + left + c] + data[top + right + c] + data[bottom + left + c] + data[bottom + right + c]);
      }
    }
  }
  return out;
}

/** Bilinear resize with pixel centres aligned; for shrinking below ½ call `halve` first. */
export function resize(raster: Raster, widthPx: number, heightPx: number): Raster {
  const { widthPx: w, heightPx: h, channels: n, data } = raster;
  const out = createRaster(widthPx, heightPx, n);
  const left = new Int32Array(widthPx);
  const right = new Int32Array(widthPx);
  const fraction = new Float32Array(widthPx);
  for (let x = 0; x < widthPx; x++) {
    const f = clamp(((x + 0.5) * w) / widthPx - 0.5, 0, w - 1);
    left[x] = (f | 0) * n;
    right[x] = Math.min((f | 0) + 1, w - 1) * n;
    fraction[x] = f - (f | 0);
  }
  for (let y = 0; y < heightPx; y++) {
    const f = clamp(((y + 0.5) * h) / heightPx - 0.5, 0, h - 1);
    const top = (f | 0) * w * n;
    const bottom = Math.min((f | 0) + 1, h - 1) * w * n;
    const v = f - (f | 0);
    let to = y * widthPx * n;
    for (let x = 0; x < widthPx; x++) {
      const u = fraction[x];
      for (let c = 0; c < n; c++, to++) {
        const a = data[top + left[x] + c];
        const b = data[bottom + left[x] + c];
        const over = a + (data[top + right[x] + c] - a) * u;
        const under = b + (data[bottom + right[x] + c] - b) * u;
        out.data[to] = over + (under - over) * v;
      }
    }
  }
  return out;
}

/** Maximum over a (2 radius + 1)² window of a one-channel raster. */
export function dilate(plane: Raster, radius: number): Raster {
  return largest(plane, radius, 1);
}

/** Minimum over a (2 radius + 1)² window of a one-channel raster. */
export function erode(plane: Raster, radius: number): Raster {
  return largest(plane, radius, -1);
}

/** Maximum of sign · value, by doubling spans: a span of 2ⁿ is the larger of two of 2ⁿ⁻¹. */
function largest(plane: Raster, radius: number, sign: 1 | -1): Raster {
  const { widthPx: w, heightPx: h } = plane;
  const out = createRaster(w, h);
  const line = new Float32Array(w + 2 * radius);
  for (let y = 0; y < h; y++) {
    for (let i = 0; i < line.length; i++) line[i] = sign * plane.data[y * w + clamp(i - radius, 0, w - 1)];
    doubleSpan(line, 1, 2 * radius + 1);
    out.data.set(line.subarray(0, w), y * w);
  }
  const padded = new Float32Array((h + 2 * radius) * w);
  for (let j = 0; j < h + 2 * radius; j++) {
    const row = clamp(j - radius, 0, h - 1) * w;
    padded.set(out.data.subarray(row, row + w), j * w);
  }
  doubleSpan(padded, w, 2 * radius + 1);
  for (let i = 0; i < out.data.length; i++) out.data[i] = sign * padded[i];
  return out;
}

/** In place: each entry becomes the largest of itself and the `span` − 1 entries `stride` apart behind it. */
function doubleSpan(values: Float32Array, stride: number, span: number): void {
  for (let reach = 1; reach < span; ) {
    const step = Math.min(reach, span - reach) * stride;
    const end = values.length - step;
    for (let i = 0; i < end; i++) if (values[i + step] > values[i]) values[i] = values[i + step];
    reach += Math.min(reach, span - reach);
  }
}

/** Coverage 0…1 of a polygon (even-odd), anti-aliased: exact along x, 4 sub-scanlines along y. */
export function fillPolygon(widthPx: number, heightPx: number, polygon: Polygon): Raster {
  const out = createRaster(widthPx, heightPx);
  const count = polygon.length >> 1;
  const crossings: number[] = [];
  for (let sub = 0; sub < heightPx * 4; sub++) {
    const y = (sub + 0.5) / 4;
    crossings.length = 0;
    for (let i = 0, j = count - 1; i < count; j = i++) {
      const yi = polygon[2 * i + 1];
      const yj = polygon[2 * j + 1];
      if (yi > y === yj > y) continue;
      crossings.push(polygon[2 * i] + ((y - yi) / (yj - yi)) * (polygon[2 * j] - polygon[2 * i]));
    }
    crossings.sort((a, b) => a - b);
    const row = (sub >> 2) * widthPx;
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = clamp(crossings[k], 0, widthPx);
      const to = clamp(crossings[k + 1], 0, widthPx);
      for (let x = from | 0; x < to; x++) out.data[row + x] += 0.25 * (Math.min(to, x + 1) - Math.max(from, x));
    }
  }
  return out;
}

/** Distance from a point to a polygon's outline; negative inside. */
export function polygonDistance(polygon: Polygon, x: number, y: number): number {
  const count = polygon.length >> 1;
  let inside = false;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0, j = count - 1; i < count; j = i++) {
    const xi = polygon[2 * i];
    const yi = polygon[2 * i + 1];
    const dx = polygon[2 * j] - xi;
    const dy = polygon[2 * j + 1] - yi;
    if (yi > y !== yi + dy > y && x < xi + ((y - yi) / dy) * dx) inside = !inside;
    const t = clamp(((x - xi) * dx + (y - yi) * dy) / Math.max(dx * dx + dy * dy, 1e-12), 0, 1);
    best = Math.min(best, (xi + t * dx - x) ** 2 + (yi + t * dy - y) ** 2);
  }
  return inside ? -Math.sqrt(best) : Math.sqrt(best);
}

/** Convex hull of flat points (Andrew's monotone chain). */
export function convexHull(points: ArrayLike<number>): Float32Array {
  const count = points.length >> 1;
  const order = Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => points[2 * a] - points[2 * b] || points[2 * a + 1] - points[2 * b + 1],
  );
  const half = (indices: number[]) => {
    const chain: number[] = [];
    for (const i of indices) {
      while (chain.length > 1) {
        const a = chain[chain.length - 2];
        const b = chain[chain.length - 1];
        const cross =
          (points[2 * b] - points[2 * a]) * (points[2 * i + 1] - points[2 * a + 1]) -
          (points[2 * b + 1] - points[2 * a + 1]) * (points[2 * i] - points[2 * a]);
        if (cross > 0) break;
        chain.pop();
      }
      chain.push(i);
    }
    chain.pop();
    return chain;
  };
  const hull = [...half(order), ...half(order.reverse())];
  return Float32Array.from(hull.flatMap((i) => [points[2 * i], points[2 * i + 1]]));
}

/** The value below which `fraction` of the values lie; NaN for none. */
export function percentile(values: ArrayLike<number>, fraction: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const at = clamp(fraction, 0, 1) * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}
