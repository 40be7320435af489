/**
 * A shipped portrait, baked and rendered, seen again by the landmark model: the rest frame is the photo, and the head turns,
 * the lips, lids and irises move by what the motion frame asks.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FaceRig } from '../../src/engine/face-rig.ts';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';
import { analyseFaces } from '../../src/engine/portrait/face-mesh.ts';
import {
  LEFT_EYE,
  LOWER_LIP_INNER,
  RIGHT_EYE,
  SKIN_LANDMARK_COUNT,
  UPPER_LIP_INNER,
} from '../../src/engine/portrait/landmark-indices.ts';
import { fitSimilarity } from '../../src/engine/portrait/linear-algebra.ts';
import { bakePortrait } from '../../src/engine/portrait/portrait.ts';
import { FaceRenderer } from '../../src/engine/render/face-renderer.ts';
import { assetsDir } from '../../src/paths.ts';
import { psnrDb } from '../support/pictures.ts';

const PHOTO = join(assetsDir, 'portraits', 'kofi.jpg');
const SIZE_PX = 512;
const DEGREE = Math.PI / 180;

let rig: FaceRig;
let renderer: FaceRenderer;
let rest: Float32Array;

beforeAll(async () => {
  ({ rig } = await bakePortrait(await readFile(PHOTO), { name: PHOTO, cacheDir: null }));
  renderer = new FaceRenderer(rig, { sizePx: SIZE_PX });
  rest = await look(neutralFrame());
});

/** Landmarks of a rendered frame: x right, y down, z to the viewer. */
async function look(frame: MotionFrame): Promise<Float32Array> {
  const rgb = await sharp(renderer.renderRgba(frame), { raw: { width: SIZE_PX, height: SIZE_PX, channels: 4 } })
    .removeAlpha()
    .raw()
    .toBuffer();
  const [face] = await analyseFaces({
    name: 'the rendered frame',
    widthPx: SIZE_PX,
    heightPx: SIZE_PX,
    rgb,
    alpha: null,
    scale: 1,
    part: [0, 0, SIZE_PX, SIZE_PX],
  });
  return face.landmarks.map((value, i) => (i % 3 === 2 ? -value : value));
}

function posed(pose: Partial<MotionFrame['pose']>): MotionFrame {
  const frame = neutralFrame();
  return { ...frame, pose: { ...frame.pose, ...pose } };
}

/** Angles by which the landmarks turned from rest, degrees, signs as in a MotionFrame. */
function turnFrom(a: Float32Array, b: Float32Array): { yaw: number; pitch: number; roll: number } {
  const count = SKIN_LANDMARK_COUNT * 3;
  const m = fitSimilarity(a.subarray(0, count), b.subarray(0, count)).rotation;
  return {
    yaw: Math.atan2(-m[6], m[8]) / DEGREE,
    pitch: Math.asin(m[7]) / DEGREE,
    roll: Math.atan2(-m[1], m[4]) / DEGREE,
  };
}

/** Mean distance between the lids over the eye's width. */
function openness(landmarks: Float32Array, ring: readonly number[]): number {
  const at = (i: number) => [landmarks[i * 3], landmarks[i * 3 + 1]] as const;
  const distance = (i: number, j: number) => Math.hypot(at(i)[0] - at(j)[0], at(i)[1] - at(j)[1]);
  const half = ring.length / 2;
  let sum = 0;
  for (let k = 2; k <= half - 2; k++) sum += distance(ring[k], ring[ring.length - k]);
  return sum / (half - 3) / distance(ring[0], ring[half]);
}

/** Mean of one channel over the square of `side` px from (x0, y0), fractional edges included. */
function areaMean(data: Uint8Array, widthPx: number, x0: number, y0: number, side: number, channel: number): number {
  let sum = 0;
  for (let y = Math.floor(y0); y < y0 + side; y++)
    for (let x = Math.floor(x0); x < x0 + side; x++) {
      const covered = (Math.min(x + 1, x0 + side) - Math.max(x, x0)) * (Math.min(y + 1, y0 + side) - Math.max(y, y0));
      sum += covered * data[(y * widthPx + x) * 3 + channel];
    }
  return sum / (side * side);
}

describe('a rendered portrait', () => {
  it('at rest is the photo', async () => {
    // Sampled at the crop's own, fractional place.
    const [x0, y0, side] = rig.source.crop;
    const { data, info } = await sharp(PHOTO).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const step = side / SIZE_PX;
    const photo = new Uint8Array(SIZE_PX * SIZE_PX * 4).fill(255);
    for (let y = 0; y < SIZE_PX; y++)
      for (let x = 0; x < SIZE_PX; x++)
        for (let c = 0; c < 3; c++)
          photo[(y * SIZE_PX + x) * 4 + c] = areaMean(data, info.width, x0 + x * step, y0 + y * step, step, c);
    expect(psnrDb(renderer.renderRgba(neutralFrame()), photo)).toBeGreaterThan(34);
  });

  it('turns, nods and tilts by what was asked, within 15 %', async () => {
    for (const degrees of [-8, 8])
      for (const [angle, pose] of [
        ['yaw', { yawRad: degrees * DEGREE }],
        ['pitch', { pitchRad: degrees * DEGREE }],
        ['roll', { rollRad: degrees * DEGREE }],
      ] as const) {
        const measured = turnFrom(rest, await look(posed(pose)))[angle];
        expect(measured / degrees, `${angle} ${degrees}°`).toBeGreaterThan(0.85);
        expect(measured / degrees, `${angle} ${degrees}°`).toBeLessThan(1.15);
      }
  });

  it('closes its lips for m, b, p', async () => {
    const gap = (landmarks: Float32Array) => landmarks[LOWER_LIP_INNER * 3 + 1] - landmarks[UPPER_LIP_INNER * 3 + 1];
    const open = await look({
      ...neutralFrame(),
      blendshapes: { jawOpen: 0.3, mouthLowerDownLeft: 0.3, mouthLowerDownRight: 0.3 },
    });
    const closed = await look({
      ...neutralFrame(),
      blendshapes: { jawOpen: 0.3, mouthLowerDownLeft: 0.3, mouthLowerDownRight: 0.3, mouthClose: 0.3 },
    });
    expect(gap(open)).toBeGreaterThan(8);
    // The model itself is good for about a pixel here.
    expect(gap(closed)).toBeLessThan(2);
  });

  it('shuts both eyes on a blink', async () => {
    const shut = await look({ ...neutralFrame(), blendshapes: { eyeBlinkLeft: 1, eyeBlinkRight: 1 } });
    for (const ring of [LEFT_EYE, RIGHT_EYE]) expect(openness(shut, ring)).toBeLessThan(0.8 * openness(rest, ring));
  });

  it('looks where it is told', async () => {
    const irisX = (landmarks: Float32Array) => (landmarks[468 * 3] + landmarks[473 * 3]) / 2;
    const eyesX = (landmarks: Float32Array) => [33, 133, 362, 263].reduce((sum, i) => sum + landmarks[i * 3], 0) / 4;
    const offset = (landmarks: Float32Array) => irisX(landmarks) - eyesX(landmarks);
    const expected = rig.eyes.left.eyeballRadiusPx * Math.sin(0.3);
    for (const sign of [-1, 1]) {
      const moved = offset(await look({ ...neutralFrame(), gaze: { yawRad: 0.3 * sign, pitchRad: 0 } })) - offset(rest);
      expect(moved * sign).toBeGreaterThan(0.35 * expected);
      expect(moved * sign).toBeLessThan(1.4 * expected);
    }
  });
});
