/** Draws in a worker thread for a while and says how many pictures that were. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FaceRig } from '../../engine/face-rig.ts';
import { talkingFrame } from '../../engine/motion/talking-motion.ts';
import { FaceRenderer } from '../../engine/render/face-renderer.ts';

export interface RenderWorkerTask {
  rig: FaceRig;
  sizePx: number;
  fps: number;
  warmUp: number;
  durationMs: number;
}

export interface RenderWorkerReport {
  pictures: number;
  elapsedMs: number;
}

const { rig, sizePx, fps, warmUp, durationMs } = workerData as RenderWorkerTask;
const renderer = new FaceRenderer(rig, { sizePx });
const picture = new Uint8Array(renderer.frameBytes);
for (let i = 0; i < warmUp; i++) renderer.render(talkingFrame(i, fps), picture);
const startMs = performance.now();
let pictures = 0;
while (performance.now() - startMs < durationMs) renderer.render(talkingFrame(pictures++, fps), picture);
parentPort?.postMessage({ pictures, elapsedMs: performance.now() - startMs } satisfies RenderWorkerReport);
