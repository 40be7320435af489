/**
 * A portrait's bytes in; out the photo in the resolution that its largest face deserves, upright, and the faces in it.
 *
 * Most photos are read once, reduced. Where the face is small in a large file, the file is read again around the face. A photo in which the face
 * lies or stands on its head is turned until it does not.
 */
import { analyseFaces, type Face, faceRollRad, faceSizePx } from './face-mesh.ts';
import { decodePhoto, type Photo, quarterTurned } from './photo.ts';

/** Below this size a face gains from being read again, px. */
const FINE_FACE_PX = 400;
/** The part that is read again: a square of this many face sizes around the face. */
const PART_IN_FACES = 5;

/** @throws AppError of `decodePhoto` and `analyseFaces`. `faces`: largest first, at least one, in px of `photo`. */
export async function readPortraitPhoto(bytes: Uint8Array, name: string): Promise<{ photo: Photo; faces: Face[] }> {
  const photo = await decodePhoto(bytes, name);
  const faces = await analyseFaces(photo);
  const sizePx = faceSizePx(faces[0]);
  if (photo.scale === 1 || sizePx >= FINE_FACE_PX) return upright(photo, faces);
  const { x0, x1, y0, y1 } = faces[0].boxPx;
  const sidePx = PART_IN_FACES * sizePx;
  const corner = [(x0 + x1 - sidePx) / 2, (y0 + y1 - sidePx) / 2];
  const part = [corner[0], corner[1], sidePx, sidePx].map((px) => px / photo.scale) as Photo['part'];
  const closeUp = await decodePhoto(bytes, name, { part });
  return upright(closeUp, await analyseFaces(closeUp));
}

/** Scanned and forwarded photos often lie on their side, with nothing in the file that says so. */
async function upright(photo: Photo, faces: Face[]): Promise<{ photo: Photo; faces: Face[] }> {
  const quarters = Math.round(faceRollRad(faces[0]) / (Math.PI / 2));
  if (quarters === 0) return { photo, faces };
  const turned = await quarterTurned(photo, -quarters);
  return { photo: turned, faces: await analyseFaces(turned) };
}
