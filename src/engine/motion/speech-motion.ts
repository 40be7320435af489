/**
 * The reference driver: speech with known phoneme times → motion frames. In: chunks of sound with their phonemes, in
 * order; out: frames at any rate. Streaming in constant memory. Invariant: frames depend on speech, controls and seed
 * alone, not on how the speech was cut into chunks; at common instants two frame rates agree.
 */
import type { SpeechChunk } from '../../media/speech.ts';
import type { AvatarControls } from '../controls.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { pictureCount } from '../picture-count.ts';
import { REACH_S } from './coarticulation.ts';
import { FacePerformer, type PerformerOptions } from './face-performer.ts';
import { PhonemeVoice } from './phoneme-voice.ts';

/** A frame is final once the speech is known this far ahead: two reaches, so that an open silence cannot change it. */
const LOOK_AHEAD_S = 2 * REACH_S + 0.1;

export type SpeechMotionOptions = PerformerOptions;

export class SpeechMotion {
  #fps: number;
  #performer: FacePerformer;
  #voice = new PhonemeVoice();
  #frame = 0;

  constructor(options: SpeechMotionOptions) {
    this.#fps = options.fps;
    this.#performer = new FacePerformer(options);
  }

  /** From the next frame on; what changes glides there within 200 ms. */
  setControls(controls: AvatarControls): void {
    this.#performer.setControls(controls);
  }

  /** Who has time waits for this before the next frame. */
  get pending(): Promise<void> | undefined {
    return this.#performer.pending;
  }

  /** @returns the frames that this chunk made final. */
  *push(chunk: SpeechChunk): Generator<MotionFrame> {
    this.#voice.push(chunk);
    yield* this.#framesUpTo((this.#voice.knownS - LOOK_AHEAD_S) * this.#fps);
  }

  /** @returns the frames up to the end of the sound; the driver is used up. */
  *finish(): Generator<MotionFrame> {
    yield* this.#framesUpTo(pictureCount(this.#voice.knownS, this.#fps));
  }

  *#framesUpTo(end: number): Generator<MotionFrame> {
    for (; this.#frame < end; this.#frame++) yield this.#frameAt(this.#frame / this.#fps);
    this.#voice.forgetBefore(this.#frame / this.#fps - 1);
  }

  #frameAt(timeS: number): MotionFrame {
    const mouth = this.#voice.mouthAt(timeS, 1 / this.#fps);
    const loudness = this.#voice.mouthLoudnessAt(timeS);
    return this.#performer.frameAt(timeS, mouth, loudness, { voice: this.#voice, offsetS: 0 });
  }
}

/** Frames for speech that arrives in chunks. */
export async function* motionFromSpeech(
  chunks: AsyncIterable<SpeechChunk> | Iterable<SpeechChunk>,
  options: SpeechMotionOptions,
): AsyncGenerator<MotionFrame> {
  const driver = new SpeechMotion(options);
  async function* unhurried(frames: Generator<MotionFrame>): AsyncGenerator<MotionFrame> {
    for (const frame of frames) {
      yield frame;
      await driver.pending;
    }
  }
  for await (const chunk of chunks) yield* unhurried(driver.push(chunk));
  yield* unhurried(driver.finish());
}
