/** `motion_rtf`: time to make motion ÷ length of the sound, both learned parts and the rules around them, offline. */

import { resolveControls } from '../../engine/controls.ts';
import { ArticulationModel } from '../../engine/motion/articulation.ts';
import { motionFromSound } from '../../engine/motion/motion-generator.ts';
import type { AudioFrame } from '../../media/frames.ts';
import { type Benchmark, summary } from './benchmark.ts';

const RATE_HZ = 16_000;
const FPS = 25;
const CHUNK_SAMPLES = RATE_HZ / 50;

export const motion: Benchmark = {
  async run({ quick, signal }) {
    const model = await ArticulationModel.load();
    const controls = resolveControls({ seed: 1 });
    const seconds = quick ? 4 : 15;
    const rtf: number[] = [];
    for (let i = 0; i < (quick ? 2 : 6); i++) {
      signal.throwIfAborted();
      const startMs = performance.now();
      for await (const frame of motionFromSound(babble(seconds), { fps: FPS, controls, model })) void frame;
      // The first run warms the code up.
      if (i > 0) rtf.push((performance.now() - startMs) / 1000 / seconds);
    }
    return [summary('motion_rtf', 's/s', rtf)];
  },
};

/** Voice-like sound: a 120 Hz buzz whose level rises and falls four times a second. */
async function* babble(seconds: number): AsyncGenerator<AudioFrame> {
  for (let start = 0; start < seconds * RATE_HZ; start += CHUNK_SAMPLES) {
    const samples = Float32Array.from({ length: CHUNK_SAMPLES }, (_, i) => {
      const timeS = (start + i) / RATE_HZ;
      const level = 0.3 * Math.max(0, Math.sin(2 * Math.PI * 4 * timeS));
      return level * (2 * ((120 * timeS) % 1) - 1);
    });
    yield {
      kind: 'audio',
      samples,
      sampleRateHz: RATE_HZ,
      channels: 1,
      timestampUs: Math.round((start / RATE_HZ) * 1e6),
    };
  }
}
