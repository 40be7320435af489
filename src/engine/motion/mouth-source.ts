/**
 * The interface of whatever says what the mouth does: timed phonemes (`phoneme-mouth.ts`) or a network that listens.
 * Times are seconds on the performer's clock.
 */
import type { SpeechChunk } from '../../media/speech.ts';
import type { MouthState } from './coarticulation.ts';

export interface MouthCue {
  mouth: MouthState;
  /** 0…1.2, as the jaw follows it. */
  loudness: number;
  isSpeaking: boolean;
  /** Strength of a stress that begins within `windowS` from here, 0…1. */
  emphasis: number;
}

export interface MouthSource {
  /** @param originS when the chunk's utterance begins on the performer's clock. */
  push(chunk: SpeechChunk, originS: number): void;
  /** @param windowS length of the instant asked for: a frame or a tick. */
  at(timeS: number, windowS: number): MouthCue;
  /** Drops all speech, said and unsaid. */
  clear(): void;
  /** What lies before this will not be asked for again. */
  forgetBefore(timeS: number): void;
}
