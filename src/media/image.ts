/**
 * The one door to sharp (libvips): decoding, scaling and coding of still pictures. One thread an image: what runs beside a call must not
 * take its cores, and a bake is timed on one.
 */
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);
// What is no photo has no decoder here, whoever hands it over: no SVG, PDF, ImageMagick, OpenEXR, and none that a later version brings.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`),
});

/**
 * From here on this process draws SVG. For commands that make a picture of their own with words in it, and open no other: the strangers' are
 * told by their bytes before, in a process that never calls this.
 */
export function allowOwnDrawings(): void {
  sharp.unblock({ operation: ['VipsForeignLoadSvg'] });
}

export type { Metadata } from 'sharp';
export { sharp };
