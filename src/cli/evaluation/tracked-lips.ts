/**
 * The lips in drawn pictures, found again by the landmark network. In: a rig and motion frames. Out: the inner-lip gap of each picture. The network
 * sees photos best: in a painting's mouth it takes a small opening for none.
 */
import type { FaceRig } from '../../engine/face-rig.ts';
import type { MotionFrame } from '../../engine/motion-frame.ts';
import { analyseFaces, type Face, followFace } from '../../engine/portrait/face-mesh.ts';
import type { Photo } from '../../engine/portrait/photo.ts';
import { FaceRenderer } from '../../engine/render/face-renderer.ts';

const SIZE_PX = 512;
/** Upper and lower inner lip, three pairs about the middle; outer corners of the eyes. */
const GAPS = [
  [13, 14],
  [82, 87],
  [312, 317],
] as const;
const EYES = [33, 263] as const;

export interface TrackedLips {
  /** Mean of three places, px at 512. */
  gapPx: number[];
  /** The same ÷ distance of the eyes. */
  aperture: number[];
}

export async function trackLips(
  rig: FaceRig,
  frames: readonly MotionFrame[],
  onPicture: () => void,
  signal: AbortSignal,
): Promise<TrackedLips> {
  const renderer = new FaceRenderer(rig, { sizePx: SIZE_PX });
  const tracked: TrackedLips = { gapPx: [], aperture: [] };
  let face: Face | null = null;
  for (const frame of frames) {
    signal.throwIfAborted();
    const picture = photoOf(renderer.renderRgba(frame));
    face = (face && (await followFace(picture, face))) ?? (await analyseFaces(picture))[0];
    const gapPx = GAPS.reduce((sum, [upper, lower]) => sum + distance(face!, upper, lower), 0) / GAPS.length;
    tracked.gapPx.push(gapPx);
    tracked.aperture.push(gapPx / distance(face, ...EYES));
    onPicture();
  }
  return tracked;
}

function distance({ landmarks }: Face, a: number, b: number): number {
  return Math.hypot(landmarks[3 * a] - landmarks[3 * b], landmarks[3 * a + 1] - landmarks[3 * b + 1]);
}

function photoOf(rgba: Uint8Array): Photo {
  const rgb = new Uint8Array(SIZE_PX * SIZE_PX * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    rgb[o] = rgba[i];
    rgb[o + 1] = rgba[i + 1];
    rgb[o + 2] = rgba[i + 2];
  }
  return {
    name: 'a drawn picture',
    widthPx: SIZE_PX,
    heightPx: SIZE_PX,
    rgb,
    alpha: null,
    scale: 1,
    part: [0, 0, SIZE_PX, SIZE_PX],
  };
}
