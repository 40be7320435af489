/**
 * A text that rules settle, run by run. In: patterns with what is said for their matches; out: the text in pieces, said as written or otherwise.
 * Every rule sees the whole text, so that none takes an edge of another's for the edge of it; what one has settled no other looks at.
 */

/** A run of the text: said as it is written, or otherwise. */
export interface SpokenPiece {
  written: string;
  spoken: string;
  /** Said otherwise than it is written. */
  isFixed: boolean;
}

/** @returns what is said; undefined: this is not what the rule is for. */
export type Replace = (match: RegExpExecArray, before: string) => string | undefined;
export type Rule = (pattern: RegExp, replace: Replace) => void;

export class Spans {
  private readonly text: string;
  private readonly spans: { start: number; end: number; spoken: string }[] = [];

  constructor(text: string) {
    this.text = text;
  }

  add(pattern: RegExp, replace: Replace): void {
    const { text } = this;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const start = match.index;
      const end = start + match[0].length;
      const taken = this.spans.find((span) => span.start < end && start < span.end);
      if (taken) {
        pattern.lastIndex = Math.max(start + 1, Math.min(taken.end, text.length));
        continue;
      }
      if (end === start) {
        pattern.lastIndex = end + 1;
        continue;
      }
      const before = /(\p{L}+)\s*$/u.exec(text.slice(Math.max(0, start - 40), start))?.[1] ?? '';
      const spoken = replace(match, before);
      if (spoken !== undefined) this.spans.push({ start, end, spoken });
    }
  }

  pieces(): SpokenPiece[] {
    const pieces: SpokenPiece[] = [];
    let at = 0;
    const keep = (until: number): void => {
      const written = this.text.slice(at, until);
      if (written !== '') pieces.push({ written, spoken: written, isFixed: false });
      at = until;
    };
    for (const { start, end, spoken } of this.spans.toSorted((a, b) => a.start - b.start)) {
      keep(start);
      pieces.push({ written: this.text.slice(start, end), spoken, isFixed: true });
      at = end;
    }
    keep(this.text.length);
    return pieces;
  }
}
