/** Runs inside Chromium: draws motion frames with the WebGL renderer and hands the pixels back. */
import { openRig } from '../../client/open-rig.ts';
import { WebglFaceRenderer } from '../../client/webgl-renderer.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import { syntheticRig } from './synthetic-rig.ts';

/** RGBA, top row first, as base64 per frame. `rigUrl`: a rig file; the synthetic rig without one. */
async function drawFrames(frames: MotionFrame[], sizePx: number, rigUrl?: string): Promise<string[]> {
  const canvas = document.createElement('canvas');
  document.body.append(canvas);
  const renderer = new WebglFaceRenderer(canvas, rigUrl ? await openRig(rigUrl) : syntheticRig(), { sizePx });
  const gl = canvas.getContext('webgl2')!;
  const pictures = frames.map((frame) => {
    renderer.draw(frame);
    const pixels = new Uint8Array(sizePx * sizePx * 4);
    gl.readPixels(0, 0, sizePx, sizePx, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const rowBytes = sizePx * 4;
    let text = '';
    for (let y = sizePx - 1; y >= 0; y--)
      text += String.fromCharCode(...pixels.subarray(y * rowBytes, (y + 1) * rowBytes));
    return btoa(text);
  });
  renderer.dispose();
  canvas.remove();
  return pictures;
}

declare global {
  interface Window {
    drawFrames: typeof drawFrames;
  }
}
window.drawFrames = drawFrames;
