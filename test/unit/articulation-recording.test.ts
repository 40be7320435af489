/** A recording heard in overlapping windows: every instant judged by the sound around it, whatever the chunks, to the last step. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArticulationModel } from '../../src/engine/motion/articulation-model.ts';
import { ArticulationRecording } from '../../src/engine/motion/articulation-recording.ts';
import { SpeechFeatures } from '../../src/engine/motion/speech-features.ts';
import type { Model, TensorValue } from '../../src/inference.ts';

const RATE_HZ = 16_000;
const CLASSES = 42;
const CHANNELS = 9;
const LATE_STEPS = 5;

/** Says of each step, five steps later, how loud its second mel frame is in one band; counts what it is asked. */
class Echo implements Model {
  readonly name = 'echo';
  readonly provider = 'cpu' as const;
  readonly asked: number[] = [];

  async run({ mel, past }: Record<string, TensorValue>): Promise<Record<string, TensorValue>> {
    const [size, frames, bands] = mel.dims;
    const steps = frames / 2;
    this.asked.push(steps);
    const classes = new Float32Array(size * steps * CLASSES);
    for (let step = LATE_STEPS; step < steps; step++)
      classes[step * CLASSES + 7] = mel.data[(2 * (step - LATE_STEPS) + 1) * bands + 20];
    return {
      classes: { data: classes, dims: [size, steps, CLASSES] },
      curves: { data: new Float32Array(size * steps * CHANNELS), dims: [size, steps, CHANNELS] },
      next: past,
    };
  }
}

const sound = (seconds: number): Float32Array =>
  Float32Array.from({ length: Math.round(seconds * RATE_HZ) }, (_, i) => {
    const timeS = i / RATE_HZ;
    return 0.3 * Math.sin(900 * timeS * timeS) * (1 + Math.sin(11 * timeS));
  });

async function heard(chunks: readonly Float32Array[], network = new Echo()): Promise<number[]> {
  const recording = new ArticulationRecording(new ArticulationModel(network));
  const frames = [];
  for (const chunk of chunks) frames.push(...(await recording.push(chunk, RATE_HZ)));
  frames.push(...(await recording.flush()));
  expect(frames.map(({ timestampUs }) => timestampUs)).toEqual(frames.map((_, i) => i * 20_000 + 10_000));
  return frames.map(({ classes }) => classes[7]);
}

/** What the network is given of each step, straight from the features. */
function truth(samples: Float32Array): number[] {
  const features = new SpeechFeatures(RATE_HZ);
  const mel = [...features.push(samples), ...features.flush()];
  return Array.from({ length: Math.floor(mel.length / 160) }, (_, step) => mel[(2 * step + 1) * 80 + 20]);
}

describe('a recording', () => {
  it.each([0.3, 1, 2.5, 4, 9.37])('of %d s is answered step by step, each with its own answer', async (seconds) => {
    const samples = sound(seconds);
    const answers = await heard([samples]);
    expect(answers.length).toBe(Math.ceil(seconds * 50));
    for (const [step, value] of truth(samples).entries()) expect(answers[step]).toBeCloseTo(value, 3);
  });

  it('does not depend on how it is cut', async () => {
    const samples = sound(7.3);
    const whole = await heard([samples]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 8 }), async (sizes) => {
        const chunks: Float32Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(samples.subarray(at, at + size));
          at += size;
        }
        expect(await heard([...chunks, samples.subarray(at)])).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });

  it('is heard in windows of one length, of which hardly more than are needed', async () => {
    const network = new Echo();
    await heard([sound(60)], network);
    expect(new Set(network.asked)).toEqual(new Set([305]));
    expect(network.asked.length).toBeLessThanOrEqual(13);
  });

  it('of nothing gives nothing', async () => {
    expect(await heard([])).toEqual([]);
    expect(await heard([new Float32Array(0)])).toEqual([]);
  });
});
