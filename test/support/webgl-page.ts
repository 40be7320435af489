/** Runs inside Chromium: draws motion frames with the WebGL renderer and hands the pixels back. */
import { openRig } from '../../client/open-rig.ts';
import { WebglFaceRenderer } from '../../client/webgl-renderer.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import { syntheticRig } from './synthetic-rig.ts';

/** RGBA, top row first, as base64. */
function readPicture(canvas: HTMLCanvasElement): string {
  const gl = canvas.getContext('webgl2')!;
  const { width, height } = canvas;
  const pixels = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let text = '';
  for (let y = height - 1; y >= 0; y--)
    text += String.fromCharCode(...pixels.subarray(y * width * 4, (y + 1) * width * 4));
  return btoa(text);
}

/** One picture per frame. `rigUrl`: a rig file; the synthetic rig without one. */
async function drawFrames(frames: MotionFrame[], sizePx: number, rigUrl?: string): Promise<string[]> {
  const canvas = document.createElement('canvas');
  const renderer = new WebglFaceRenderer(canvas, rigUrl ? await openRig(rigUrl) : syntheticRig(), { sizePx });
  const pictures = frames.map((frame) => {
    renderer.draw(frame);
    return readPicture(canvas);
  });
  renderer.dispose();
  return pictures;
}

/** The picture of `frame` before and after the graphics context was lost and given back; drawn once more in between. */
async function drawAcrossLoss(frame: MotionFrame, sizePx: number): Promise<{ before: string; after: string }> {
  const canvas = document.createElement('canvas');
  const renderer = new WebglFaceRenderer(canvas, syntheticRig(), { sizePx });
  renderer.draw(frame);
  const before = readPicture(canvas);
  const loss = canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!;
  const event = (name: string) => new Promise((resolve) => canvas.addEventListener(name, resolve, { once: true }));
  const lost = event('webglcontextlost');
  loss.loseContext();
  await lost;
  // The context may be given back only once the event has been dealt with.
  await new Promise((resolve) => setTimeout(resolve, 20));
  renderer.draw(frame);
  let after = '';
  canvas.addEventListener('webglcontextrestored', () => {
    after = readPicture(canvas);
  });
  const restored = event('webglcontextrestored');
  loss.restoreContext();
  await restored;
  renderer.dispose();
  return { before, after };
}

declare global {
  interface Window {
    drawFrames: typeof drawFrames;
    drawAcrossLoss: typeof drawAcrossLoss;
  }
}
window.drawFrames = drawFrames;
window.drawAcrossLoss = drawAcrossLoss;
