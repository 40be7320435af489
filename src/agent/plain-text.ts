/**
 * A written text as it is read: without the marks of Markdown and HTML. In: text of a model or a program, whole or one line of it; out: the same
 * words without their marks, with the way back from each character to where it was written. What only looks like a mark stays.
 */

export interface PlainText {
  text: string;
  /** Where each character of it was written. */
  origins: readonly number[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', shy: '', ndash: '–', mdash: '—', hellip: '…' },
  ...{ euro: '€', pound: '£', yen: '¥', cent: '¢', copy: '©', reg: '®', trade: '™', deg: '°', times: '×', middot: '·' },
  ...{ lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', bdquo: '„', laquo: '«', raquo: '»', bull: '•', frac12: '½' },
  ...{ auml: 'ä', ouml: 'ö', uuml: 'ü', Auml: 'Ä', Ouml: 'Ö', Uuml: 'Ü', szlig: 'ß', eacute: 'é', egrave: 'è' },
  ...{
    agrave: 'à',
    ccedil: 'ç',
    ntilde: 'ñ',
    ecirc: 'ê',
    ocirc: 'ô',
    aacute: 'á',
    oacute: 'ó',
    iacute: 'í',
    uacute: 'ú',
  },
};
/** Elements that end themselves. */
const VOID = /^(?:br|hr|img|input|wbr|meta|link)$/i;
/** Elements that may be written around words. */
const INLINE =
  /^(?:a|abbr|answer|assistant|b|big|cite|code|del|div|em|final|final_answer|font|h[1-6]|i|ins|kbd|li|mark|ol|output|p|pre|q|reply|response|s|small|span|strike|strong|sub|sup|td|th|tr|tt|u|ul)$/i;
const SHORTCODE = ':(?:[+-]1|[a-z][a-z0-9_]{1,40}(?:-[a-z0-9]{1,20}){0,4}):';
/** Marks that stand for themselves, in code or behind a backslash, are out of the way meanwhile. */
const MARKS = '*_~`#[]()<>|\\$&{}+-.!="';
const SHELTER = 0xe000;

/** @param isLineStart whether the text begins a line, where that is known: only there a number is one of a list. */
export function plainText(written: string, { isLineStart }: { isLineStart?: boolean } = {}): PlainText {
  if (!/:[+\-\w]+:|[*_~`#[\]<>|\\&$【•▪◦→←⇒=¹²³⁰⁴-⁹]|-{3,}|^\s*(?:[-+]|\d{1,2}[.)])\s/m.test(written))
    return { text: written, origins: identity(written.length) };
  const rewriter = new Rewriter(written);
  const rule = (pattern: RegExp, replace: (match: RegExpExecArray) => string | undefined): void =>
    rewriter.replace(pattern, replace);

  // Code is for the eye; words in it are words.
  rule(/```[\s\S]*?(?:```|$)|~~~[\s\S]*?(?:~~~|$)/g, () => ' ');
  rule(/(`{1,2})(?!`)([^`\n]+?)\1(?!`)/g, ([, , code]) => sheltered(code!.trim()));
  rule(/\\([\\`*_{}[\]()#+\-.!|~<>$])/g, ([, mark]) => sheltered(mark!));

  // Pictures fall silent; of a link its text is said.
  rule(/!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])/g, () => ' ');
  formulas(rule);
  rule(/\[([^[\]\n]+)\]\((?:[^()\n]|\([^()\n]*\))*\)/g, ([, text]) => text);
  rule(/\[([^[\]\n]+)\]\[[^\]\n]*\]/g, ([, text]) => text);
  rule(/\]\((?:https?:|mailto:|\/)[^()\s]*\)/g, () => '');
  rule(/<((?:https?:\/\/|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+)>/gi, ([, address]) => address!.replace(/^mailto:/i, ''));
  // In an address every sign counts.
  rule(/(?:https?:\/\/|www\.)[^\s<>"'*]*[^\s<>"'*).,;:!?\]]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gi, ([address]) =>
    sheltered(address),
  );
  rule(/\\$/gm, () => '');
  rule(/^\s*\[\^?[^\]\n]{1,40}\]:[ \t]*(?:https?:\/\/\S+.*|(.*))$/gm, ([, note]) => note ?? '');
  rule(/(?<=[\p{L}\p{N}.,;:!?"”’)])\[\^?[\w*†]{1,4}\]/gu, () => '');
  rule(/(?<=\p{L}{3}|[.,!?])[¹²³⁰⁴-⁹]+(?![\p{L}\p{N}])/gu, () => '');

  rule(/<!--[\s\S]*?(?:-->|$)|<(script|style)\b[^>]*>[\s\S]{0,20000}?<\/\1\s*>/gi, () => ' ');
  // Emoji by their names, as chat programs write them.
  rule(/[ \t]*<a?:\w{2,32}:\d{15,21}>/g, () => '');
  rule(
    new RegExp(`(?:[ \\t]|(?<![\\p{L}\\p{N}:/]))${SHORTCODE}(?:[ \\t]?${SHORTCODE})*(?![\\p{L}\\p{N}:/])`, 'gu'),
    () => '',
  );
  // Of what was looked up, where.
  rule(/【[^【】\n]*†[^【】\n]*】/g, () => '');
  const tags = tagNames(rewriter.text);
  rule(/<(\/?)([a-z][\w-]*)((?:\s[^<>\n]{0,200})?)\s*\/?>/gi, (match) =>
    isMarkup(match, tags) ? betweenWords(match) : undefined,
  );

  // A line of a list or a heading ends as a sentence does.
  rule(/^(?:[ \t]*[-*_=]){3,}[ \t]*$/gm, () => ' ');
  rule(
    /^([ \t]*(?:>[ \t]?)*)(?:#{1,6}[ \t]+|[-*+•▪◦][ \t]+(?:\[[ xX]\][ \t]+)?)(.*?)(?:[ \t]+#+)?[ \t]*$/gm,
    ([, , line]) => ended(line!),
  );
  if (isLineStart || written.includes('\n'))
    rule(/^([ \t]*)\d{1,2}[.)][ \t]+([*_`["“„]*\p{Lu}.*)$/gmu, (match) =>
      match.index === 0 && isLineStart === false ? undefined : ended(match[2]!),
    );
  rule(/^[ \t]*(?:>[ \t]?)+(.*)$/gm, ([, line]) => ended(line!));
  rule(/^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$/gm, () => ' ');
  rule(/^[ \t]*\|(.*?)\|?[ \t]*$/gm, ([, row]) => ended(cells(row!)));
  rule(/^(.*\S[ \t]*\|.*)\|[ \t]*$/gm, ([, row]) => ended(cells(row!)));

  rule(/(\*\*\*|\*\*|___|__|~~|==)(?=\S)([\s\S]*?\S)\1/g, ([, , text]) => text);
  rule(/(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\p{L}\p{N}*])/gu, ([, text]) => text);
  rule(/(?<![\p{L}\p{N}_])_(?=[^\s_])([^_\n]*[^\s_])_(?![\p{L}\p{N}_])/gu, ([, text]) => text);
  // Of a pair that another line has the rest of.
  rule(/(?<![\p{L}\p{N}])[*_]{1,3}(?=\p{L})|(?<=[\p{L}.,!?])[*]{1,3}(?!\S)|(?<=[.,!?])_{1,3}(?!\S)/gu, () => '');
  rule(/`+|\*{2,}|_{2,}|~{2,}/g, () => ' ');
  rule(/[→←⇒•▪◦]|(?<=\s)[-=]>(?=\s)|(?<=\s)<[-=](?=\s)/g, () => ' ');
  rule(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+\d{0,2}));/gi, ([, decimal, hex, name]) => entity(decimal, hex, name));
  return rewriter.unsheltered();
}

/** Signs of LaTeX that have one of their own, or a word. */
const LATEX: Readonly<Record<string, string>> = {
  ...{ times: '×', cdot: '·', div: '÷', pm: '±', approx: '≈', neq: '≠', leq: '≤', geq: '≥', le: '≤', ge: '≥' },
  ...{ to: ' ', rightarrow: ' ', infty: '∞', pi: 'π', alpha: 'α', beta: 'β', degree: '°', circ: '°', quad: ' ' },
  ...{ left: '', right: '', displaystyle: '', ldots: '…', dots: '…', percent: '%' },
};

/** Formulas without their marks; what is between two dollar signs that are money is none. */
function formulas(rule: (pattern: RegExp, replace: (match: RegExpExecArray) => string | undefined) => void): void {
  rule(/\\(?:text|mathrm|mathbf|mathit|operatorname|boxed|textbf)\{([^{}\n]*)\}/g, ([, words]) => words);
  rule(/\\d?frac\{([^{}\n]*)\}\{([^{}\n]*)\}/g, ([, above, below]) => `${above} / ${below}`);
  rule(/\\sqrt\{([^{}\n]*)\}/g, ([, inner]) => `√ ${inner}`);
  rule(/\\([a-z]+)(?![a-z{])/g, ([, name]) => LATEX[name!]);
  rule(/\$\$([^$]+)\$\$/g, ([, formula]) => formula);
  rule(
    /(?<![\p{L}\p{N}$])\$(?=[^\s$])([^$\n]{0,120}[=^_\\×·÷≈≤≥√][^$\n]{0,120})(?<=[^\s$])\$(?![\p{N}$])/gu,
    ([, formula]) => formula,
  );
}

const identity = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** A text that is rewritten rule by rule and remembers where everything came from. */
class Rewriter {
  text: string;
  private origins: number[];

  constructor(text: string) {
    this.text = text;
    this.origins = identity(text.length);
  }

  /** @param replace gives what stands in a match's place; undefined leaves it. */
  replace(pattern: RegExp, replace: (match: RegExpExecArray) => string | undefined): void {
    const parts: string[] = [];
    const origins: number[] = [];
    let at = 0;
    const keep = (until: number): void => {
      parts.push(this.text.slice(at, until));
      for (; at < until; at++) origins.push(this.origins[at]!);
    };
    for (const match of this.text.matchAll(pattern)) {
      const text = replace(match as RegExpExecArray);
      if (text === undefined) continue;
      keep(match.index);
      const inner = text === '' ? -1 : this.text.slice(match.index, match.index + match[0].length).indexOf(bare(text));
      for (let i = 0; i < text.length; i++)
        origins.push(this.origins[match.index + (inner < 0 ? 0 : Math.min(inner + i, match[0].length - 1))]!);
      parts.push(text);
      at = match.index + match[0].length;
    }
    if (at === 0) return;
    keep(this.text.length);
    this.text = parts.join('');
    this.origins = origins;
  }

  unsheltered(): PlainText {
    const text = this.text.replace(/[\ue000-\ue0ff]/g, (char) => {
      const mark = MARKS[char.charCodeAt(0) - SHELTER];
      return mark ?? char;
    });
    return { text, origins: this.origins };
  }
}

/** A replacement without the full stop that may have been put behind it. */
const bare = (text: string): string => (text.length > 1 && text.endsWith('.') ? text.slice(0, -1) : text);

const sheltered = (text: string): string =>
  [...text].map((char) => (MARKS.includes(char) ? String.fromCharCode(SHELTER + MARKS.indexOf(char)) : char)).join('');

function ended(line: string): string {
  const text = line.trimEnd();
  return text.trim() === '' || /[.!?:;,…。！？][*_"'”’)\]]*$/u.test(text) ? text : `${text}.`;
}

const cells = (row: string): string =>
  row
    .split('|')
    .map((cell) => cell.trim())
    .filter(Boolean)
    .join(', ');

function tagNames(text: string): { opened: Set<string>; closed: Set<string> } {
  const names = (pattern: RegExp): Set<string> =>
    new Set([...text.matchAll(pattern)].map(([, name]) => name!.toLowerCase()));
  return { opened: names(/<([a-z][\w-]*)[\s/>]/gi), closed: names(/<\/([a-z][\w-]*)\s*>/gi) };
}

/** A tag that is one of a pair, ends itself, or clings to a word; one that is spoken of stands between spaces. */
function isMarkup(
  { 0: all, 1: slash, 2: name, index, input }: RegExpExecArray,
  { opened, closed }: { opened: Set<string>; closed: Set<string> },
): boolean {
  const tag = name!.toLowerCase();
  if (VOID.test(tag)) return true;
  if (slash ? opened.has(tag) : closed.has(tag)) return true;
  const beside = slash ? input[index - 1] : input[index + all.length];
  return INLINE.test(tag) && beside !== undefined && /\S/.test(beside);
}

const betweenWords = ({ 2: name }: RegExpExecArray): string =>
  /^(?:a|abbr|b|em|i|mark|s|span|strong|sub|sup|u)$/i.test(name!) ? '' : ' ';

function entity(decimal: string | undefined, hex: string | undefined, name: string | undefined): string | undefined {
  if (name !== undefined) return ENTITIES[name] ?? ENTITIES[name.toLowerCase()];
  const code = decimal ? Number(decimal) : Number.parseInt(hex!, 16);
  return code >= 32 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : ' ';
}
