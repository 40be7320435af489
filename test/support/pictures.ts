/** Measuring pictures: PSNR, colour masks and where they lie. */

/** Peak signal-to-noise ratio of the RGB of two RGBA pictures, dB; over the pixels of `mask` where given. */
export function psnrDb(a: Uint8Array, b: Uint8Array, mask?: (pixel: number) => boolean): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < a.length; i += 4) {
    if (mask && !mask(i / 4)) continue;
    for (let c = 0; c < 3; c++) sum += (a[i + c] - b[i + c]) ** 2;
    count += 3;
  }
  return sum === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((255 * 255 * count) / sum);
}

export interface Region {
  count: number;
  /** Centre of the pixels found. */
  x: number;
  y: number;
  /** Most pixels found in one column. */
  tallest: number;
}

/** The pixels of an RGBA picture within a box whose colour is nearer than `distance` (in any channel) to `color`. */
export function findColor(
  picture: Uint8Array,
  widthPx: number,
  color: readonly number[],
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  distance = 48,
): Region {
  const region: Region = { count: 0, x: 0, y: 0, tallest: 0 };
  for (let x = x0; x < x1; x++) {
    let column = 0;
    for (let y = y0; y < y1; y++) {
      const at = (y * widthPx + x) * 4;
      if ([0, 1, 2].some((c) => Math.abs(picture[at + c] - color[c]) > distance)) continue;
      column++;
      region.x += x + 0.5;
      region.y += y + 0.5;
    }
    region.count += column;
    region.tallest = Math.max(region.tallest, column);
  }
  region.x /= Math.max(region.count, 1);
  region.y /= Math.max(region.count, 1);
  return region;
}
