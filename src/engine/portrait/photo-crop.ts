/**
 * A rotated square of a photo, resampled to a network's input. The photo's half-, quarter-… size copies are made on demand,
 * so that a strong reduction averages instead of skipping pixels.
 *
 * Invariant: crop px (u, v) in 0…size and photo px are related by `toPhoto` exactly; landmarks go back through it.
 */
import type { Photo } from './photo.ts';

/** A square in photo px; its x axis is turned clockwise (as seen) by `rollRad`. */
export interface Square {
  centerX: number;
  centerY: number;
  sidePx: number;
  rollRad: number;
}

interface Level {
  widthPx: number;
  heightPx: number;
  rgb: Uint8Array;
}

const pyramids = new WeakMap<Photo, Level[]>();

/** Level n is 2ⁿ times smaller than the photo. */
function pyramidLevel(photo: Photo, index: number): Level {
  let levels = pyramids.get(photo);
  if (!levels) {
    levels = [photo];
    pyramids.set(photo, levels);
  }
  while (levels.length <= index) levels.push(halve(levels[levels.length - 1]));
  return levels[index];
}

function halve(source: Level): Level {
  const widthPx = Math.ceil(source.widthPx / 2);
  const heightPx = Math.ceil(source.heightPx / 2);
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  const { rgb: from } = source;
  for (let y = 0; y < heightPx; y++) {
    const top = 2 * y * source.widthPx * 3;
    const bottom = Math.min(2 * y + 1, source.heightPx - 1) * source.widthPx * 3;
    for (let x = 0; x < widthPx; x++) {
      const left = 2 * x * 3;
      const right = Math.min(2 * x + 1, source.widthPx - 1) * 3;
      const to = (y * widthPx + x) * 3;
      for (let c = 0; c < 3; c++) {
        rgb[to + c] =
          (from[top + left + c] + from[top + right + c] + from[bottom + left + c] + from[bottom + right + c] + 2) >> 2;
      }
    }
  }
  return { widthPx, heightPx, rgb };
}

/** Photo px of a point given in units of the square's side from its top left corner. */
export function toPhoto(square: Square, u: number, v: number): [x: number, y: number] {
  const cos = Math.cos(square.rollRad) * square.sidePx;
  const sin = Math.sin(square.rollRad) * square.sidePx;
  return [square.centerX + (u - 0.5) * cos - (v - 0.5) * sin, square.centerY + (u - 0.5) * sin + (v - 0.5) * cos];
}

/**
 * Samples the square to `sizePx` × `sizePx` × RGB (float32, row-major, interleaved), bilinear.
 * 0…255 becomes `low`…`high`. Outside the photo lies black, or with `edge: 'repeat'` the nearest edge pixel.
 */
export function cropSquare(
  photo: Photo,
  square: Square,
  sizePx: number,
  { low, high, edge }: { low: number; high: number; edge: 'black' | 'repeat' },
): Float32Array {
  const index = Math.max(0, Math.floor(Math.log2(square.sidePx / sizePx)));
  const { widthPx, heightPx, rgb } = pyramidLevel(photo, index);
  const shrink = 2 ** index;
  const [x0, y0] = toPhoto(square, 0.5 / sizePx, 0.5 / sizePx);
  const stepX = (Math.cos(square.rollRad) * square.sidePx) / sizePx / shrink;
  const stepY = (Math.sin(square.rollRad) * square.sidePx) / sizePx / shrink;
  const gain = (high - low) / 255;
  const out = new Float32Array(sizePx * sizePx * 3);
  for (let row = 0, to = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++, to += 3) {
      let x = x0 / shrink - 0.5 + column * stepX - row * stepY;
      let y = y0 / shrink - 0.5 + column * stepY + row * stepX;
      if (edge === 'black' && (x <= -1 || y <= -1 || x >= widthPx || y >= heightPx)) {
        out[to] = out[to + 1] = out[to + 2] = low;
        continue;
      }
      x = Math.min(Math.max(x, 0), widthPx - 1);
      y = Math.min(Math.max(y, 0), heightPx - 1);
      const i = Math.floor(x);
      const j = Math.floor(y);
      const fx = x - i;
      const fy = y - j;
      const at = (j * widthPx + i) * 3;
      const right = i + 1 < widthPx ? 3 : 0;
      const down = j + 1 < heightPx ? widthPx * 3 : 0;
      for (let c = 0; c < 3; c++) {
        const upper = rgb[at + c] * (1 - fx) + rgb[at + right + c] * fx;
        const lower = rgb[at + down + c] * (1 - fx) + rgb[at + down + right + c] * fx;
        out[to + c] = low + gain * (upper * (1 - fy) + lower * fy);
      }
    }
  }
  return out;
}
