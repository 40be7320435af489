/**
 * The two pictures the renderers draw from: person (RGBA) and background (opaque), both over the whole canvas. In: the
 * matted view, the surroundings, and the photo at the textures' own resolution. Where the photo is sharp background or
 * sure person, its own pixels are copied, so that the rest frame is the photo.
 */
import type { CanvasRect, Texture } from '../face-rig.ts';
import { makeGrain } from './fill.ts';
import { CANVAS_MARGIN_PX, CANVAS_PX, type Framing } from './framing.ts';
import { boundedAlpha, type Matting, personColour } from './matting.ts';
import type { Surroundings } from './outpaint.ts';
import { clamp, luma, type Raster, resize, smoothstep } from './raster.ts';

export const CANVAS: CanvasRect = {
  x0Px: -CANVAS_MARGIN_PX,
  y0Px: -CANVAS_MARGIN_PX,
  widthPx: CANVAS_PX,
  heightPx: CANVAS_PX,
};

/** `fine` is the view at `texelScale` texels per rig px (the matting's own view where that is 1). */
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
  const noise = makeGrain(1 << 14, 7);

  const around = {
    foreground: resize(surroundings.foreground, size, size).data,
    background: resize(surroundings.background, size, size).data,
    alpha: resize(surroundings.alpha, size, size).data,
  };
  const up = (raster: Raster) => (scale === 1 ? raster : resize(raster, fine.widthPx, fine.heightPx)).data;
  const near = {
    alpha: up(matting.alpha),
    foreground: up(matting.foreground),
    background: up(matting.background),
    known: up(matting.backgroundKnown),
  };
  const sharpen = scale === 1 ? null : sharpAlpha(fine, matting, near.alpha);

  const left = (view.x0Px + CANVAS_MARGIN_PX) * scale;
  const top = (view.y0Px + CANVAS_MARGIN_PX) * scale;
  for (let y = 0; y < size; y++) {
    const insideRow = y >= top && y < top + fine.heightPx;
    for (let x = 0; x < size; x++) {
      const texel = y * size + x;
      const to = texel * 4;
      const grainHere = grain * noise[(x * 73 + y * 8191 + ((x * y) >> 3)) & 0x3fff];
      background[to + 3] = 255;
      if (!insideRow || x < left || x >= left + fine.widthPx) {
        person[to + 3] = around.alpha[texel] * 255 + 0.5;
        for (let c = 0; c < 3; c++) {
          person[to + c] = byte(around.foreground[texel * 3 + c] + grainHere);
          background[to + c] = byte(around.background[texel * 3 + c] + grainHere);
        }
        continue;
      }
      const from = (y - top) * fine.widthPx + (x - left);
      const alpha = sharpen ? sharpen[from] : near.alpha[from];
      const known = near.known[from];
      person[to + 3] = alpha * 255 + 0.5;
      for (let c = 0; c < 3; c++) {
        const k = from * 3 + c;
        const pixel = fine.data[k];
        const b = near.background[k];
        background[to + c] = byte(b + known * (pixel - b) + (1 - known) * grainHere);
        if (alpha > 0.97) person[to + c] = byte(pixel);
        else if (scale === 1 || alpha < 0.004) person[to + c] = byte(near.foreground[k]);
        else person[to + c] = byte(personColour(pixel, alpha, b, near.foreground[k]));
      }
    }
  }
  const texture = (data: Uint8Array): Texture => ({ widthPx: size, heightPx: size, data });
  return { person: texture(person), background: texture(background) };
}

/** In the soft band, the guided filter's local model read off the finer picture; elsewhere the view's own alpha. */
function sharpAlpha(fine: Raster, matting: Matting, coarse: Float32Array): Float32Array {
  const { widthPx: w, heightPx: h } = fine;
  const slope = resize(matting.slope, w, h).data;
  const offset = resize(matting.offset, w, h).data;
  const inside = resize(matting.inside, w, h).data;
  const outside = resize(matting.outside, w, h).data;
  const out = new Float32Array(w * h);
  for (let i = 0; i < out.length; i++) {
    const a = coarse[i];
    if (a < 0.01 || a > 0.99) {
      out[i] = a;
      continue;
    }
    const guided = slope[i] * luma(fine.data[3 * i], fine.data[3 * i + 1], fine.data[3 * i + 2]) + offset[i];
    const sharp = boundedAlpha(guided, inside[i], outside[i]);
    out[i] = a + 0.6 * smoothstep(0, 0.1, Math.min(a, 1 - a)) * (sharp - a);
  }
  return out;
}

function byte(value: number): number {
  return clamp(value, 0, 1) * 255 + 0.5;
}
