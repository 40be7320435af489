/**
 * The rig's pictures, shrunk once to what an output size needs (bilinear sampling would shimmer on anything denser), and
 * for each the way from rig space to its texels. No Node API.
 */
import { type CanvasRect, type FaceRig, RIG_FRAME_PX, type Texture } from '../face-rig.ts';

/** A texture and where it lies in rig space. */
export interface PlacedTexture {
  texture: Texture;
  /** Index into the draw list's textures. */
  index: number;
  x0Px: number;
  y0Px: number;
  texelsPerPxX: number;
  texelsPerPxY: number;
}

export interface RigTextures {
  list: Texture[];
  background: PlacedTexture;
  person: PlacedTexture;
  eyes: { left: EyeTextures; right: EyeTextures };
  /** In the order of `rig.mouth.layers`, with the shrink of each. */
  mouthLayers: { index: number; texelScaleX: number; texelScaleY: number }[];
  photoTeeth: PlacedTexture | null;
  /** Plain colours. */
  cavity: number;
  lipShadow: number;
  lash: { left: number; right: number };
}

interface EyeTextures {
  sclera: PlacedTexture;
  iris: PlacedTexture;
}

/** Texels per output px above which a picture is shrunk, and to which. */
const CANVAS_DENSITY = { keep: 1.45, to: 1 };
const DETAIL_DENSITY = { keep: 1.5, to: 1.3 };

/**
 * Area average. Colours are weighted by alpha, so that what is transparent does not bleed into what is seen; where all is
 * transparent the plain average stays.
 */
export function shrink(source: Texture, widthPx: number, heightPx: number): Texture {
  const from = source.data;
  const data = new Uint8Array(widthPx * heightPx * 4);
  const stepX = source.widthPx / widthPx;
  const stepY = source.heightPx / heightPx;
  for (let y = 0; y < heightPx; y++) {
    const y0 = y * stepY;
    const y1 = Math.min((y + 1) * stepY, source.heightPx);
    for (let x = 0; x < widthPx; x++) {
      const x0 = x * stepX;
      const x1 = Math.min((x + 1) * stepX, source.widthPx);
      let area = 0;
      let alpha = 0;
      let [r, g, b, plainR, plainG, plainB] = [0, 0, 0, 0, 0, 0];
      for (let sy = Math.floor(y0); sy < y1; sy++) {
        const wy = Math.min(sy + 1, y1) - Math.max(sy, y0);
        for (let sx = Math.floor(x0); sx < x1; sx++) {
          const w = wy * (Math.min(sx + 1, x1) - Math.max(sx, x0));
          const at = (sy * source.widthPx + sx) * 4;
          const a = w * from[at + 3];
          area += w;
          alpha += a;
          r += a * from[at];
          g += a * from[at + 1];
          b += a * from[at + 2];
          plainR += w * from[at];
          plainG += w * from[at + 1];
          plainB += w * from[at + 2];
        }
      }
      const at = (y * widthPx + x) * 4;
      const clear = alpha < 0.5 * area;
      data[at] = (clear ? plainR / area : r / alpha) + 0.5;
      data[at + 1] = (clear ? plainG / area : g / alpha) + 0.5;
      data[at + 2] = (clear ? plainB / area : b / alpha) + 0.5;
      data[at + 3] = alpha / area + 0.5;
    }
  }
  return { widthPx, heightPx, data };
}

/** `shrink` to half the size, for the large pictures: most of their texels are opaque. */
export function halve(source: Texture): Texture {
  const widthPx = source.widthPx >> 1;
  const heightPx = source.heightPx >> 1;
  const from = source.data;
  const data = new Uint8Array(widthPx * heightPx * 4);
  const row = source.widthPx * 4;
  for (let y = 0, to = 0; y < heightPx; y++) {
    for (let x = 0, at = y * 2 * row; x < widthPx; x++, at += 8, to += 4) {
      const a = from[at + 3];
      const b = from[at + 7];
      const c = from[at + row + 3];
      const d = from[at + row + 7];
      const alpha = a + b + c + d;
      data[to + 3] = (alpha + 2) >> 2;
      if (alpha === 1020 || alpha < 2) {
        data[to] = (from[at] + from[at + 4] + from[at + row] + from[at + row + 4] + 2) >> 2;
        data[to + 1] = (from[at + 1] + from[at + 5] + from[at + row + 1] + from[at + row + 5] + 2) >> 2;
        data[to + 2] = (from[at + 2] + from[at + 6] + from[at + row + 2] + from[at + row + 6] + 2) >> 2;
      } else
        for (let k = 0; k < 3; k++) {
          const sum = a * from[at + k] + b * from[at + 4 + k] + c * from[at + row + k] + d * from[at + row + 4 + k];
          data[to + k] = sum / alpha + 0.5;
        }
    }
  }
  return { widthPx, heightPx, data };
}

/** `widthPx`: how wide the texture is on the output at rest. */
function shrinkToFit(source: Texture, widthPx: number, density: { keep: number; to: number }): Texture {
  let ready = source;
  let now = source.widthPx / widthPx;
  // Halving is exact and keeps the rest frame pixel for pixel; what remains is shrunk by whatever is left.
  while (now >= 1.9 * density.to && ready.widthPx % 2 === 0 && ready.heightPx % 2 === 0) {
    ready = halve(ready);
    now /= 2;
  }
  if (now <= density.keep) return ready;
  const scale = density.to / now;
  return shrink(ready, Math.max(2, Math.round(ready.widthPx * scale)), Math.max(2, Math.round(ready.heightPx * scale)));
}

