/**
 * Stage directions in an answer: `[happy]`, `[look left]`, `[pause 400]`. In: pieces of text as they come, cut anywhere. Out: text to speak
 * and directions to act on, in order. A bracket of words is a direction and never spoken, even an unknown one (`[laughs]`); one that cannot be
 * (`[1]`, `[see](https://…)`, unclosed, longer than a few words) stays text. Code between ``` fences is for the
 * eye and left out. However the pieces are cut, the result is the same.
 */
import { EMOTIONS, type Emotion } from '../engine/controls.ts';

const GAZES = ['left', 'right', 'up', 'down', 'away', 'me'] as const;
/** `me` is the one who is spoken to. */
export type GazeTarget = (typeof GAZES)[number];

export type StageDirection =
  | { kind: 'emotion'; emotion: Emotion /** 0 … 1 */; weight: number }
  | { kind: 'look'; at: GazeTarget }
  | { kind: 'pause'; durationMs: number }
  /** A human shall take over. */
  | { kind: 'handoff' }
  /** The call ends after this answer. */
  | { kind: 'goodbye' };

export type AnswerPart = { kind: 'text'; text: string } | { kind: 'direction'; direction: StageDirection };

const DEFAULT_WEIGHT = 0.7;
const DEFAULT_PAUSE_MS = 400;
const MAX_PAUSE_MS = 3000;
const MAX_BRACKET_CHARS = 40;
const FENCE = '```';
/** What may be a direction: one to five words, perhaps with a number. */
const DIRECTION = /^\s*\p{L}[\p{L}'’-]*(?:[\s:,=]+(?:\p{L}[\p{L}'’-]*|\d*\.?\d+\s*(?:%|ms|s)?)){0,4}\s*$/u;

/** Words that language models write for one of ours. */
const SAME_AS: Record<string, string> = {
  ...{
    smile: 'happy',
    smiles: 'happy',
    smiling: 'happy',
    joy: 'happy',
    joyful: 'happy',
    cheerful: 'happy',
    warm: 'happy',
  },
  ...{ surprise: 'surprised', amazed: 'surprised', sadness: 'sad', sorry: 'sad', concerned: 'sad', anger: 'angry' },
  ...{ calm: 'neutral', serious: 'neutral', handoff: 'hand off', 'hand over': 'hand off', bye: 'goodbye' },
};

/** One answer's parser. */
export class StageDirections {
  /** From an open bracket on: not yet known to be text or direction. */
  #held = '';
  /** The last text ended with a space, or there was none yet. */
  #isAfterSpace = true;
  /** Where a direction stood between two spaces, one remains. */
  #isAfterDirection = true;
  /** Backquotes in a row, not yet given out. */
  #ticks = 0;
  #isInCode = false;

  /** @param piece any part of the answer, also half a bracket. @returns what is certain by now. */
  push(piece: string): AnswerPart[] {
    const parts: AnswerPart[] = [];
    for (const char of piece) this.#take(char, parts);
    return parts;
  }

