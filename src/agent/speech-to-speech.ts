/**
 * The port of models that hear and answer in sound by themselves: the caller's voice in, the model's voice out. The model finds the ends of
 * the caller's turns; what was played of its own, it is told.
 */
import type { Caller } from './brain.ts';
import type { Health } from './health.ts';

export const LIVE_MODEL_RATE_HZ = 24_000;

export interface LiveModelListener {
  /** The caller has begun to speak: whatever is being said must stop. */
  speechStarted(): void;
  speechStopped(): void;
  /** What either side said; a later one with the same id replaces it. The id of an answer's words is the answer's. */
  transcript(line: { id: string; role: 'user' | 'assistant'; text: string; isFinal: boolean }): void;
  /** More of an answer, 24 kHz mono. A new id is a new answer. */
  sound(answerId: string, samples: Float32Array): void;
  /** All of its sound has come: called for every answer that was not interrupted, because the next one waits for its end. */
  answerEnded(answerId: string): void;
  /** The connection is lost for good, or refused. Called once. */
  failed(error: Error): void;
}

export interface LiveConversation extends AsyncDisposable {
  /** @param samples 24 kHz mono, [-1, 1]. */
  hear(samples: Float32Array): void;
  /** A typed turn. */
  say(text: string): void;
  /** An answer was cut off after so much of it had been played: the model forgets the rest. */
  interrupted(answerId: string, playedMs: number): void;
}

export interface LiveModel extends AsyncDisposable {
  readonly name: string;
  open(listener: LiveModelListener, caller?: Caller): LiveConversation;
  check(signal: AbortSignal): Promise<Health>;
}
