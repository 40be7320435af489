/**
 * Which part of a photo is the person: an upright square of a photo in, a soft mask of that square out (1 = person, hair
 * included). A file's own transparency, where it has any, takes the place of the network's opinion.
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

/** @param square upright or turned; parts outside the photo repeat its edge. */
export async function personMatte(photo: Photo, square: Square): Promise<Matte> {
  const model = await loadModel('person-matte');
  const data = cropSquare(photo, square, SIZE_PX, { low: 0, high: 1, edge: 'repeat' });
  const { matte } = await model.run({ input_1: { data, dims: [1, SIZE_PX, SIZE_PX, 3] } });
  return { sizePx: SIZE_PX, values: matte.data };
}
