/**
 * Rig files on disk (Node). Images go through sharp: JPEG without chroma subsampling for the two big canvases, PNG for
 * everything small and for all alpha (both many times faster to write and read than WebP). Writing is atomic: a reader sees the old file, the new one or none.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../errors.ts';
import { unwritable } from '../../media/disk-failure.ts';
import { sharp } from '../../media/image.ts';
import type { FaceRig } from '../face-rig.ts';
import { decodeRig, encodeRig, type ImageDecoder, type ImageEncoder } from '../rig-file.ts';

/** A rig stays below this. */
const MAX_BYTES = 4_000_000;
/** The first that fits is taken; all are beyond what a moving picture of that size shows. */
const COLOR_QUALITIES = [90, 80, 70, 60];

function imageEncoder(quality: number): ImageEncoder {
  return ({ widthPx, heightPx, channels, data }, exact) => {
    const image = sharp(data, { raw: { width: widthPx, height: heightPx, channels } });
    return (
      exact
        ? image.png({ compressionLevel: 3, adaptiveFiltering: channels === 3 })
        : image.jpeg({ quality, chromaSubsampling: '4:4:4' })
    ).toBuffer();
  };
}

const decodeImage: ImageDecoder = async (bytes, channels) => {
  const image = sharp(bytes);
  const { data, info } = await (channels === 1 ? image.extractChannel(0) : image.ensureAlpha())
    .raw()
    .toBuffer({ resolveWithObject: true });
  return {
    widthPx: info.width,
    heightPx: info.height,
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
  };
};

/** Into the cache. @throws AppError FILE_UNWRITABLE. */
export async function saveRig(path: string, rig: FaceRig): Promise<void> {
  let bytes: Uint8Array = new Uint8Array();
  for (const quality of COLOR_QUALITIES) {
    bytes = await encodeRig(rig, imageEncoder(quality));
    if (bytes.length <= MAX_BYTES) break;
  }
  const temporary = `${path}.${process.pid}.${Date.now()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, cause, 'cache.dir');
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
