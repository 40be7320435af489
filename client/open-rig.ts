/** A rig file from the server → FaceRig in the browser, its pictures decoded by the browser itself. */
import type { FaceRig } from '../src/engine/face-rig.ts';
import { decodeRig, type ImageDecoder } from '../src/engine/rig-file.ts';

const decodeImage: ImageDecoder = async (bytes, channels) => {
  const bitmap = await createImageBitmap(new Blob([bytes.slice()]), {
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser gives no 2D canvas to decode pictures with');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
  if (channels === 4) return { widthPx: width, heightPx: height, data: rgba };
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = rgba[i * 4];
  return { widthPx: width, heightPx: height, data: grey };
};

/** @throws AppError RIG_INVALID for a file that is not a rig of this version; Error when it cannot be fetched. */
export async function openRig(url: string): Promise<FaceRig> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return decodeRig(new Uint8Array(await response.arrayBuffer()), decodeImage, url);
}
