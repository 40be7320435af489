/**
 * A photo from outside: bytes of JPEG, PNG, WebP, AVIF, TIFF or GIF in; upright 8-bit sRGB pixels out.
 *
 * Coordinates in a photo are continuous px: pixel (i, j) covers [i, i + 1) × [j, j + 1), its centre lies at i + 0.5.
 * Sizes are checked in the header before a single pixel is decoded. Every failure is an AppError that names the file.
 */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../errors.ts';
import { type Metadata, sharp } from '../../media/image.ts';
import { type PhotoFormat, recognizePicture } from '../../media/picture-format.ts';
import { excessOf } from './photo-structure.ts';

export interface Photo {
  /** As the user knows it: a path or a label. */
  name: string;
  widthPx: number;
  heightPx: number;
  /** 3 bytes per pixel, row-major. Transparent pixels are laid over `TRANSPARENT_COLOR`. */
  rgb: Uint8Array;
  /** 1 byte per pixel where the file has real transparency, else null. */
  alpha: Uint8Array | null;
  /** Photo px per upright file px: 1, or less where a large file was reduced. */
  scale: number;
  /** The part of the file that was read, in upright file px, before any quarter turn: x0, y0, width, height. */
  part: [x0: number, y0: number, widthPx: number, heightPx: number];
}

export interface PhotoOptions {
  /** Larger photos are reduced to this long side. */
  maxSidePx?: number;
  /** Read only this part, in upright file px (clipped to the image): x0, y0, width, height. */
  part?: [x0: number, y0: number, widthPx: number, heightPx: number];
}

const DEFAULT_MAX_SIDE_PX = 2048;
const MIN_SIDE_PX = 80;
export const MAX_PIXELS = 120e6;
/** Longer strips hold no portrait, and reducing them takes a minute. */
const MAX_ASPECT = 16;
/** Decoded: 120 megapixels in three channels of 8 bits, 60 in four of 16. */
const MAX_BYTES = 480e6;
const FORMAT_ADVICE = 'give a JPEG, PNG, WebP or AVIF photo';
const TRANSPARENT_COLOR = { r: 200, g: 200, b: 200 };

/** @throws AppError those of `readPhotoFile` and `decodePhoto`. */
export async function readPhoto(path: string, options: PhotoOptions = {}): Promise<Photo> {
  return decodePhoto(await readPhotoFile(path), path, options);
}

