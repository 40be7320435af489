/**
 * The reference driver, offline: speech with known phoneme times → motion frames, as fast as they can be made.
 * Streaming in constant memory. Invariant: frames depend on speech, controls and seed alone, not on how the speech was cut
 * into chunks; at common instants two frame rates agree.
 */
import type { SpeechChunk } from '../../media/speech.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { LOOK_AHEAD_S } from './phoneme-mouth.ts';
import { SpeechPerformer, type SpeechPerformerOptions } from './speech-performer.ts';

export class SpeechMotion {
  #performer: SpeechPerformer;

  constructor(options: SpeechPerformerOptions) {
    this.#performer = new SpeechPerformer(options);
  }

  /** @returns the frames that this chunk made final. */
  push(chunk: SpeechChunk): MotionFrame[] {
    this.#performer.pushSpeech(chunk);
    return this.#framesUntil(this.#performer.knownS - LOOK_AHEAD_S);
  }

  /** @returns the frames up to the end of the sound; the driver is used up. */
  finish(): MotionFrame[] {
    return this.#framesUntil(this.#performer.knownS);
  }

  #framesUntil(endS: number): MotionFrame[] {
    const frames: MotionFrame[] = [];
    while (this.#performer.timeS < endS - 1e-6) frames.push(this.#performer.next());
    return frames;
  }
}

/** Frames for speech that arrives in chunks. */
export async function* motionFromSpeech(
  chunks: AsyncIterable<SpeechChunk> | Iterable<SpeechChunk>,
  options: SpeechPerformerOptions,
): AsyncGenerator<MotionFrame> {
  const driver = new SpeechMotion(options);
  for await (const chunk of chunks) yield* driver.push(chunk);
  yield* driver.finish();
}
