/**
 * What was said in a call, as lines to read. In: the messages of a conversation in their order; out: a new list of lines for each. Pure.
 * What the caller says grows until it is final; what the face says grows sentence by sentence and is cut where it was interrupted.
 */
import type { CaptionMessage, HeardMessage, TurnMessage } from '../src/signaling/protocol.ts';

export interface Line {
  /** Never changes; newer lines have larger ones. */
  key: number;
  /** A visitor is somebody else in the same room. */
  who: 'caller' | 'visitor' | 'face' | 'note';
  text: string;
  /** More may come. */
  isOpen: boolean;
  wasInterrupted: boolean;
  turnId?: number;
}

const MAX_LINES = 200;

const nextKey = (lines: readonly Line[]): number => (lines.at(-1)?.key ?? 0) + 1;

function add(lines: readonly Line[], line: Omit<Line, 'key' | 'wasInterrupted'>): Line[] {
  return [...lines, { key: nextKey(lines), wasInterrupted: false, ...line }].slice(-MAX_LINES);
}

function change(lines: readonly Line[], key: number, part: Partial<Line>): Line[] {
  return lines.map((line) => (line.key === key ? { ...line, ...part } : line));
}

/** A voice, understood so far: the caller's own, or another visitor's. */
export function withHeard(lines: readonly Line[], { text, isFinal, isOthers }: HeardMessage): Line[] {
  const speaker = isOthers ? 'visitor' : 'caller';
  const open = lines.findLast(({ who, isOpen }) => who === speaker && isOpen);
  if (!text.trim()) return open && isFinal ? lines.filter(({ key }) => key !== open.key) : [...lines];
  if (open) return change(lines, open.key, { text, isOpen: !isFinal });
  return add(lines, { who: speaker, text, isOpen: !isFinal });
}

export function withTyped(lines: readonly Line[], text: string): Line[] {
  return add(lines, { who: 'caller', text, isOpen: false });
}

export function withNote(lines: readonly Line[], text: string): Line[] {
  const last = lines.at(-1);
  return last?.who === 'note' && last.text === text ? [...lines] : add(lines, { who: 'note', text, isOpen: false });
}

/** Words of the face. */
export function withCaption(lines: readonly Line[], { turnId, text }: CaptionMessage): Line[] {
  const line = lines.findLast((other) => other.turnId === turnId);
  if (!line) return add(lines, { who: 'face', text, isOpen: true, turnId });
  if (!line.isOpen) return [...lines];
  // A model that speaks by itself tells a sentence again as it grows.
  const isGrown = text.startsWith(line.text);
  return change(lines, line.key, { text: isGrown ? text : `${line.text} ${text}` });
}

/** A turn of the face begins or ends. Every call counts its turns anew: an older line of the same number is another call's. */
export function withTurn(lines: readonly Line[], message: TurnMessage): Line[] {
  if (message.state === 'started')
    return lines.map((line) => {
      const { turnId, ...rest } = line;
      return turnId === message.turnId ? { ...rest, isOpen: false } : line;
    });
  const line = lines.findLast((other) => other.turnId === message.turnId);
  if (!line) return [...lines];
  const wasInterrupted = message.interrupted === true;
  const text = wasInterrupted && message.heard !== undefined ? message.heard.trim() : line.text;
  if (wasInterrupted && text === '') return lines.filter(({ key }) => key !== line.key);
  return change(lines, line.key, { text, isOpen: false, wasInterrupted });
}
