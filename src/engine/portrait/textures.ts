/**
 * The two pictures the renderers draw from: person (RGBA) and background (opaque), both over the whole canvas. In: the
 * photo at the textures' own resolution, the matting and the surroundings. Where the photo is sharp background or sure
 * person, its own pixels are copied, so that the rest frame is the photo.
 */
import type { CanvasRect, Texture } from '../face-rig.ts';
import { smoothstep } from '../smoothstep.ts';
import { makeGrain } from './fill.ts';
import { CANVAS_MARGIN_PX, CANVAS_PX, type Framing } from './framing.ts';
import { fineAlpha, type Matting, personColour } from './matting.ts';
import type { Surroundings } from './outpaint.ts';
import { clamp, type Raster } from './raster.ts';

export const CANVAS: CanvasRect = {
  x0Px: -CANVAS_MARGIN_PX,
  y0Px: -CANVAS_MARGIN_PX,
  widthPx: CANVAS_PX,
  heightPx: CANVAS_PX,
};
/** Texture is borrowed, objects are not. */
const MAX_DETAIL = 0.07;
const GRAIN_MASK = (1 << 14) - 1;

/** `fine` is the view at `texelScale` texels per rig px, RGB 0…1; `grain` the noise of the photo, standard deviation. */
export function composeTextures(
  fine: Raster,
  matting: Matting,
  surroundings: Surroundings,
  framing: Framing,
  grain: number,
): { person: Texture; background: Texture } {
  const { view, texelScale: scale } = framing;
  const size = CANVAS_PX * scale;
  const person = new Uint8Array(size * size * 4);
  const background = new Uint8Array(size * size * 4);
  const noise = makeGrain(GRAIN_MASK + 1, 7);
  const alphaFine = scale === 1 ? matting.alpha : fineAlpha(fine, matting);
  const shown = matting.backgroundShown.data;
  const { borrow, backgroundLow: low } = matting;
  const perHalf = 2 * scale;
  const smoothAlpha = surroundings.alpha.data;
  const smoothPerson = surroundings.foreground.data;
  const smoothBackground = surroundings.background.data;

  const half = surroundings.alpha.widthPx;
  const columns = interpolation(size, half);
  const viewColumns = interpolation(fine.widthPx, low.widthPx);
  const viewRows = interpolation(fine.heightPx, low.heightPx);
  const left = (view.x0Px + CANVAS_MARGIN_PX) * scale;
  const top = (view.y0Px + CANVAS_MARGIN_PX) * scale;
  const { border } = surroundings;
  const outsideX = outsideShare(size, left, fine.widthPx, border.left * scale, border.right * scale);
  const outsideY = outsideShare(size, top, fine.heightPx, border.top * scale, border.bottom * scale);
  for (let y = 0; y < size; y++) {
    const row = columns.first[y] * half;
    const v = columns.fraction[y];
    for (let x = 0; x < size; x++) {
      const a = row + columns.first[x];
      const u = columns.fraction[x];
      const wa = (1 - u) * (1 - v);
      const wb = u * (1 - v);
      const wc = (1 - u) * v;
      const wd = u * v;
      const to = (y * size + x) * 4;
      background[to + 3] = 255;
      const beyond = Math.max(outsideX[x], outsideY[y]);
      const isInside = beyond < 1;
      const from = isInside ? (y - top) * fine.widthPx + (x - left) : 0;
      let alpha = isInside ? alphaFine.data[from] : 0;
      if (beyond > 0) {
        const extended =
          wa * smoothAlpha[a] + wb * smoothAlpha[a + 1] + wc * smoothAlpha[a + half] + wd * smoothAlpha[a + half + 1];
        alpha += beyond * (extended - alpha);
      }
      let keep = 0;
      if (isInside) {
        const k = viewRows.first[y - top] * low.widthPx + viewColumns.first[x - left];
        const across = viewColumns.fraction[x - left];
        const upper = shown[k] + across * (shown[k + 1] - shown[k]);
        const lower = shown[k + low.widthPx] + across * (shown[k + low.widthPx + 1] - shown[k + low.widthPx]);
        keep = (1 - beyond) * (upper + viewRows.fraction[y - top] * (lower - upper));
      }
      const cell = isInside && keep < 1 ? (((y - top) / perHalf) | 0) * low.widthPx + (((x - left) / perHalf) | 0) : -1;
      const lender = cell < 0 ? -1 : borrow.from[cell];
      let lent = 0;
      if (lender >= 0) {
        const lentX = (lender % low.widthPx) * perHalf + perHalf - 1 - ((x - left) % perHalf);
        const lentY = ((lender / low.widthPx) | 0) * perHalf + perHalf - 1 - ((y - top) % perHalf);
        lent = 3 * (Math.min(lentY, fine.heightPx - 1) * fine.widthPx + Math.min(lentX, fine.widthPx - 1));
      }
      person[to + 3] = alpha * 255 + 0.5;
      if (keep === 1 && alpha === 0) {
        for (let c = 0; c < 3; c++) {
          background[to + c] = byte(fine.data[3 * from + c]);
          person[to + c] = byte(smoothPerson[3 * a + c]);
        }
        continue;
      }
      const grainHere = grain * noise[(Math.imul(x, 73856093) ^ Math.imul(y, 19349663)) & GRAIN_MASK];
      for (let c = 0; c < 3; c++) {
        const p = 3 * a + c;
        const q = p + 3 * half;
        const pixel = isInside ? fine.data[3 * from + c] : 0;
        let b = pixel;
        if (keep < 1) {
          b =
            wa * smoothBackground[p] +
            wb * smoothBackground[p + 3] +
            wc * smoothBackground[q] +
            wd * smoothBackground[q + 3];
          if (lender >= 0)
            b += borrow.amount[cell] * clamp(fine.data[lent + c] - low.data[3 * lender + c], -MAX_DETAIL, MAX_DETAIL);
        }
        background[to + c] = byte(b + keep * (pixel - b) + (lender >= 0 ? 0 : (1 - keep) * grainHere));
        if (beyond === 0 && alpha > 0.97) {
          person[to + c] = byte(pixel);
          continue;
        }
        const f = wa * smoothPerson[p] + wb * smoothPerson[p + 3] + wc * smoothPerson[q] + wd * smoothPerson[q + 3];
        if (!isInside || alpha <= 0.004) {
          person[to + c] = byte(f + grainHere);
          continue;
        }
        const own = alpha > 0.97 ? pixel : personColour(pixel, alpha, b, f);
        person[to + c] = byte(own + beyond * (f + grainHere - own));
      }
    }
  }
  const texture = (data: Uint8Array): Texture => ({ widthPx: size, heightPx: size, data });
  return { person: texture(person), background: texture(background) };
}

/** For each of `size` texels: 0 in the photo, 1 beyond it, rising over its border: no overhang, no border. */
function outsideShare(size: number, start: number, length: number, low: number, high: number): Float32Array {
  const share = (inset: number, border: number) =>
    inset < 0 ? 1 : 0.999 * (1 - smoothstep(border - 3, border, inset));
  return Float32Array.from({ length: size }, (_, i) => {
    const at = i + 0.5 - start;
    return Math.max(low > 0 ? share(at, low) : 0, high > 0 ? share(length - at, high) : 0);
  });
}

/** For each of `size` texels: the first of the two of `half` px it lies between, and how far along. */
function interpolation(size: number, half: number): { first: Int32Array; fraction: Float32Array } {
  const first = new Int32Array(size);
  const fraction = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const at = clamp(((i + 0.5) * half) / size - 0.5, 0, half - 1.001);
    first[i] = at | 0;
    fraction[i] = at - first[i];
  }
  return { first, fraction };
}

function byte(value: number): number {
  return value <= 0 ? 0 : value >= 1 ? 255 : value * 255 + 0.5;
}
