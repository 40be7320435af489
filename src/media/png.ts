/** PNG files: plain pixels in, a compressed file out. */
import { writeFile } from 'node:fs/promises';
import { sharp } from './image.ts';

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
  // Written by Node rather than by the image library, whose errors do not say that a disk is full.
  await writeFile(path, await image.png({ compressionLevel: 4 }).toBuffer());
}

/** One picture above another, flush left, as a PNG. @param above a PNG. */
export async function stackPng(path: string, above: Uint8Array, { widthPx, heightPx, data }: Pixels): Promise<void> {
  const top = sharp(above);
  const { width, height } = await top.metadata();
  const below = sharp(data, {
    raw: { width: widthPx, height: heightPx, channels: (data.length / (widthPx * heightPx)) as 3 | 4 },
  });
  const stacked = sharp({
    create: { width: Math.max(width, widthPx), height: height + heightPx, channels: 3, background: 'white' },
  })
    .composite([
      { input: await top.toBuffer(), left: 0, top: 0 },
      { input: await below.png().toBuffer(), left: 0, top: height },
    ])
    .png({ compressionLevel: 4 });
  await writeFile(path, await stacked.toBuffer());
}
