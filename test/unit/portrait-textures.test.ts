/** The canvas around a photo that has a black line around it, and a person cut by its lower border. */
import { expect, it } from 'vitest';
import { CANVAS_MARGIN_PX, CANVAS_PX, type Framing } from '../../src/engine/portrait/framing.ts';
import { matteView } from '../../src/engine/portrait/matting.ts';
import { extendBeyondPhoto } from '../../src/engine/portrait/outpaint.ts';
import { createRaster } from '../../src/engine/portrait/raster.ts';
import { composeTextures } from '../../src/engine/portrait/textures.ts';

const SIDE = 512;
const isPerson = (x: number, y: number) =>
  Math.hypot((x - 256) / 110, (y - 230) / 140) < 1 || (y > 340 && x > 90 && x < 420);

it.each([3, 9])('a line of %i px around the photo is shown neither where it was nor beyond', (linePx) => {
  const view = createRaster(SIDE, SIDE, 3);
  const rawMatte = createRaster(SIDE, SIDE);
  for (let y = 0, i = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++, i++) {
      const isLine = Math.min(x, y, SIDE - 1 - x, SIDE - 1 - y) < linePx;
      view.data.set(isLine ? [0, 0, 0] : isPerson(x, y) ? [0.8, 0.6, 0.5] : [0.5, 0.6, 0.7], 3 * i);
      rawMatte.data[i] = isPerson(x, y) ? 1 : 0;
    }
  const outline = Float32Array.from({ length: 64 }, (_, i) => {
    const angle = (Math.PI * (i >> 1)) / 16;
    return i % 2 ? 230 + 130 * Math.sin(angle) : 256 + 100 * Math.cos(angle);
  });
  const matting = matteView(view, rawMatte, outline);
  const margin = CANVAS_MARGIN_PX;
  const extent = { left: 156, right: 356, top: 100, chin: 360, faceWidth: 200, faceHeight: 260 };
  const overhang = { left: margin, top: margin, right: margin, bottom: margin };
  const framing: Framing = {
    x0Px: 0,
    y0Px: 0,
    sidePx: SIDE,
    source: { x0Px: 0, y0Px: 0, widthPx: SIDE, heightPx: SIDE },
    view: { x0Px: 0, y0Px: 0, widthPx: SIDE, heightPx: SIDE },
    texelScale: 1,
  };
  const { person, background } = composeTextures(
    view,
    matting,
    extendBeyondPhoto(view, matting, overhang, extent),
    framing,
    0,
  );
  let darkest = 255;
  for (let i = 0; i < background.data.length; i += 4) {
    const alpha = person.data[i + 3] / 255;
    const seen = background.data[i + 1] + alpha * (person.data[i + 1] - background.data[i + 1]);
    darkest = Math.min(darkest, seen);
  }
  expect(darkest).toBeGreaterThan(90);
  // Still the photo itself, but for its outermost px.
  const centre = ((margin + 230) * CANVAS_PX + margin + 256) * 4;
  expect([...person.data.subarray(centre, centre + 4)]).toEqual([204, 153, 128, 255]);
});
