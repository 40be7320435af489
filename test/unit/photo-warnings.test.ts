/** A face cut off by its photo's edge is told; a whole one is not. */
import { expect, it } from 'vitest';
import { LANDMARK_COUNT } from '../../src/engine/portrait/face-mesh.ts';
import { frameFace } from '../../src/engine/portrait/framing.ts';
import type { Photo } from '../../src/engine/portrait/photo.ts';
import { photoWarnings } from '../../src/engine/portrait/warnings.ts';

const photo: Photo = {
  name: 'a photo',
  widthPx: 1000,
  heightPx: 1000,
  rgb: new Uint8Array(),
  alpha: null,
  scale: 1,
  part: [0, 0, 1000, 1000],
};

/** Landmarks spread evenly over a face 300 px wide and 400 px high. */
function warned(leftPx: number): string[] {
  const landmarks = Float32Array.from({ length: LANDMARK_COUNT * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    return i % 3 === 0 ? leftPx + ((at * 37) % 300) : i % 3 === 1 ? 300 + ((at * 53) % 400) : 0;
  });
  const face = { landmarks, score: 1, boxPx: { x0: leftPx, y0: 300, x1: leftPx + 300, y1: 700 } };
  const pose = { yawRad: 0, pitchRad: 0, rollRad: 0 };
  const framing = frameFace(photo.widthPx, photo.heightPx, landmarks);
  return photoWarnings([face], framing, photo, pose, landmarks).map(({ code }) => code);
}

it.each([
  [350, false],
  [5, false],
  [-10, false],
  [-100, true],
  [850, true],
])('a face that begins at %i px of 1000: cut is %s', (leftPx, isCut) => {
  expect(warned(leftPx).includes('FACE_CUT')).toBe(isCut);
});
