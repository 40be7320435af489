/** The WebGL renderer in a real browser against the WASM one: the same picture, rest and motion, within rounding. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';
import { loadRig, saveRig } from '../../src/engine/portrait/rig-store.ts';
import { FaceRenderer } from '../../src/engine/render/face-renderer.ts';
import { launchBrowser } from '../support/browser.ts';
import { psnrDb } from '../support/pictures.ts';
import { syntheticRig } from '../support/synthetic-rig.ts';

const SIZE_PX = 256;

let browser: Browser;
let page: Page;
let script: string;

beforeAll(async () => {
  const output = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry: 'test/support/webgl-page.ts', formats: ['iife'], name: 'webglPage' },
    },
  });
  const bundle = Array.isArray(output) ? output[0] : output;
  if (!('output' in bundle)) throw new Error('vite gave no bundle');
  script = bundle.output[0].code;
  browser = await launchBrowser({ webgl: true });
  page = await browser.newPage();
  await page.addScriptTag({ content: script });
});
afterAll(() => browser?.close());

function frame(change: Partial<Omit<MotionFrame, 'pose' | 'gaze'>> & { pose?: object; gaze?: object }): MotionFrame {
  const rest = neutralFrame();
  return {
    ...rest,
    ...change,
    pose: { ...rest.pose, ...change.pose },
    gaze: { ...rest.gaze, ...change.gaze },
  };
}

const FRAMES: Record<string, MotionFrame> = {
  rest: neutralFrame(),
  talking: frame({
    blendshapes: { jawOpen: 0.35, mouthUpperUpLeft: 0.3, mouthUpperUpRight: 0.3, eyeBlinkLeft: 0.7, browInnerUp: 0.5 },
    pose: { yawRad: 0.15, pitchRad: -0.1, rollRad: 0.1, x: 0.05 },
    gaze: { yawRad: 0.2, pitchRad: 0.1 },
  }),
  bitten: frame({ blendshapes: { jawOpen: 0.03, mouthRollLower: 0.5, mouthUpperUpLeft: 0.3, mouthUpperUpRight: 0.3 } }),
  far: frame({
    blendshapes: { mouthClose: 0.1, eyeBlinkLeft: 1, eyeBlinkRight: 1 },
    pose: { scale: 0.6, yawRad: -0.3 },
  }),
};

describe('the WebGL renderer', () => {
  it('draws what the WASM renderer draws', async () => {
    const rig = syntheticRig();
    const wasm = new FaceRenderer(rig, { sizePx: SIZE_PX });
    const names = Object.keys(FRAMES);
    const pictures = await page.evaluate(([frames, sizePx]) => window.drawFrames(frames, sizePx), [
      names.map((name) => FRAMES[name]),
      SIZE_PX,
    ] as [MotionFrame[], number]);
    mkdirSync(join('out', 'e2e'), { recursive: true });
    const rest = wasm.renderRgba(FRAMES.rest);
    for (const [i, name] of names.entries()) {
      const drawn = new Uint8Array(Buffer.from(pictures[i], 'base64'));
      const expected = wasm.renderRgba(FRAMES[name]);
      await sharp(drawn, { raw: { width: SIZE_PX, height: SIZE_PX, channels: 4 } })
        .png()
        .toFile(join('out', 'e2e', `webgl-${name}.png`));
      // Pixels that differ from the resting picture at all tell that the frames are not all the same.
      if (name !== 'rest') expect(psnrDb(expected, rest)).toBeLessThan(42);
      const face = (pixel: number) =>
        Math.hypot((pixel % SIZE_PX) - SIZE_PX / 2, (Math.floor(pixel / SIZE_PX) - (SIZE_PX * 250) / 512) / 1.3) <
        (SIZE_PX * 110) / 512;
      expect(psnrDb(drawn, expected, face), `${name}, face`).toBeGreaterThan(36);
      expect(psnrDb(drawn, expected), name).toBeGreaterThan(36);
    }
  });

  it('comes back after the graphics context was lost', async () => {
    const { before, after } = await page.evaluate(([frame, sizePx]) => window.drawAcrossLoss(frame, sizePx), [
      FRAMES.talking,
      SIZE_PX,
    ] as [MotionFrame, number]);
    expect(after).toBe(before);
    expect(new Set(Buffer.from(before, 'base64')).size).toBeGreaterThan(100);
  });

  it('opens a rig file as the server does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'visavis-webgl-'));
    try {
      const path = join(folder, 'face.rig');
      await saveRig(path, syntheticRig());
      await page.route('**/face.rig', (route) => route.fulfill({ body: readFileSync(path) }));
      await page.route('http://page.test/', (route) =>
        route.fulfill({ body: '<!doctype html>', contentType: 'text/html' }),
      );
      await page.goto('http://page.test/');
      await page.addScriptTag({ content: script });
      const [picture] = await page.evaluate(([frames, sizePx]) => window.drawFrames(frames, sizePx, '/face.rig'), [
        [FRAMES.talking],
        SIZE_PX,
      ] as [MotionFrame[], number]);
      const expected = new FaceRenderer(await loadRig(path), { sizePx: SIZE_PX }).renderRgba(FRAMES.talking);
      expect(psnrDb(new Uint8Array(Buffer.from(picture, 'base64')), expected)).toBeGreaterThan(32);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
