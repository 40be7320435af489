/**
 * Some models think aloud before they answer. In: text pieces cut anywhere; out: the answer without thoughts (`thought-marks.ts`) and without
 * the white space after them. Where a model's template opens the thought itself, only its end is seen: everything before it was thought, and
 * the filter waits for that end until it is told that none will come.
 */
import { nextMark, openingPhrase, openMarkLength } from './thought-marks.ts';
import { beginsCall, CallEnd } from './written-calls.ts';

/** What the text is now: said, or hidden until this ends it. */
type State = 'said' | 'mark' | 'fence' | 'phrase' | 'header' | 'channel' | 'call';

/** Channels that are not for the caller. */
const HIDDEN_CHANNEL = /^\s*(?:analysis|commentary)\b/i;
const FENCE_END = '```';

export class ThoughtFilter {
  /** Read, and not yet known to be text or mark. */
  private held = '';
  private state: State = 'said';
  /** Marks that are open. */
  private depth = 0;
  private header = '';
  private phraseEnd = '';
  private callEnd = new CallEnd();
  /** The mark that is open is of those that may be words. */
  private isSoft = false;
  /** Since one of several marks was closed, or behind a phrase: where the end never comes, they were words. */
  private afterInner: string | undefined;
  /** White space after a thought is not the beginning of the answer. */
  private isFresh = true;
  private hasSaid = false;
  private isWaiting: boolean;
  private out = '';

  /** An end without a beginning has been seen. */
  hasUnopenedThoughts = false;

  /** @param waitsForEnd whether a thought may be under way from the first character on. */
  constructor({ waitsForEnd = true } = {}) {
    this.isWaiting = waitsForEnd;
  }

  /** Text that may turn out to have been thought. */
  get waitingText(): string {
    return this.isWaiting ? this.out : '';
  }

  push(piece: string): string {
    this.read(this.held + piece, false);
    return this.isWaiting ? '' : this.taken();
  }

  /** No end of a thought is waited for any longer. */
  release(): string {
    this.isWaiting = false;
    return this.taken();
  }

  /** Nothing more comes. @returns what was held back because it might have become a mark or a thought. */
  flush(): string {
    this.read(this.held, true);
    if ((this.state === 'mark' || this.state === 'phrase') && this.afterInner !== undefined) {
      this.show();
      this.say(this.afterInner);
    }
    return this.release();
  }

  private taken(): string {
    const { out } = this;
    this.out = '';
    return out;
  }

  private read(text: string, isWhole: boolean): void {
    let rest = text;
    this.held = '';
    while (rest !== '') {
      if (this.state === 'said' && !this.hasSaid) {
        const phrase = openingPhrase(rest, isWhole);
        const call = beginsCall(rest, isWhole);
        if (phrase === 'unsure' || call === 'unsure') {
          this.held = rest;
          return;
        }
        if (call) {
          this.hide('call');
          this.callEnd = new CallEnd();
        } else if (phrase !== undefined) {
          this.hide('phrase');
          this.phraseEnd = phrase.close;
          if (phrase.mayBeAnswer) this.afterInner = '';
          rest = rest.slice(phrase.end);
        }
      }
      const next = this.step(rest);
      if (next === undefined) break;
      rest = next;
    }
    const keep = isWhole ? 0 : this.openLength(rest);
    this.take(rest.slice(0, rest.length - keep));
    this.held = rest.slice(rest.length - keep);
  }

  /** Reads up to the end of the next mark. @returns what is behind it; undefined where there is none. */
  private step(text: string): string | undefined {
    if (this.state === 'call') {
      const end = this.callEnd.find(text);
      if (end === undefined) return undefined;
      this.show();
      return text.slice(end);
    }
    const end = this.endOfHidden();
    if (end !== undefined) {
      const at = text.toLowerCase().indexOf(end);
      if (at < 0) return undefined;
      this.show();
      return text.slice(at + end.length);
    }
    const mark = nextMark(text, 0);
    if (!mark) return undefined;
    this.take(text.slice(0, mark.at));
    switch (mark.kind) {
      case 'literal':
        this.take(text.slice(mark.at, mark.end));
        break;
      case 'open':
        this.open();
        break;
      case 'close':
        this.close();
        break;
      case 'soft open':
      case 'soft open in front':
        // Of a thought that the template may have opened it is a word.
        if (this.state !== 'said' || (this.hasSaid && (this.isWaiting || mark.kind === 'soft open in front')))
          this.take(text.slice(mark.at, mark.end));
        else {
          this.open();
          this.isSoft = true;
          this.afterInner = text.slice(mark.at, mark.end);
        }
        break;
      case 'soft close':
        if (this.state !== 'mark' || this.isSoft) this.close();
        break;
      case 'fence':
        if (this.state === 'said') this.hide('fence');
        break;
      case 'header':
        this.hide('header');
        break;
      case 'header line':
        this.hide('phrase');
        this.phraseEnd = '\n';
        break;
      case 'message':
        if (this.state === 'header' && HIDDEN_CHANNEL.test(this.header)) this.hide('channel');
        else this.show();
        break;
      case 'message end':
        if (this.state === 'channel' || this.state === 'header') this.show();
        break;
    }
    return text.slice(mark.end);
  }

  private endOfHidden(): string | undefined {
    if (this.state === 'fence') return FENCE_END;
    return this.state === 'phrase' ? this.phraseEnd.toLowerCase() : undefined;
  }

  private openLength(text: string): number {
    if (this.state === 'call') return 0;
    const end = this.endOfHidden();
    if (end === undefined) return openMarkLength(text);
    const lower = text.toLowerCase();
    for (let length = Math.min(text.length, end.length - 1); length > 0; length--)
      if (end.startsWith(lower.slice(-length))) return length;
    return 0;
  }

  private take(text: string): void {
    if (this.state === 'said') this.say(text);
    else if (this.state === 'header') this.header += text;
    else if (this.afterInner !== undefined) this.afterInner += text;
  }

  private say(text: string): void {
    const shown = this.isFresh ? text.trimStart() : text;
    if (shown === '') return;
    this.isFresh = false;
    this.hasSaid = true;
    this.out += shown;
  }

  private open(): void {
    if (this.state === 'mark') {
      this.depth++;
      this.afterInner = undefined;
    } else {
      this.hide('mark');
      this.isSoft = false;
      this.depth = 1;
    }
  }

  private close(): void {
    if (this.state === 'mark') {
      if (--this.depth === 0) this.show();
      else this.afterInner = '';
    } else if (this.state === 'said') {
      // Of a thought that the template had opened.
      this.hasUnopenedThoughts = true;
      if (this.isWaiting) this.out = '';
      this.isWaiting = false;
      this.isFresh = true;
    }
  }

  private hide(state: Exclude<State, 'said'>): void {
    // A beginning has been seen: nothing before it was thought.
    this.isWaiting = false;
    this.state = state;
    this.header = '';
    this.afterInner = undefined;
  }

  private show(): void {
    this.state = 'said';
    this.depth = 0;
    this.isFresh = true;
  }
}
