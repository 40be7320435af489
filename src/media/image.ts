/**
 * The one door to sharp (libvips): decoding, scaling and coding of still pictures. One thread an image: what runs beside a call must not
 * take its cores, and a bake is timed on one.
 */
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);

export type { Metadata } from 'sharp';
export { sharp };
