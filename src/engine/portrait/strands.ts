/**
 * Loose hair that the segmentation network is too coarse for. In: the picture, a rough matte, the person's colour beyond
 * its edge, all half the view's size. Out: where strands are, 0…1. A strand is thinner than its surroundings, goes from
 * them towards the colour of the hair next to it, begins at the matte, ends not far from it, and stands out from the
 * background's own texture; a picture that is all strokes has none.
 */
import { boxBlur, createRaster, dilate, erode, lumaOf, percentile, type Raster } from './raster.ts';

/** Strands are sought so far from the matte, and are at most twice this wide, px. */
const REACH_PX = 20;
const HALF_WIDTH_PX = 3;
/** How much darker (or lighter) than around it a strand is at least, and in terms of the background's own texture. */
const LEAST_CONTRAST = 0.03;
const ABOVE_TEXTURE = 1.6;

export function findStrands(picture: Raster, matte: Raster, foreground: Raster): Raster {
  const { widthPx: w, heightPx: h } = matte;
  const light = lumaOf(picture);
  const person = lumaOf(foreground).data;
  const withoutDark = erode(dilate(light, HALF_WIDTH_PX), HALF_WIDTH_PX).data;
  const withoutLight = dilate(erode(light, HALF_WIDTH_PX), HALF_WIDTH_PX).data;
  const contrast = createRaster(w, h);
  for (let i = 0; i < contrast.data.length; i++) {
    const isDarker = person[i] < (withoutDark[i] + withoutLight[i]) / 2;
    contrast.data[i] = isDarker ? withoutDark[i] - light.data[i] : light.data[i] - withoutLight[i];
  }
  const near = dilate(matte, REACH_PX).data;
  const around = dilate(matte, 3 * REACH_PX).data;
  const texture = contrast.data.filter((_, i) => near[i] === 0 && around[i] > 0);
  const least = Math.max(LEAST_CONTRAST, texture.length > 200 ? ABOVE_TEXTURE * percentile(texture, 0.97) : 0.1);

  const found = createRaster(w, h);
  const seen = new Uint8Array(w * h);
  const isLine = (i: number) => near[i] > 0.2 && matte.data[i] <= 0.2 && contrast.data[i] >= least;
  for (let i = 0; i < seen.length; i++) {
    if (seen[i] === 1 || !isLine(i)) continue;
    const line = [i];
    seen[i] = 1;
    let isRooted = false;
    let isEndless = false;
    for (let next = 0; next < line.length; next++) {
      const x = line[next] % w;
      const y = (line[next] / w) | 0;
      for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, h - 1); j++) {
        for (let k = Math.max(x - 1, 0); k <= Math.min(x + 1, w - 1); k++) {
          const at = j * w + k;
          isRooted ||= matte.data[at] > 0.2;
          isEndless ||= near[at] <= 0.2;
          if (seen[at] === 1 || !isLine(at)) continue;
          seen[at] = 1;
          line.push(at);
        }
      }
    }
    // What goes on and on is an edge of something behind.
    if (isRooted && !isEndless) for (const at of line) found.data[at] = 1;
  }
  return boxBlur(dilate(found, 1), 1);
}
