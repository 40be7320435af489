/**
 * The port every answering brain stands behind: what was said so far in, the answer out, piece by piece. The answer is plain text with stage
 * directions in square brackets (`stage-directions.ts`), which are acted on and never spoken.
 */
import type { Health } from './health.ts';

/** One side's words. What the assistant said is cut to what was heard. */
export interface Utterance {
  role: 'user' | 'assistant';
  text: string;
}

export interface Question {
  /** Oldest first; the last one is the user's. */
  history: readonly Utterance[];
  /** BCP 47 tag of what the user speaks, where it is known. */
  language?: string;
  signal: AbortSignal;
  /** Called when something is looked up that may take its time. */
  working?: () => void;
}

/** Who is talked with, as operators know them: the same name as in the log and in the speech API. */
export interface Caller {
  sessionId: string;
  /** What the face is called that the caller sees; undefined: it has no name, and introduces itself by none. */
  faceName?: string | undefined;
}

/** One caller's conversation; whatever a brain remembers of it lives and ends here. */
export interface Dialogue {
  /**
   * Text in pieces of any length, as they come.
   *
   * @throws AppError BRAIN_UNAVAILABLE when no answer can be had; the signal's reason when aborted, by which all work for it has ended.
   */
  answer(question: Question): AsyncIterable<string>;
}

export interface Brain extends AsyncDisposable {
  readonly name: string;
  open(caller?: Caller): Dialogue;
  check(signal: AbortSignal): Promise<Health>;
}
