// The offline generator: as long as the sound, the same however the sound was cut, a face at rest in silence.
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { ArticulationModel } from '../../src/engine/motion/articulation.ts';
import { motionFromSound } from '../../src/engine/motion/motion-generator.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import type { AudioFrame } from '../../src/media/frames.ts';

const RATE_HZ = 16_000;
let model: ArticulationModel;
beforeAll(async () => {
  model = await ArticulationModel.load();
});

/** A buzz that opens and closes like syllables. */
function voice(seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * RATE_HZ) }, (_, i) => {
    const timeS = i / RATE_HZ;
    return 0.4 * Math.max(0, Math.sin(2 * Math.PI * 3 * timeS)) * (2 * ((130 * timeS) % 1) - 1);
  });
}

async function* chunks(samples: Float32Array, size: number): AsyncGenerator<AudioFrame> {
  for (let at = 0; at < samples.length; at += size) {
    const timestampUs = Math.round((at / RATE_HZ) * 1e6);
    yield { kind: 'audio', samples: samples.slice(at, at + size), sampleRateHz: RATE_HZ, channels: 1, timestampUs };
  }
}

async function animate(samples: Float32Array, size: number, fps = 25): Promise<MotionFrame[]> {
  const frames: MotionFrame[] = [];
  const controls = resolveControls({ seed: 5 });
  for await (const frame of motionFromSound(chunks(samples, size), { fps, controls, model })) frames.push(frame);
  return frames;
}

describe('motion from sound', () => {
  it('does not depend on how the sound was cut', async () => {
    const sound = voice(1.3);
    const whole = await animate(sound, sound.length);
    expect(await animate(sound, 333)).toEqual(whole);
    expect(Math.max(...whole.map(({ blendshapes }) => blendshapes.jawOpen ?? 0))).toBeGreaterThan(0.03);
  });

  it.each([
    [1, 25, 25],
    [0.99, 30, 30],
    [0.01, 25, 1],
    [1, 60, 60],
    [0, 25, 0],
  ])('lasts as long as %f s of sound at %i fps', async (seconds, fps, count) => {
    const frames = await animate(voice(seconds), 1000, fps);
    expect(frames).toHaveLength(count);
    expect(frames.map(({ timestampUs }) => timestampUs)).toEqual(frames.map((_, i) => Math.round((i * 1e6) / fps)));
  });

  it('keeps the lips closed in silence', async () => {
    for (const { blendshapes } of await animate(new Float32Array(RATE_HZ), 1600)) {
      // The renderer's rule for lips that touch.
      expect(blendshapes.mouthClose ?? 0).toBeGreaterThanOrEqual(Math.max(0.08, blendshapes.jawOpen ?? 0));
    }
  });
});
