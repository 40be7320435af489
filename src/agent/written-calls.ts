/**
 * Functions that a model without tool support calls by writing JSON where its answer should be: `{"name": "hours", "arguments": {…}}`. In: the
 * beginning of an answer; out: whether such a call begins there, and where it ends.
 */

const CALL =
  /^\s*\[?\s*\{\s*"(?:type"\s*:\s*"function"\s*,\s*")?(?:function"\s*:\s*\{|(?:name|function|tool|tool_name|action)"\s*:\s*"[\w.:-]{1,64}"\s*,\s*"(?:arguments|parameters|args|kwargs|input|tool_input|action_input)"\s*:)/;
/** So much of it may have come. */
const BEGUN = /^\s*(?:\[\s*|\[?\s*\{\s*(?:"[^{}]{0,160})?)$/;

/** @param isWhole nothing more comes. */
export function beginsCall(text: string, isWhole: boolean): boolean | 'unsure' {
  if (CALL.test(text)) return true;
  return !isWhole && BEGUN.test(text) ? 'unsure' : false;
}

/** Looks for the end of a call in pieces. */
export class CallEnd {
  private depth = 0;
  private isInText = false;
  private isEscaped = false;

  /** @returns where it ends in this piece; undefined where it does not. */
  find(piece: string): number | undefined {
    for (let at = 0; at < piece.length; at++) {
      const char = piece[at]!;
      if (this.isEscaped) this.isEscaped = false;
      else if (this.isInText && char === '\\') this.isEscaped = true;
      else if (char === '"') this.isInText = !this.isInText;
      else if (this.isInText) continue;
      else if (char === '{' || char === '[') this.depth++;
      else if ((char === '}' || char === ']') && --this.depth === 0) return at + 1;
    }
    return undefined;
  }
}
