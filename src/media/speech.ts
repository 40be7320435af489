/**
 * Speech as it leaves a synthesiser: sound together with what is being said when. Times are µs from the start of the
 * whole utterance (not of the chunk); phonemes are in order, and every instant that none covers is silence.
 */

/** One speech sound, in the IPA as the synthesiser writes it (diphthongs, affricates and length marks in one). */
export interface TimedPhoneme {
  ipa: string;
  /** For stops this is where the closure begins, not the burst. */
  startUs: number;
  endUs: number;
  /** Stops only, where known: the burst. Until then the mouth is shut. */
  releaseUs?: number;
  /** 0 unstressed, 1 secondary, 2 primary. */
  stress: 0 | 1 | 2;
}

export interface TimedWord {
  text: string;
  startUs: number;
  endUs: number;
}

/** A run of speech that follows the previous chunk without a gap. */
export interface SpeechChunk {
  /** Mono, [-1, 1]. */
  samples: Float32Array;
  sampleRateHz: number;
  startUs: number;
  phonemes: TimedPhoneme[];
  words: TimedWord[];
}
