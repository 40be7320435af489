/**
 * An answer cut into what a synthesiser speaks at once. In: text and stage directions as they come; out: sentences, each with the directions
 * that stand in it by character. While an answer is still being thought of, its first clause is given out before its first sentence is there.
 */
import type { SpeechRun } from './ssml.ts';
import type { AnswerPart, StageDirection } from './stage-directions.ts';

export type Line =
  | {
      kind: 'sentence';
      text: string;
      directions: { atCharacter: number; direction: StageDirection }[];
      /** Said, but no part of the answer: it is not remembered. */
      isAside?: true;
      /** Where it is spoken otherwise than the rest: percentages of that. */
      options?: Extract<SpeechRun, { kind: 'text' }>['options'];
    }
  | { kind: 'pause'; durationMs: number };

/** A first clause shorter than this sounds chopped off. */
const MIN_FIRST_CHARS = 12;
/** What is longer is cut at a clause mark, or between words. */
const MAX_CHARS = 220;
/** A sentence's end, with what may follow it before the space. Scripts without spaces end where their mark stands. */
const END = /[.!?…]+["'”’»)\]]*\s|[。！？]["'”’」』）]*|\n+/gu;
const CLAUSE = /[,;:–—]["'”’»)]*\s|[、，；：]/gu;
/** Their full stop ends no sentence. */
const ABBREVIATION =
  /(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|nr|vs|etc|e\.g|i\.e|z\.\s?b|d\.\s?h|bzw|ca|tel|str|hr|fr|sr|sra|mme|\p{L})\.$/iu;

export class Sentences {
  private text = '';
  private directions: { atCharacter: number; direction: StageDirection }[] = [];
  private hasSpoken = false;

  push(part: AnswerPart): Line[] {
    if (part.kind === 'text') {
      this.text += part.text;
      return this.complete();
    }
    const { direction } = part;
    if (direction.kind !== 'pause') {
      this.directions.push({ atCharacter: this.text.length, direction });
      return [];
    }
    return [...this.end(), { kind: 'pause', durationMs: direction.durationMs }];
  }

  /** Nothing more comes. */
  end(): Line[] {
    const lines = this.complete();
    if (this.text.trim() !== '' || this.directions.length > 0) lines.push(this.cut(this.text.length));
    return lines;
  }

  private complete(): Line[] {
    const lines: Line[] = [];
    for (let at = this.nextCut(); at > 0; at = this.nextCut()) {
      const line = this.cut(at);
      if (line.text !== '' || line.directions.length > 0) lines.push(line);
    }
    return lines;
  }

  /** Where the first piece ends that can be spoken now; 0: nowhere yet. */
  private nextCut(): number {
    const { text } = this;
    for (const { index, 0: mark } of text.matchAll(END)) {
      const end = index + mark.length;
      if (mark.includes('\n') || !ABBREVIATION.test(text.slice(0, index + 1))) return Math.min(end, cutLong(text, end));
    }
    if (!this.hasSpoken)
      for (const { index, 0: mark } of text.matchAll(CLAUSE))
        if (index + mark.length >= MIN_FIRST_CHARS) return index + mark.length;
    return text.length > MAX_CHARS ? cutLong(text, text.length) : 0;
  }

  private cut(at: number): Extract<Line, { kind: 'sentence' }> {
    const piece = this.text.slice(0, at);
    const text = piece.trim();
    const lead = piece.length - piece.trimStart().length;
    const isLast = at === this.text.length;
    const within = this.directions.filter(({ atCharacter }) => atCharacter < at || (isLast && atCharacter === at));
    this.directions = this.directions
      .filter((one) => !within.includes(one))
      .map(({ atCharacter, direction }) => ({ atCharacter: atCharacter - at, direction }));
    this.text = this.text.slice(at);
    this.hasSpoken ||= text !== '';
    return {
      kind: 'sentence',
      text,
      directions: within.map(({ atCharacter, direction }) => ({
        atCharacter: Math.min(Math.max(0, atCharacter - lead), text.length),
        direction,
      })),
    };
  }
}

/** The end of the sentence, or the last good place before it grows too long. */
function cutLong(text: string, end: number): number {
  if (end <= MAX_CHARS) return end;
  const head = text.slice(0, MAX_CHARS);
  for (const mark of [CLAUSE, /\s/gu]) {
    const last = [...head.matchAll(mark)].at(-1);
    if (last && last.index > MAX_CHARS / 3) return last.index + last[0].length;
  }
  return MAX_CHARS;
}
