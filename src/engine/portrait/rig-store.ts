/**
 * Rig files on disk (Node). Images go through sharp: WebP, lossy but visually lossless for the two big canvases, lossless
 * for everything small and for all alpha. Writing is atomic: a reader sees the old file, the new one or none.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';
import { AppError } from '../../errors.ts';
import type { FaceRig } from '../face-rig.ts';
import { decodeRig, encodeRig, type ImageDecoder, type ImageEncoder } from '../rig-file.ts';

const COLOR_QUALITY = 93;

const encodeImage: ImageEncoder = ({ widthPx, heightPx, channels, data }, exact) => {
  const image = sharp(data, { raw: { width: widthPx, height: heightPx, channels } });
  return (
    exact
      ? image.webp({ lossless: true, effort: 1 })
      : image.webp({ quality: COLOR_QUALITY, smartSubsample: true, effort: 1 })
  ).toBuffer();
};

const decodeImage: ImageDecoder = async (bytes, channels) => {
  const image = sharp(bytes);
  const { data, info } = await (channels === 1 ? image.extractChannel(0) : image.removeAlpha())
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { widthPx: info.width, heightPx: info.height, channels, data };
};

/** @throws AppError FILE_UNWRITABLE. */
export async function saveRig(path: string, rig: FaceRig): Promise<void> {
  const bytes = await encodeRig(rig, encodeImage);
  const temporary = `${path}.${process.pid}.${Date.now()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new AppError('FILE_UNWRITABLE', `${path} cannot be written: choose a folder you may write to.`, { cause });
  }
}

/** @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE, RIG_INVALID. */
export async function loadRig(path: string): Promise<FaceRig> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new AppError('FILE_NOT_FOUND', `There is no rig file ${path}: bake the portrait first.`, { cause });
    }
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read: check that it is a file you may read.`, { cause });
  }
  return decodeRig(bytes, decodeImage, path);
}