  /** Nothing more comes. @returns what was held back. */
  end(): AnswerPart[] {
    const parts: AnswerPart[] = [];
    const ticks = '`'.repeat(this.#ticks);
    this.#ticks = 0;
    if (!this.#isInCode) for (const each of ticks) this.#read(each, parts);
    this.#settle(parts);
    return parts;
  }

  /** Decides about what is held when nothing more belongs to it. */
  #settle(parts: AnswerPart[]): void {
    const direction = isClosed(this.#held) ? this.#inHeld() : undefined;
    if (direction === undefined) this.#release(parts);
    this.#held = '';
  }

  #take(char: string, parts: AnswerPart[]): void {
    if (char === '`') {
      if (++this.#ticks < FENCE.length) return;
      this.#ticks = 0;
      if (this.#held !== '') this.#settle(parts);
      this.#isInCode = !this.#isInCode;
      return;
    }
    const ticks = '`'.repeat(this.#ticks);
    this.#ticks = 0;
    if (this.#isInCode) return;
    for (const each of ticks + char) this.#read(each, parts);
  }

  #read(char: string, parts: AnswerPart[]): void {
    // A closed bracket that waited: in front of a parenthesis it is the text of a link, otherwise an unknown direction.
    if (isClosed(this.#held)) {
      if (char === '(') this.#release(parts);
      else this.#drop();
    }
    if (char === '[') {
      this.#release(parts);
      this.#held = '[';
      return;
    }
    if (this.#held === '') {
      this.#say(char, parts);
      return;
    }
    this.#held += char;
    if (char === ']') {
      const direction = this.#inHeld();
      if (direction === undefined) this.#release(parts);
      else if (direction !== 'unknown') {
        parts.push({ kind: 'direction', direction });
        this.#drop();
      }
    } else if (char === '\n' || this.#held.length > MAX_BRACKET_CHARS) this.#release(parts);
  }

  #inHeld(): StageDirection | 'unknown' | undefined {
    const inside = this.#held.slice(1, -1);
    return DIRECTION.test(inside) ? (readDirection(inside) ?? 'unknown') : undefined;
  }

  #drop(): void {
    this.#held = '';
    this.#isAfterDirection = true;
  }

  #release(parts: AnswerPart[]): void {
    const text = this.#held;
    this.#held = '';
    if (text !== '') this.#say(text, parts);
  }

  #say(text: string, parts: AnswerPart[]): void {
    const isSpace = text === ' ';
    if (isSpace && this.#isAfterSpace && this.#isAfterDirection) return;
    this.#isAfterSpace = isSpace || text === '\n';
    this.#isAfterDirection = false;
    const last = parts.at(-1);
    if (last?.kind === 'text') last.text += text;
    else parts.push({ kind: 'text', text });
  }
}

const isClosed = (held: string): boolean => held.endsWith(']');

/** The parts of a whole answer. */
export function readStageDirections(answer: string): AnswerPart[] {
  const parser = new StageDirections();
  const parts = [...parser.push(answer), ...parser.end()];
  // What `end` releases belongs to the text before it.
  return parts.reduce<AnswerPart[]>((merged, part) => {
    const last = merged.at(-1);
    if (part.kind === 'text' && last?.kind === 'text') last.text += part.text;
    else merged.push(part);
    return merged;
  }, []);
}

/** The answer as it is heard, without its directions. */
export function withoutStageDirections(answer: string): string {
  return readStageDirections(answer)
    .map((part) => (part.kind === 'text' ? part.text : ''))
    .join('')
    .trim();
}

function readDirection(inside: string): StageDirection | undefined {
  const words = inside.toLowerCase().match(/\p{L}[\p{L}'’-]*/gu) ?? [];
  const number = /(\d*\.?\d+)\s*(%|ms|s)?/.exec(inside);
  const value = number ? Number(number[1]) : undefined;
  const unit = number?.[2];
  const [first = '', second = ''] = words.filter((word) => word !== 'emotion' && word !== 'ms' && word !== 's');
  if (first === 'pause' || first === 'wait') {
    const durationMs = value === undefined ? DEFAULT_PAUSE_MS : unit === 's' ? value * 1000 : value;
    return { kind: 'pause', durationMs: Math.min(Math.round(durationMs), MAX_PAUSE_MS) };
  }
  if (first === 'look' || first === 'looks' || first === 'looking' || first === 'gaze') {
    const last = words.at(-1) ?? '';
    const at = /^(you|user|camera|visitor|caller)$/.test(last) ? 'me' : GAZES.find((gaze) => gaze === last);
    return at ? { kind: 'look', at } : undefined;
  }
  const name = SAME_AS[words.join(' ')] ?? SAME_AS[first] ?? (second === '' ? first : words.join(' '));
  if (name === 'hand off') return { kind: 'handoff' };
  if (name === 'goodbye') return { kind: 'goodbye' };
  const emotion = EMOTIONS.find((each) => each === name);
  if (!emotion) return undefined;
  const weight =
    value === undefined ? DEFAULT_WEIGHT : unit === '%' || value > 10 ? value / 100 : value > 1 ? value / 10 : value;
  return { kind: 'emotion', emotion, weight: Math.min(weight, 1) };
}
