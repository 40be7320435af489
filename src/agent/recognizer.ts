/** The port every speech recogniser stands behind: one `Hearing` per utterance, from its first sound (as the VAD says) to its last. */
import type { Health } from './health.ts';

export const RECOGNIZER_RATE_HZ = 16_000;

export interface Transcript {
  text: string;
  /** BCP 47 tag, where the recogniser tells. */
  language?: string;
}

export interface HearingOptions {
  /** BCP 47 tag of what is expected; missing: the recogniser finds out. */
  language?: string;
  /** Ends the work for this utterance; nothing is billed afterwards. */
  signal: AbortSignal;
  /** What is understood so far; each replaces the one before. */
  onPartial?: (partial: Transcript) => void;
}

export interface Hearing {
  /** @param samples 16 kHz mono, [-1, 1], of any length. */
  push(samples: Float32Array): void;
  /**
   * Nothing more comes. @returns what was said; empty text where nothing was.
   * @throws AppError RECOGNIZER_UNAVAILABLE; the signal's reason when aborted.
   */
  finish(): Promise<Transcript>;
}

export interface Recognizer extends AsyncDisposable {
  readonly name: string;
  open(options: HearingOptions): Hearing;
  check(signal: AbortSignal): Promise<Health>;
}