function crop(source: Texture, x0: number, y0: number, x1: number, y1: number): Texture {
  const widthPx = x1 - x0;
  const data = new Uint8Array(widthPx * (y1 - y0) * 4);
  for (let y = y0; y < y1; y++) {
    const from = (y * source.widthPx + x0) * 4;
    data.set(source.data.subarray(from, from + widthPx * 4), (y - y0) * widthPx * 4);
  }
  return { widthPx, heightPx: y1 - y0, data };
}

function plain([r, g, b]: readonly number[], factor = 1): Texture {
  const texel = [r * factor, g * factor, b * factor, 255];
  return { widthPx: 2, heightPx: 2, data: Uint8Array.from([...texel, ...texel, ...texel, ...texel]) };
}

/** @param sizePx side of the output picture. */
export function prepareTextures(rig: FaceRig, sizePx: number): RigTextures {
  const outputScale = sizePx / RIG_FRAME_PX;
  const list: Texture[] = [];
  const add = (texture: Texture): number => list.push(texture) - 1;
  const place = (texture: Texture, rect: CanvasRect): PlacedTexture => ({
    texture,
    index: add(texture),
    x0Px: rect.x0Px,
    y0Px: rect.y0Px,
    texelsPerPxX: texture.widthPx / rect.widthPx,
    texelsPerPxY: texture.heightPx / rect.heightPx,
  });
  const onCanvas = (texture: Texture): PlacedTexture =>
    place(shrinkToFit(texture, rig.canvas.widthPx * outputScale, CANVAS_DENSITY), rig.canvas);
  const eye = (side: 'left' | 'right'): EyeTextures => {
    const { patch, sclera, iris } = rig.eyes[side];
    const rect = { x0Px: patch[0], y0Px: patch[1], widthPx: patch[2] - patch[0], heightPx: patch[3] - patch[1] };
    const ready = (texture: Texture) => place(shrinkToFit(texture, rect.widthPx * outputScale, DETAIL_DENSITY), rect);
    return { sclera: ready(sclera), iris: ready(iris) };
  };
  // Basis units → rig px: length of the matrix' first column.
  const unitPx = Math.hypot(rig.basisToRig[0], rig.basisToRig[4], rig.basisToRig[8]) * rig.mouth.widthScale;
  const cavity = rig.mouth.cavityColor;
  return {
    list,
    background: onCanvas(rig.background),
    person: onCanvas(rig.person),
    eyes: { left: eye('left'), right: eye('right') },
    mouthLayers: rig.mouth.layers.map((layer) => {
      let minX = Number.POSITIVE_INFINITY;
      let maxX = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < layer.positions.length; i += 3) {
        minX = Math.min(minX, layer.positions[i]);
        maxX = Math.max(maxX, layer.positions[i]);
      }
      const ready = shrinkToFit(layer.texture, (maxX - minX) * unitPx * outputScale, DETAIL_DENSITY);
      return {
        index: add(ready),
        texelScaleX: ready.widthPx / layer.texture.widthPx,
        texelScaleY: ready.heightPx / layer.texture.heightPx,
      };
    }),
    photoTeeth: rig.mouth.photoTeeth ? placePhotoTeeth(rig, rig.mouth.photoTeeth, outputScale, place) : null,
    cavity: add(plain(cavity)),
    lipShadow: add(plain(cavity, 0.5)),
    lash: { left: add(plain(rig.eyes.left.lashColor)), right: add(plain(rig.eyes.right.lashColor)) },
  };
}

/** The photo's teeth come on the whole canvas; only the mouth's part is kept. */
function placePhotoTeeth(
  rig: FaceRig,
  teeth: Texture,
  outputScale: number,
  place: (texture: Texture, rect: CanvasRect) => PlacedTexture,
): PlacedTexture {
  const { canvas } = rig;
  const perPx = teeth.widthPx / canvas.widthPx;
  let x0 = teeth.widthPx;
  let y0 = teeth.heightPx;
  let x1 = 0;
  let y1 = 0;
  for (let y = 0; y < teeth.heightPx; y++)
    for (let x = 0; x < teeth.widthPx; x++)
      if (teeth.data[(y * teeth.widthPx + x) * 4 + 3] > 0) {
        x0 = Math.min(x0, x);
        x1 = Math.max(x1, x + 1);
        y0 = Math.min(y0, y);
        y1 = Math.max(y1, y + 1);
      }
  x0 = Math.max(0, Math.min(x0, teeth.widthPx - 4) - 4);
  y0 = Math.max(0, Math.min(y0, teeth.heightPx - 4) - 4);
  x1 = Math.min(teeth.widthPx, Math.max(x1, x0 + 4) + 4);
  y1 = Math.min(teeth.heightPx, Math.max(y1, y0 + 4) + 4);
  const rect: CanvasRect = {
    x0Px: canvas.x0Px + x0 / perPx,
    y0Px: canvas.y0Px + y0 / perPx,
    widthPx: (x1 - x0) / perPx,
    heightPx: (y1 - y0) / perPx,
  };
  return place(shrinkToFit(crop(teeth, x0, y0, x1, y1), rect.widthPx * outputScale, CANVAS_DENSITY), rect);
}
