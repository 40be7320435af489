/** PNG files: plain pixels in, a compressed file out. */
import sharp from 'sharp';

export interface Pixels {
  widthPx: number;
  heightPx: number;
  /** RGB or RGBA, row-major, 8 bits. */
  data: Uint8Array;
}

/** The pixels are read until the promise resolves. */
export async function writePng(path: string, { widthPx, heightPx, data }: Pixels): Promise<void> {
  const channels = (data.length / (widthPx * heightPx)) as 3 | 4;
  const image = sharp(data, { raw: { width: widthPx, height: heightPx, channels } });
  await image.png({ compressionLevel: 4 }).toFile(path);
}
