/** Pictures of a face that does not move, WebP: small for a gallery, large to stand where the living one will be. */
import { sharp } from '../../media/image.ts';
import type { FaceRig } from '../face-rig.ts';
import { neutralFrame } from '../motion-frame.ts';
import { FaceRenderer } from '../render/face-renderer.ts';

const SIZE_PX = 160;
const POSTER_PX = 512;

/** The upper middle of the photo, where faces are. */
export async function makeThumbnail(photo: string | Uint8Array): Promise<Uint8Array> {
  return sharp(photo)
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
