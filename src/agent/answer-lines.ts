/** A brain's answer as lines to speak. In: pieces of text as they come; out: sentences with their directions. What the brain cannot say, a line of our own does. */
import type { Dialogue, Question } from './brain.ts';
import { type Line, Sentences } from './sentences.ts';
import { StageDirections } from './stage-directions.ts';

export interface Filler {
  text: string;
  /** Resolves when it is time; rejects with the signal. */
  due: (signal: AbortSignal) => Promise<void>;
}

export interface AnswerParts {
  dialogue: Dialogue;
  question: Question;
  /** Spoken instead of what is missing when the brain fails. */
  fallback: string;
  /** Said once where the brain works for so long before it has said anything. */
  filler: Filler | undefined;
  onFirstPiece: () => void;
  /** Hand-off and goodbye concern the call, not the face. */
  onWish: (wish: 'hand-off' | 'goodbye') => void;
  onFailure: (error: unknown) => void;
}

export async function* answerLines(parts: AnswerParts): AsyncGenerator<Line> {
  const { question, fallback, onFirstPiece, onFailure } = parts;
  const { signal } = question;
  const directions = new StageDirections();
  const sentences = new Sentences();
  let isFirst = true;
  let hasLines = false;
  try {
    for await (const piece of withFiller(parts)) {
      signal.throwIfAborted();
      if (typeof piece !== 'string') {
        if (!hasLines) yield* piece;
        continue;
      }
      if (isFirst) onFirstPiece();
      isFirst = false;
      for (const part of directions.push(piece)) {
        const lines = wished(sentences.push(part), parts);
        hasLines ||= lines.length > 0;
        yield* lines;
      }
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

/** The brain's pieces, and a line of our own where it looks something up for long. */
async function* withFiller({ dialogue, question, filler }: AnswerParts): AsyncGenerator<string | Line[]> {
  const over = new AbortController();
  const until = AbortSignal.any([question.signal, over.signal]);
  let working = (): void => {};
  const isLate = new Promise<'late'>((resolve) => {
    working = () =>
      void filler?.due(until).then(
        () => resolve('late'),
        () => {}, // not needed any more
      );
  });
  const iterator = dialogue.answer({ ...question, signal: until, working: () => working() })[Symbol.asyncIterator]();
  let hasSaid = filler === undefined;
  try {
    for (let next = iterator.next(); ; ) {
      const result = hasSaid ? await next : await Promise.race([next, isLate]);
      if (result === 'late') {
        hasSaid = true;
        yield [{ kind: 'sentence', text: filler!.text, directions: [], isAside: true }];
        continue;
      }
      if (result.done) return;
      yield result.value;
      next = iterator.next();
    }
  } finally {
    over.abort();
    await iterator.return?.();
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
