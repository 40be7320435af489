/**
 * Pictures did not move: the synthetic face in eight states against the sheet in test/golden/pictures, by PSNR.
 * UPDATE_GOLDEN=1 writes the sheet anew and leaves the old one beside the new one in out/golden, to look at.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';
import { FaceRenderer } from '../../src/engine/render/face-renderer.ts';
import { psnrDb } from '../support/pictures.ts';
import { syntheticRig } from '../support/synthetic-rig.ts';

const SHEET = join(dirname(fileURLToPath(import.meta.url)), 'pictures', 'synthetic-face.png');
const SIZE_PX = 256;
const COLUMNS = 4;

function state(
  blendshapes: MotionFrame['blendshapes'],
  pose: Partial<MotionFrame['pose']> = {},
  gaze: Partial<MotionFrame['gaze']> = {},
): MotionFrame {
  const rest = neutralFrame();
  return { ...rest, blendshapes, pose: { ...rest.pose, ...pose }, gaze: { ...rest.gaze, ...gaze } };
}

const STATES: Record<string, MotionFrame> = {
  rest: neutralFrame(),
  open: state({ jawOpen: 0.4, mouthUpperUpLeft: 0.3, mouthUpperUpRight: 0.3 }),
  'm, b, p': state({ jawOpen: 0.1, mouthClose: 0.12, mouthPressLeft: 0.3, mouthPressRight: 0.3 }),
  'f, v': state({ jawOpen: 0.03, mouthRollLower: 0.5, mouthUpperUpLeft: 0.3, mouthUpperUpRight: 0.3 }),
  'wink and smile': state({ eyeBlinkLeft: 1, mouthSmileLeft: 0.8, mouthSmileRight: 0.8, browInnerUp: 0.6 }),
  'tongue out': state({ jawOpen: 0.3, tongueOut: 1 }, { pitchRad: 0.15 }),
  'turned, looking back': state(
    { eyeBlinkRight: 0.4 },
    { yawRad: 0.3, rollRad: -0.15 },
    { yawRad: -0.3, pitchRad: 0.1 },
  ),
  far: state({ jawOpen: 0.2, mouthPucker: 0.7 }, { scale: 0.6, x: 0.1 }),
};

describe('rendered frames', () => {
  it('look as they did', async () => {
    const renderer = new FaceRenderer(syntheticRig(), { sizePx: SIZE_PX });
    const pictures = Object.values(STATES).map((frame) => renderer.renderRgba(frame));
    if (process.env.UPDATE_GOLDEN) {
      const folder = join('out', 'golden');
      mkdirSync(folder, { recursive: true });
      mkdirSync(dirname(SHEET), { recursive: true });
      if (existsSync(SHEET)) copyFileSync(SHEET, join(folder, 'synthetic-face-old.png'));
      const raw = { width: SIZE_PX, height: SIZE_PX, channels: 4 as const };
      const width = SIZE_PX * COLUMNS;
      const height = SIZE_PX * Math.ceil(pictures.length / COLUMNS);
      await sharp({ create: { width, height, channels: 3, background: 'black' } })
        .composite(
          pictures.map((input, i) => ({
            input: Buffer.from(input),
            raw,
            left: (i % COLUMNS) * SIZE_PX,
            top: Math.floor(i / COLUMNS) * SIZE_PX,
          })),
        )
        .png({ compressionLevel: 9 })
        .toFile(SHEET);
      copyFileSync(SHEET, join(folder, 'synthetic-face-new.png'));
      console.log(`old and new sheet: ${folder}`);
    }
    for (const [i, name] of Object.keys(STATES).entries()) {
      const expected = await sharp(SHEET)
        .extract({
          left: (i % COLUMNS) * SIZE_PX,
          top: Math.floor(i / COLUMNS) * SIZE_PX,
          width: SIZE_PX,
          height: SIZE_PX,
        })
        .ensureAlpha()
        .raw()
        .toBuffer();
      expect(psnrDb(pictures[i], expected), name).toBeGreaterThan(45);
    }
  });
});
