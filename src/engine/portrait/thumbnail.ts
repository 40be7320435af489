/** Pictures of a face that does not move, WebP: small for a gallery, large to stand where the living one will be. */
import { sharp } from '../../media/image.ts';
import type { FaceRig } from '../face-rig.ts';
import { neutralFrame } from '../motion-frame.ts';
import { FaceRenderer } from '../render/face-renderer.ts';
import { checkFormat, MAX_PIXELS, readPhotoFile } from './photo.ts';

const SIZE_PX = 160;
const POSTER_PX = 512;

/** The upper middle of the photo, where faces are. @throws AppError for what is no photo. */
export async function makeThumbnail(photo: string | Uint8Array, name: string): Promise<Uint8Array> {
  const bytes = typeof photo === 'string' ? await readPhotoFile(photo) : photo;
  checkFormat(bytes, name);
  return sharp(bytes, { limitInputPixels: MAX_PIXELS })
    .rotate()
    .resize(SIZE_PX, SIZE_PX, { fit: 'cover', position: 'top' })
    .webp({ quality: 80 })
    .toBuffer();
}

/** The face at rest exactly as a call shows it, so that it comes to life where it stood. */
export async function makePoster(rig: FaceRig): Promise<Uint8Array> {
  const rgba = new FaceRenderer(rig, { sizePx: POSTER_PX }).renderRgba(neutralFrame());
  return sharp(rgba, { raw: { width: POSTER_PX, height: POSTER_PX, channels: 4 } })
    .removeAlpha()
    .webp({ quality: 82 })
    .toBuffer();
}