/** The bytes of a photo's file. @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE. */
export async function readPhotoFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new AppError('FILE_NOT_FOUND', `There is no file ${path}: check the path of the photo.`, { cause });
    }
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read (${code}): check that it is a file you may read.`, {
      cause,
    });
  }
}

/** @throws AppError IMAGE_INVALID (not an image, damaged), IMAGE_TOO_SMALL, IMAGE_TOO_LARGE. */
export async function decodePhoto(bytes: Uint8Array, name: string, options: PhotoOptions = {}): Promise<Photo> {
  if (bytes.length === 0) throw new AppError('IMAGE_INVALID', `${name} is empty: ${FORMAT_ADVICE}.`);
  checkFormat(bytes, name);
  const file = await readHeader(bytes, name);
  const part = clipPart(options.part, file.widthPx, file.heightPx);
  const scale = Math.min(1, (options.maxSidePx ?? DEFAULT_MAX_SIDE_PX) / Math.max(part[2], part[3]));
  const widthPx = Math.max(1, Math.round(part[2] * scale));
  const heightPx = Math.max(1, Math.round(part[3] * scale));
  try {
    let image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error', autoOrient: true });
    if (part[2] !== file.widthPx || part[3] !== file.heightPx) {
      image = image.extract({ left: part[0], top: part[1], width: part[2], height: part[3] });
    }
    if (scale < 1) image = image.resize(widthPx, heightPx, { fit: 'fill', kernel: 'lanczos3' });
    image = image.toColourspace('srgb');
    const pixels = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    const { rgb, alpha } = splitAlpha(pixels.data, pixels.info.channels);
    return { name, widthPx, heightPx, rgb, alpha, scale, part };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new AppError(
      'IMAGE_INVALID',
      `${name} is damaged or incomplete (${reason}): export it again, or ${FORMAT_ADVICE}.`,
      {
        cause,
      },
    );
  }
}

/** The same photo turned clockwise by so many quarters, pixel by pixel. */
export async function quarterTurned(photo: Photo, quarters: number): Promise<Photo> {
  const { widthPx, heightPx, rgb, alpha } = photo;
  const turn = async (plane: Uint8Array, channels: 1 | 3): Promise<Uint8Array> =>
    sharp(plane, { raw: { width: widthPx, height: heightPx, channels } })
      .rotate(90 * quarters)
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer();
  const isAcross = quarters % 2 !== 0;
  return {
    ...photo,
    widthPx: isAcross ? heightPx : widthPx,
    heightPx: isAcross ? widthPx : heightPx,
    rgb: await turn(rgb, 3),
    alpha: alpha && (await turn(alpha, 1)),
  };
}

/** By its bytes, before any decoder sees them. @throws AppError IMAGE_INVALID, IMAGE_TOO_LARGE. */
export function checkFormat(bytes: Uint8Array, name: string): PhotoFormat {
  const found = recognizePicture(bytes);
  if (!found) throw new AppError('IMAGE_INVALID', `${name} is not an image that can be read: ${FORMAT_ADVICE}.`);
  if (found.photo === undefined)
    throw new AppError('IMAGE_INVALID', `${name} is ${found.what}, not a photo: ${found.remedy}.`);
  if (found.photo === 'heic')
    throw new AppError(
      'IMAGE_INVALID',
      `${name} is a HEIC photo, which is not read here; export it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible).`,
    );
  const excess = excessOf(bytes, found.photo);
  if (excess !== undefined)
    throw new AppError('IMAGE_TOO_LARGE', `${name} has ${excess}: save the one picture that you mean as JPEG.`);
  return found.photo;
}

async function readHeader(bytes: Uint8Array, name: string): Promise<{ widthPx: number; heightPx: number }> {
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new AppError('IMAGE_INVALID', `${name} is not an image that can be read: ${FORMAT_ADVICE}.`, { cause });
  }
  const { width: widthPx, height: heightPx } = metadata.autoOrient;
  if (widthPx * heightPx > MAX_PIXELS) {
    throw new AppError(
      'IMAGE_TOO_LARGE',
      `${name} has ${widthPx}×${heightPx} px: reduce it to at most ${MAX_PIXELS / 1e6} megapixels.`,
    );
  }
  const sampleBytes = /^(float|u?int|double)/.test(metadata.depth) ? 4 : /short/.test(metadata.depth) ? 2 : 1;
  if (widthPx * heightPx * metadata.channels * sampleBytes > MAX_BYTES) {
    throw new AppError(
      'IMAGE_TOO_LARGE',
      `${name} has ${widthPx}×${heightPx} px of ${metadata.channels * sampleBytes} bytes: reduce it, or save it as JPEG.`,
    );
  }
  if (Math.min(widthPx, heightPx) < MIN_SIDE_PX) {
    throw new AppError(
      'IMAGE_TOO_SMALL',
      `${name} has only ${widthPx}×${heightPx} px: give a photo of at least 200×200 px.`,
    );
  }
  if (Math.max(widthPx, heightPx) > MAX_ASPECT * Math.min(widthPx, heightPx)) {
    throw new AppError(
      'IMAGE_INVALID',
      `${name} is a strip of ${widthPx}×${heightPx} px, not a photo: crop it to the person.`,
    );
  }
  return { widthPx, heightPx };
}

function clipPart(part: PhotoOptions['part'], widthPx: number, heightPx: number): Photo['part'] {
  if (!part) return [0, 0, widthPx, heightPx];
  const x0 = Math.min(Math.max(Math.floor(part[0]), 0), widthPx - 1);
  const y0 = Math.min(Math.max(Math.floor(part[1]), 0), heightPx - 1);
  const x1 = Math.min(Math.max(Math.ceil(part[0] + part[2]), x0 + 1), widthPx);
  const y1 = Math.min(Math.max(Math.ceil(part[1] + part[3]), y0 + 1), heightPx);
  return [x0, y0, x1 - x0, y1 - y0];
}

/** 1 to 4 interleaved channels → RGB and, where any pixel is transparent, alpha. */
function splitAlpha(data: Uint8Array, channels: number): { rgb: Uint8Array; alpha: Uint8Array | null } {
  if (channels === 3) return { rgb: data, alpha: null };
  const count = data.length / channels;
  const rgb = new Uint8Array(count * 3);
  const hasAlpha = channels === 2 || channels === 4;
  const alpha = hasAlpha ? new Uint8Array(count) : null;
  const green = channels > 2 ? 1 : 0;
  const blue = channels > 2 ? 2 : 0;
  const { r, g, b } = TRANSPARENT_COLOR;
  let isTransparent = false;
  for (let i = 0; i < count; i++) {
    const at = i * channels;
    const a = alpha ? data[at + channels - 1] : 255;
    if (alpha) alpha[i] = a;
    if (a < 250) isTransparent = true;
    const rest = 255 - a;
    rgb[i * 3] = (data[at] * a + r * rest + 127) / 255;
    rgb[i * 3 + 1] = (data[at + green] * a + g * rest + 127) / 255;
    rgb[i * 3 + 2] = (data[at + blue] * a + b * rest + 127) / 255;
  }
  return { rgb, alpha: isTransparent ? alpha : null };
}
