/**
 * Which part of a photo is the person: a square of a photo in, a soft mask of that square out (1 = person, hair included).
 *
 * The network looks three times: at the square itself (fine), and from farther away, also mirrored (steadier, as it sees the
 * whole figure against what is around it). Where they differ widely, the steadier look decides.
 * Where a file has transparency of its own, that decides alone if it cuts out a person; if it only frames a picture (a round
 * avatar), the person is what the network sees inside the frame.
 */
import { loadModel } from '../../inference.ts';
import type { Photo } from './photo.ts';
import { cropSquare, type Square } from './photo-crop.ts';

/** Mask of a square, `sizePx` × `sizePx`, row-major, 0…1; cell (i, j) covers 1/sizePx of the square's side. */
export interface Matte {
  sizePx: number;
  values: Float32Array;
}

const SIZE_PX = 256;
/** The looks from farther away see a square so many times larger. */
const FAR = 1.4;

/** A person fills at least this share of a file's opaque part where it is a cut-out. */
const CUT_OUT_SHARE = 0.9;

export async function personMatte(photo: Photo, square: Square): Promise<Matte> {
  const seen = await seePerson(photo, square);
  if (!photo.alpha) return { sizePx: SIZE_PX, values: seen };
  const alpha = cropAlpha(photo, photo.alpha, square);
  const within = seen.map((value, i) => value * alpha[i]);
  const isCutOut = total(within) > CUT_OUT_SHARE * total(alpha);
  return { sizePx: SIZE_PX, values: isCutOut ? alpha : within };
}

function total(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The network's opinion of a square, `SIZE_PX` × `SIZE_PX`. */
async function seePerson(photo: Photo, square: Square): Promise<Float32Array> {
  const near = await runMatte(cropSquare(photo, square, SIZE_PX, { low: 0, high: 1, edge: 'repeat' }));
  const farCrop = cropSquare(photo, { ...square, sidePx: square.sidePx * FAR }, SIZE_PX, {
    low: 0,
    high: 1,
    edge: 'black',
  });
  const straight = await runMatte(farCrop);
  const mirrored = mirror(await runMatte(mirror(farCrop, 3)), 1);
  const values = new Float32Array(SIZE_PX * SIZE_PX);
  for (let y = 0, at = 0; y < SIZE_PX; y++) {
    for (let x = 0; x < SIZE_PX; x++, at++) {
      const far = (sampleFar(straight, x, y) + sampleFar(mirrored, x, y)) / 2;
      const doubt = Math.min(Math.max((Math.abs(near[at] - far) - 0.2) / 0.4, 0), 1);
      values[at] = far + (near[at] - far) * 0.5 * (1 - doubt);
    }
  }
  return values;
}

async function runMatte(data: Float32Array): Promise<Float32Array> {
  const model = await loadModel('person-matte');
  const { matte } = await model.run({ input_1: { data, dims: [1, SIZE_PX, SIZE_PX, 3] } });
  return matte.data;
}

/** Left and right swapped; `channels` interleaved values per pixel. */
function mirror(image: Float32Array, channels: number): Float32Array {
  const out = new Float32Array(image.length);
  for (let pixel = 0; pixel < SIZE_PX * SIZE_PX; pixel++) {
    const from = pixel - (pixel % SIZE_PX) + SIZE_PX - 1 - (pixel % SIZE_PX);
    for (let c = 0; c < channels; c++) out[pixel * channels + c] = image[from * channels + c];
  }
  return out;
}

/** The far mask at a pixel of the near one, bilinear; the near square lies well inside the far one. */
function sampleFar(mask: Float32Array, x: number, y: number): number {
  const u = (x + 0.5 - SIZE_PX / 2) / FAR + SIZE_PX / 2 - 0.5;
  const v = (y + 0.5 - SIZE_PX / 2) / FAR + SIZE_PX / 2 - 0.5;
  const i = Math.floor(u);
  const j = Math.floor(v);
  const at = j * SIZE_PX + i;
  const upper = mask[at] + (mask[at + 1] - mask[at]) * (u - i);
  const lower = mask[at + SIZE_PX] + (mask[at + SIZE_PX + 1] - mask[at + SIZE_PX]) * (u - i);
  return upper + (lower - upper) * (v - j);
}

function cropAlpha(photo: Photo, alpha: Uint8Array, square: Square): Float32Array {
  const rgb = new Uint8Array(alpha.length * 3);
  for (let i = 0; i < alpha.length; i++) rgb[i * 3] = alpha[i];
  const crop = cropSquare({ ...photo, rgb }, square, SIZE_PX, { low: 0, high: 1, edge: 'black' });
  return Float32Array.from({ length: SIZE_PX * SIZE_PX }, (_, i) => crop[i * 3]);
}
