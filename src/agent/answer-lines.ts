/** A brain's answer as lines to speak. In: pieces of text as they come; out: sentences with their directions. What the brain cannot say, a line of our own does. */
import type { Dialogue, Question } from './brain.ts';
import { type Line, Sentences } from './sentences.ts';
import { StageDirections } from './stage-directions.ts';

export interface AnswerParts {
  dialogue: Dialogue;
  question: Question;
  /** Spoken instead of what is missing when the brain fails. */
  fallback: string;
  onFirstPiece: () => void;
  /** Hand-off and goodbye concern the call, not the face. */
  onWish: (wish: 'hand-off' | 'goodbye') => void;
  onFailure: (error: unknown) => void;
}

export async function* answerLines(parts: AnswerParts): AsyncGenerator<Line> {
  const { dialogue, question, fallback, onFirstPiece, onFailure } = parts;
  const { signal } = question;
  const directions = new StageDirections();
  const sentences = new Sentences();
  let isFirst = true;
  try {
    for await (const piece of dialogue.answer(question)) {
      signal.throwIfAborted();
      if (isFirst) onFirstPiece();
      isFirst = false;
      for (const part of directions.push(piece)) yield* wished(sentences.push(part), parts);
    }
    for (const part of directions.end()) yield* wished(sentences.push(part), parts);
    yield* wished(sentences.end(), parts);
  } catch (error) {
    if (signal.aborted) throw error;
    onFailure(error);
    yield* sentences.end();
    yield* linesOf(fallback);
  }
}

function wished(lines: Line[], { onWish }: AnswerParts): Line[] {
  for (const line of lines) {
    if (line.kind === 'pause') continue;
    for (const { direction } of line.directions) {
      if (direction.kind === 'handoff') onWish('hand-off');
      if (direction.kind === 'goodbye') onWish('goodbye');
    }
  }
  return lines;
}

/** A text that is known as a whole. */
export function linesOf(text: string): Line[] {
  const sentences = new Sentences();
  return [...sentences.push({ kind: 'text', text }), ...sentences.end()];
}
