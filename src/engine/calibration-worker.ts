/** Draws and encodes a talking face for a moment and says what a picture costs. A thread of its own, so that nobody waits for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LiveCodec, LiveVideoEncoder } from '../media/live-video-encoder.ts';
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
  /** Which encoder serves which codec on this machine, e.g. h264_nvenc where the GPU has one. */
  encoders: Record<string, string>;
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
const pictureMs = (performance.now() - startMs) / pictures;
const encoders: Record<string, string> = {};
for (const each of ['VP8', 'H264'] as const) {
  using encoder = new LiveVideoEncoder({ codec: each, sizePx, fps, bitrateBps });
  encoders[each] = encoder.encoderName;
}
parentPort!.postMessage({ pictureMs, encoders } satisfies CalibrationReport);
