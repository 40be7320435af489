/**
 * Where the 512-px frame lies in the photo, and what of the photo the canvas around it can see. In: photo size and
 * landmarks. Out: an affine photo → rig map that is exact for whole-px crops, and the whole-px rectangles to resample.
 * Invariant: the frame lies inside the photo; the canvas may stick out, and is outpainted there.
 */
import { RIG_FRAME_PX } from '../face-rig.ts';
import { clamp } from './raster.ts';

/** Rig px of canvas on every side of the frame: enough for a camera at 1.8 × the distance and the head's shifts. */
export const CANVAS_MARGIN_PX = 320;
export const CANVAS_PX = RIG_FRAME_PX + 2 * CANVAS_MARGIN_PX;

/** Face height (forehead landmark 10 to chin 152) as a part of the frame, and the height of the face's centre in it. */
const FACE_HEIGHT = 0.45;
const FACE_CENTER_Y = 0.46;

export interface Framing {
  /** The frame in photo px. */
  x0Px: number;
  y0Px: number;
  sidePx: number;
  /** What is resampled from the photo: whole photo px. */
  source: { x0Px: number; y0Px: number; widthPx: number; heightPx: number };
  /** Where that lands: whole rig px. */
  view: { x0Px: number; y0Px: number; widthPx: number; heightPx: number };
  /** Texels per rig px: 2 where the photo has the pixels for it, else 1. */
  texelScale: 1 | 2;
}

export function frameFace(photoWidthPx: number, photoHeightPx: number, landmarks: Float32Array): Framing {
  const point = (i: number) => [landmarks[3 * i], landmarks[3 * i + 1]];
  const [topX, topY] = point(10);
  const [chinX, chinY] = point(152);
  const faceHeightPx = Math.hypot(topX - chinX, topY - chinY);
  const sidePx = Math.min(faceHeightPx / FACE_HEIGHT, photoWidthPx, photoHeightPx);
  const x0Px = clamp((topX + chinX) / 2 - sidePx / 2, 0, photoWidthPx - sidePx);
  const y0Px = clamp((topY + chinY) / 2 - sidePx * FACE_CENTER_Y, 0, photoHeightPx - sidePx);
  const scale = RIG_FRAME_PX / sidePx;
  const reach = CANVAS_MARGIN_PX / scale;

  const left = Math.max(0, Math.floor(x0Px - reach));
  const top = Math.max(0, Math.floor(y0Px - reach));
  const right = Math.min(photoWidthPx, Math.ceil(x0Px + sidePx + reach));
  const bottom = Math.min(photoHeightPx, Math.ceil(y0Px + sidePx + reach));
  const view = (start: number, end: number, origin: number) => {
    const from = clamp(Math.round((start - origin) * scale), -CANVAS_MARGIN_PX, 0);
    const to = clamp(Math.round((end - origin) * scale), RIG_FRAME_PX, RIG_FRAME_PX + CANVAS_MARGIN_PX);
    return { from, length: to - from };
  };
  const horizontal = view(left, right, x0Px);
  const vertical = view(top, bottom, y0Px);
  return {
    x0Px,
    y0Px,
    sidePx,
    source: { x0Px: left, y0Px: top, widthPx: right - left, heightPx: bottom - top },
    view: { x0Px: horizontal.from, y0Px: vertical.from, widthPx: horizontal.length, heightPx: vertical.length },
    texelScale: sidePx >= 1.45 * RIG_FRAME_PX ? 2 : 1,
  };
}

/** Photo px (3 per point, z like x, smaller = nearer) → rig px (z towards the viewer). */
export function toRigSpace(framing: Framing, landmarks: Float32Array): Float32Array {
  const { source, view } = framing;
  const scaleX = view.widthPx / source.widthPx;
  const scaleY = view.heightPx / source.heightPx;
  const out = new Float32Array(landmarks.length);
  for (let i = 0; i < landmarks.length; i += 3) {
    out[i] = (landmarks[i] - source.x0Px) * scaleX + view.x0Px;
    out[i + 1] = (landmarks[i + 1] - source.y0Px) * scaleY + view.y0Px;
    out[i + 2] = -landmarks[i + 2] * scaleX;
  }
  return out;
}
