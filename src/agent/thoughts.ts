/**
 * Some models think aloud before they answer, in `<think>…</think>`. In: text pieces cut anywhere; out: the same without what is between
 * the tags and without the white space after them.
 */
const OPEN = '<think>';
const CLOSE = '</think>';

export class ThoughtFilter {
  private held = '';
  private isThinking = false;
  /** White space after a thought is not the beginning of the answer. */
  private isFresh = true;

  push(piece: string): string {
    let text = this.held + piece;
    let spoken = '';
    for (;;) {
      const tag = this.isThinking ? CLOSE : OPEN;
      const at = text.indexOf(tag);
      if (at < 0) {
        const keep = heldLength(text, tag);
        if (!this.isThinking) spoken += this.said(text.slice(0, text.length - keep));
        this.held = text.slice(text.length - keep);
        return spoken;
      }
      if (!this.isThinking) spoken += this.said(text.slice(0, at));
      text = text.slice(at + tag.length);
      this.isFresh ||= this.isThinking;
      this.isThinking = !this.isThinking;
    }
  }

  /** What was held back because it might have become a tag. */
  flush(): string {
    const rest = this.isThinking ? '' : this.said(this.held);
    this.held = '';
    return rest;
  }

  private said(text: string): string {
    const shown = this.isFresh ? text.trimStart() : text;
    if (shown !== '') this.isFresh = false;
    return shown;
  }
}

/** Length of the longest end of the text that begins the tag. */
function heldLength(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--)
    if (tag.startsWith(text.slice(-length))) return length;
  return 0;
}
