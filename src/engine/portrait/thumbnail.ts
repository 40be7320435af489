/** Small square picture of a photo for a gallery: WebP, 160 px, the upper middle of the photo, where faces are. */
import { sharp } from '../../media/image.ts';

const SIZE_PX = 160;

export async function makeThumbnail(photo: string | Uint8Array): Promise<Uint8Array> {
  return sharp(photo)
    .rotate()
    .resize(SIZE_PX, SIZE_PX, { fit: 'cover', position: 'top' })
    .webp({ quality: 80 })
    .toBuffer();
}
