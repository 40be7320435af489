/**
 * The offline generator: any recorded voice → motion frames. In: mono sound of any rate and length, in order; out: frames
 * at any rate, as many as the sound is long. Streaming in constant memory; the result does not depend on the chunks.
 */
import type { AudioFrame } from '../../media/frames.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { pictureCount } from '../picture-count.ts';
import { ArticulationModel } from './articulation.ts';
import { FacePerformer, type PerformerOptions } from './face-performer.ts';
import { HeardVoice } from './heard-voice.ts';

/** How far past a frame the voice is asked about: half a picture, two performance ticks and the rise of a stress. */
const VOICE_REACH_S = 0.25;

export interface MotionGeneratorOptions extends PerformerOptions {
  /** Loaded once by callers that generate often. */
  model?: ArticulationModel;
}

/** @throws AppError MODEL_MISSING, MODEL_CORRUPT; whatever the sound's own source throws. */
export async function* motionFromSound(
  sound: AsyncIterable<AudioFrame>,
  options: MotionGeneratorOptions,
): AsyncGenerator<MotionFrame> {
  const { fps } = options;
  const voice = new HeardVoice(options.model ?? (await ArticulationModel.load()));
  const performer = new FacePerformer(options);
  let count = 0;
  async function* framesUpTo(end: number): AsyncGenerator<MotionFrame> {
    for (; count < end; count++) {
      await performer.pending;
      const timeS = count / fps;
      const mouth = voice.mouthAt(timeS, 1 / fps);
      yield performer.frameAt(timeS, mouth, voice.mouthLoudnessAt(timeS), { voice, offsetS: 0 });
    }
    voice.forgetBefore(count / fps - 1);
  }
  let soundS = 0;
  for await (const { samples, sampleRateHz } of sound) {
    await voice.push(samples, sampleRateHz);
    soundS += samples.length / sampleRateHz;
    yield* framesUpTo((voice.knownS - VOICE_REACH_S) * fps);
  }
  await voice.finish();
  yield* framesUpTo(pictureCount(soundS, fps));
}
