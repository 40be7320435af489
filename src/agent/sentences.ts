/**
 * An answer cut into what a synthesiser speaks at once. In: text and stage directions as they come; out: sentences, each with the directions
 * that stand in it by character, as they are read: without marks of Markdown. While an answer is still being thought of, its first clause is given out before its first sentence is there.
 */
import { plainText } from './plain-text.ts';
import { endsSentence } from './sentence-ends.ts';
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
/** What is for the eye alone, and may still be going on: code, remarks, styles. */
const HIDDEN =
  /```[\s\S]*?(?:```|$)|~~~[\s\S]*?(?:~~~|$)|<!--[\s\S]*?(?:-->|$)|<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi;
/** A link whose text or address is still being written, or an address. */
const OPEN_LINK = /\[[^\]\n]{0,200}$|\]\([^)\s]{0,2000}$|(?:https?:\/\/|www\.)\S{0,2000}$/;

export class Sentences {
  private text = '';
  private directions: { atCharacter: number; direction: StageDirection }[] = [];
  private hasSpoken = false;
  /** What comes next begins a line; undefined where the whole may be one line. */
  private isLineStart: boolean | undefined;
  private isEnding = false;

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
    this.isEnding = true;
    const lines = this.complete();
    this.isEnding = false;
    if (this.text.trim() !== '' || this.directions.length > 0) {
      const line = this.cut(this.text.length);
      if (line.text !== '' || line.directions.length > 0) lines.push(line);
    }
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
    const hidden = [...text.matchAll(HIDDEN)].map(({ index, 0: all }) => ({ from: index, to: index + all.length }));
    const isHidden = (at: number): boolean => hidden.some(({ from, to }) => from < at && at <= to);
    const cutShort = (end: number): number =>
      hidden.some(({ from }) => from < end) ? end : Math.min(end, cutLong(text, end));
    for (const { index, 0: mark } of text.matchAll(END)) {
      const end = index + mark.length;
      if (isHidden(end)) continue;
      if (mark.includes('\n')) return cutShort(end);
      if (isInsideLink(text, index)) continue;
      const isOver = mark.startsWith('.')
        ? endsSentence(text.slice(0, index + 1), text.slice(end).trimStart(), this.isEnding)
        : true;
      if (isOver === 'unsure') return 0;
      if (isOver) return cutShort(end);
    }
    if (!this.hasSpoken)
      for (const { index, 0: mark } of text.matchAll(CLAUSE))
        if (index + mark.length >= MIN_FIRST_CHARS && !isInsideLink(text, index) && !isHidden(index + mark.length))
          return index + mark.length;
    if (text.length <= MAX_CHARS || (hidden.length > 0 && !this.isEnding)) return 0;
    const cut = cutLong(text, text.length);
    // An address is said as a whole, however long it is; its end may still come.
    if (cut < text.length || this.isEnding || !OPEN_LINK.test(text)) return cut;
    return 0;
  }

  private cut(at: number): Extract<Line, { kind: 'sentence' }> {
    const piece = this.text.slice(0, at);
    const plain = plainText(piece, this.isLineStart === undefined ? {} : { isLineStart: this.isLineStart });
    if (piece !== '') this.isLineStart = /\n\s*$/.test(piece);
    const text = plain.text.trim();
    const lead = plain.text.length - plain.text.trimStart().length;
    const placeOf = (atCharacter: number): number => {
      const found = plain.origins.findIndex((origin) => origin >= atCharacter);
      return found < 0 ? plain.text.length : found;
    };
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
        atCharacter: Math.min(Math.max(0, placeOf(atCharacter) - lead), text.length),
        direction,
      })),
    };
  }
}

/** Whether a mark stands in the text or the address of a link. */
function isInsideLink(text: string, at: number): boolean {
  const before = text.slice(0, at);
  const after = text.slice(at);
  const open = /\[[^\]\n]{0,200}$/.exec(before);
  if (open && /^[^\]\n]{0,200}\]\(/.test(after)) return true;
  // What is opened and never closed is no link; it may be that it still comes.
  if (open && /^[^\]\n]{0,200}\]?$/.test(after) && text.length - open.index < 400) return true;
  return /\]\([^)\s]{0,2000}$/.test(before) && !/^\s/.test(after);
}

/** The end of the sentence, or the last good place before it grows too long. */
function cutLong(text: string, end: number): number {
  if (end <= MAX_CHARS) return end;
  const head = text.slice(0, MAX_CHARS);
  for (const mark of [CLAUSE, /\s/gu]) {
    const last = [...head.matchAll(mark)].at(-1);
    if (last && last.index > MAX_CHARS / 3) return last.index + last[0].length;
  }
  // Not within an address.
  const address = /(?:https?:\/\/|www\.|\]\()\S{0,2000}$/.exec(head);
  if (address) return address.index > 0 ? address.index : text.slice(0, end).search(/\s|$/);
  return MAX_CHARS;
}
