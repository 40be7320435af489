// A face before a colour and before nothing: the person is what it was, and what is behind it is what was asked for.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { parseBackground } from '../../src/cli/flags.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { photoWarnings } from '../../src/engine/portrait/warnings.ts';
import { CutOutRenderer, withBackground } from '../../src/engine/render/backgrounds.ts';
import { FaceRenderer } from '../../src/engine/render/face-renderer.ts';
import { checkFilmPath, createFilm } from '../../src/media/film.ts';
import { syntheticRig } from '../support/synthetic-rig.ts';

const sizePx = 256;
const rig = syntheticRig();
const frame = neutralFrame(0);
const cut = new Uint8Array(4 * sizePx ** 2);
new CutOutRenderer(rig, { sizePx }).render(frame, cut);

describe('a person before no background', () => {
  it('is opaque where the person is, clear where nobody is', () => {
    const at = (x: number, y: number) => cut[4 * (y * sizePx + x) + 3];
    expect(at(sizePx / 2, sizePx / 2)).toBe(255);
    expect(at(2, 2)).toBe(0);
  });

  it('laid over any colour is what the renderer draws before that colour', () => {
    const color = [200, 40, 90] as const;
    const drawn = new FaceRenderer(withBackground(rig, color), { sizePx }).renderRgba(frame);
    let worst = 0;
    for (let at = 0; at < cut.length; at += 4)
      for (let c = 0; c < 3; c++) {
        const alpha = cut[at + 3]! / 255;
        worst = Math.max(worst, Math.abs(cut[at + c]! * alpha + color[c]! * (1 - alpha) - drawn[at + c]!));
      }
    expect(worst).toBeLessThanOrEqual(6);
  });

  it('keeps its transparency in a folder of PNGs, and no other film takes it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'visavis-background-'));
    try {
      const options = { widthPx: sizePx, heightPx: sizePx, fps: 25, audio: null, isCutOut: true };
      const film = await createFilm(join(folder, 'out'), options);
      await film.writePicture(cut);
      await film.finish();
      expect(await readdir(join(folder, 'out/frames'))).toEqual(['000001.png']);
      const { data, info } = await sharp(join(folder, 'out/frames/000001.png'))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(info.channels).toBe(4);
      expect(Buffer.compare(data, cut)).toBe(0);
      await expect(checkFilmPath(join(folder, 'x.mp4'), true)).rejects.toMatchObject({
        code: 'BAD_USAGE',
        message: expect.stringMatching(/x\.mp4 cannot keep a transparent background/),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

it.each([
  ['none', 'none'],
  ['keep', 'keep'],
  ['#fff', [255, 255, 255]],
  ['1d2B3a', [0x1d, 0x2b, 0x3a]],
  ['White', [255, 255, 255]],
])('--background %s is understood', (text, expected) => expect(parseBackground(text)).toEqual(expected));

it.each(['', 'mauve', '#12345', 'rgb(1,2,3)'])('--background "%s" is refused by name', (text) => {
  expect(() => parseBackground(text)).toThrow(/--background is/);
});

it('a photo that is transparent around the person is told of; one with rounded corners is not', () => {
  const warned = (clearPixels: number) => {
    const alpha = new Uint8Array(300 * 300).fill(255);
    alpha.fill(0, 0, clearPixels);
    const landmarks = new Float32Array(478 * 3).fill(150);
    const photo = {
      name: 'x',
      widthPx: 300,
      heightPx: 300,
      rgb: new Uint8Array(0),
      alpha,
      scale: 1,
      part: [0, 0, 300, 300],
    };
    const pose = { yawRad: 0, pitchRad: 0, rollRad: 0 };
    return photoWarnings([{ landmarks }] as never, { sidePx: 280 } as never, photo as never, pose as never, landmarks)
      .map(({ code }) => code)
      .includes('TRANSPARENT');
  };
  expect(warned(40_000)).toBe(true);
  expect(warned(300)).toBe(false);
});
