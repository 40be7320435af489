/** Draws and encodes a talking face for a moment and says what a picture costs. A thread of its own, so that nobody waits for it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import { PictureOutput } from './face-output.ts';
import { talkingFrame } from './motion/talking-motion.ts';
import { loadRig } from './portrait/rig-store.ts';

export interface CalibrationTask {
  rigPath: string;
  sizePx: number;
  fps: number;
  codec: LiveCodec;
  bitrateBps: number;
}

export interface CalibrationReport {
  /** Mean over some dozens of pictures, drawing and encoding together. */
  pictureMs: number;
}

const WARM_UP = 10;
const DURATION_MS = 500;

const { rigPath, sizePx, fps, codec, bitrateBps } = workerData as CalibrationTask;
using output = new PictureOutput(await loadRig(rigPath), 1, { sizePx });
output.setEncoder(codec, { bitrateBps, fps });
const make = (index: number): void => {
  output.fill(0, talkingFrame(index, fps));
  output.encode(0, Math.round((index * 1e6) / fps));
};
for (let i = 0; i < WARM_UP; i++) make(i);
const startMs = performance.now();
let pictures = 0;
while (performance.now() - startMs < DURATION_MS) make(WARM_UP + pictures++);
parentPort!.postMessage({ pictureMs: (performance.now() - startMs) / pictures } satisfies CalibrationReport);
