/**
 * Written text as it is said. In: text with Markdown, addresses, dates, amounts, abbreviations, and its language. Out: words that a synthesiser
 * reads right, and the way back from each of them to what was written, so that captions show the text and not its reading.
 */
import type { TimedWord } from '../media/speech.ts';
import { englishOrdinal, SPOKEN_WORDS, type SpokenWords } from './spoken-words.ts';

/** A run of the text: said as it is written, or otherwise. */
interface Piece {
  written: string;
  spoken: string;
  /** Settled: no further rule looks at it. */
  isFixed: boolean;
}

type Replace = (match: RegExpExecArray, before: string) => string | undefined;

const MAX_DIGITS_AT_ONCE = 3;
const CURRENCIES: Readonly<Record<string, string>> = {
  '€': 'EUR',
  $: 'USD',
  '£': 'GBP',
  '¥': 'JPY',
  EUR: 'EUR',
  USD: 'USD',
  GBP: 'GBP',
  CHF: 'CHF',
};
const UNITS: Readonly<Record<string, string>> = {
  ...{
    km: 'kilometer',
    m: 'meter',
    cm: 'centimeter',
    mm: 'millimeter',
    kg: 'kilogram',
    g: 'gram',
    l: 'liter',
    ml: 'milliliter',
  },
  ...{
    h: 'hour',
    min: 'minute',
    'km/h': 'kilometer-per-hour',
    '°C': 'celsius',
    '°F': 'fahrenheit',
    MB: 'megabyte',
    GB: 'gigabyte',
  },
};

export class SpokenText {
  /** What the synthesiser gets. */
  readonly text: string;
  readonly #pieces: readonly Piece[];
  #piece = 0;
  #pieceStart = 0;
  #at = 0;
  #last: { piece: Piece; word: TimedWord } | undefined;

  /** @param language BCP 47; rules beyond Markdown, amounts and units exist for en, de, it, es and fr. */
  constructor(written: string, language: string) {
    this.#pieces = withoutMarkdown(rewritten(written, language));
    this.text = this.#pieces.map(({ spoken }) => spoken).join('');
  }

  /**
   * Gives the words of the next chunk, in order, as they were written: what is said for "10:30" becomes one word "10:30" from the first of its
   * words to the last.
   */
  restore(words: readonly TimedWord[]): TimedWord[] {
    const restored: TimedWord[] = [];
    for (const word of words) {
      const found = this.text.toLowerCase().indexOf(word.text.toLowerCase(), this.#at);
      // The synthesiser may say what is not there; a word far away is another one of the same name.
      if (found < 0 || found - this.#at > 80) {
        const last = restored.at(-1);
        // Long numbers come in parts that repeat one another.
        if (last) last.endUs = Math.max(last.endUs, word.endUs);
        else restored.push({ ...word });
        continue;
      }
      const piece = this.#pieceAt(found);
      this.#at = found + word.text.length;
      if (!piece?.isFixed) restored.push({ ...word });
      else if (this.#last?.piece === piece) this.#last.word.endUs = word.endUs;
      else {
        const whole = { text: piece.written.trim(), startUs: word.startUs, endUs: word.endUs };
        this.#last = { piece, word: whole };
        restored.push(whole);
      }
    }
    return restored;
  }

  #pieceAt(character: number): Piece | undefined {
    for (; this.#piece < this.#pieces.length; this.#piece++) {
      const piece = this.#pieces[this.#piece]!;
      if (character < this.#pieceStart + piece.spoken.length) return piece;
      this.#pieceStart += piece.spoken.length;
    }
    return undefined;
  }
}

/** Whether anything of the text is spoken: a picture or a block of code is not. */
export const isSpoken = (written: string): boolean => /[\p{L}\p{N}]/u.test(new SpokenText(written, 'en').text);

function rewritten(written: string, tag: string): Piece[] {
  const language = tag.toLowerCase().split(/[-_]/)[0]!;
  const words = SPOKEN_WORDS[language];
  let pieces: Piece[] = [{ written, spoken: written, isFixed: false }];
  const rule = (pattern: RegExp, replace: Replace): void => {
    pieces = pieces.flatMap((piece) => (piece.isFixed ? [piece] : split(piece, pattern, replace)));
  };
  // Code is for the eye, as are pictures; of a link its text is said.
  rule(/```[\s\S]*?(?:```|$)|~~~[\s\S]*?(?:~~~|$)/g, () => ' ');
  rule(/!\[[^\]\n]*\]\([^)\n]*\)/g, () => ' ');
  rule(/\[([^\]\n]+)\]\([^)\n]*\)/g, ([, text]) => new SpokenText(text!, tag).text);
  rule(/<\/?[a-z][^<>\n]{0,200}>/gi, () => ' ');
  if (words)
    rule(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, ([address]) =>
      address
        .split('@')
        .map((part) => sayAddress(part, words))
        .join(` ${words.at} `),
    );
  rule(/(?:https?:\/\/|www\.)[^\s<>"')\]]*[^\s<>"')\].,;:!?]/gi, ([url]) => sayUrl(url, words));
  rule(/(?<![\d.])(\d{4})-(\d{2})-(\d{2})(?![\d-])/g, ([, year, month, day]) =>
    sayDate(Number(day), Number(month), Number(year), tag),
  );
  rule(/(?<![\d.,/])(\d{1,2})\.(\d{1,2})\.(\d{4})?(?!\d)/g, ([, day, month, year], before) =>
    sayDate(Number(day), Number(month), year ? Number(year) : undefined, tag, before),
  );
  rule(/(?<![\d/])(\d{1,2})\/(\d{1,2})\/(\d{4})(?![\d/])/g, ([, first, second, year]) => {
    const isMonthFirst = /^en-us$/i.test(tag) && Number(first) <= 12;
    return sayDate(Number(isMonthFirst ? second : first), Number(isMonthFirst ? first : second), Number(year), tag);
  });
  rule(/\+\d[\d ()/-]{5,}\d|(?<![\d.,/-])0\d{1,5}[ /-]\d[\d -]{2,}\d(?![\d:.])/g, ([number]) => sayDigits(number));
  if (words) {
    sayMonthDays(rule, language, words);
    for (const [pattern, spoken] of words.abbreviations) rule(pattern, () => spoken);
    rule(
      /(?<![\d.,:])([01]?\d|2[0-4])[:.]([0-5]\d)(?![\d:])(\s?(?:[Uu]hr\b|[aApP](?:[mM]\b|\.[mM]\b(?:\.(?!\s*$|\s+\p{Lu}))?)|h\b|horas\b))?/gu,
      ([all, hour, minute, tail = '']) => {
        const isTail = words.timeTail.test(tail.trim());
        // 18.30 is a time only where it says so.
        if (all.includes('.') && !all.includes(':') && !isTail) return undefined;
        return words.time(Number(hour), Number(minute), isTail ? tail.trim() : '') + (isTail ? '' : tail);
      },
    );
    if (language === 'fr')
      rule(/(?<!\d)([01]?\d|2[0-4])\s?h(?:\s?([0-5]\d))?(?![\p{L}\d])/gu, ([, hour, minute]) =>
        words.time(Number(hour), Number(minute ?? 0), ''),
      );
    if (language === 'en')
      // The full stop of a sentence stays outside.
      rule(/(?<![\d:])(\d{1,2}) ?([aApP])(?:[mM]\b|\.[mM]\b(?:\.(?!\s*$|\s+\p{Lu}))?)/gu, ([, hour, half]) =>
        words.time(Number(hour), 0, half!),
      );
  }
  rule(
    /(€|\$|£|¥)\s?(\d[\d.,]*\d|\d)(\s(?:million|billion|millionen|milliarden|milioni|miliardi|millones|millions|milliards))?/gi,
    ([, sign, amount, scale]) => sayAmount(amount!, scale, CURRENCIES[sign!]!, tag),
  );
  rule(
    /(?<![\d.,])(\d[\d.,]*\d|\d)(\s(?:million|billion|millionen|milliarden|milioni|miliardi|millones|millions|milliards))?\s?(€|£|¥|\bEUR\b|\bUSD\b|\bGBP\b|\bCHF\b)/gi,
    ([, amount, scale, sign]) => sayAmount(amount!, scale, CURRENCIES[sign!.toUpperCase()]!, tag),
  );
  if (words) rule(/(?<=\d)\s?m²/g, () => ` ${words.squareMetres}`);
  rule(
    /(?<![\d.,])(\d[\d.,]*\d|\d)\s?(km\/h|km|cm|mm|kg|ml|min|MB|GB|°C|°F|m|g|l|h)(?![\p{L}\p{N}²³/])/gu,
    ([, amount, unit]) => sayUnit(amount!, UNITS[unit!]!, tag),
  );
  if (words) rule(/(?<=\d)\s?–\s?(?=\d)/g, () => ` ${words.to} `);
  return pieces;
}

/** Marks of Markdown fall silent; a line of a list or a heading ends as a sentence does. */
function withoutMarkdown(pieces: readonly Piece[]): Piece[] {
  return pieces.map((piece) => {
    if (piece.isFixed) return piece;
    const spoken = piece.spoken
      .replace(/^(?:\s*[-*_]){3,}\s*$/gmu, ' ')
      .replace(/^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,2}[.)]\s+(?=\p{Lu}))(.*)$/gmu, (_, line: string) =>
        /[.!?:;,]\s*$/.test(line) || line.trim() === '' ? line : `${line.trimEnd()}.`,
      )
      .replace(/^\s*\|?\s*:?-{2,}[\s|:-]*$/gmu, ' ')
      .replace(
        /^\s*\|(.*)\|\s*$/gmu,
        (_, row: string) =>
          `${row
            .split('|')
            .map((cell) => cell.trim())
            .filter(Boolean)
            .join(', ')}.`,
      )
      .replace(/(\*\*|__|~~)(?=\S)([\s\S]*?\S)\1/g, '$2')
      .replace(/(?<![\p{L}\p{N}*])\*(?=\S)([^*\n]*\S)\*(?![\p{L}\p{N}*])/gu, '$1')
      .replace(/(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*\S)_(?![\p{L}\p{N}_])/gu, '$1')
      .replace(/`+/g, '')
      .replace(/\*{2,}|_{2,}|~{2,}/g, ' ')
      .replace(/[→←⇒•▪◦]/g, ' ');
    return { ...piece, spoken };
  });
}

/** Cuts the matches out of a piece; one that the rule leaves alone stays in the text around it. */
function split(piece: Piece, pattern: RegExp, replace: Replace): Piece[] {
  const text = piece.spoken;
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    const before = /(\p{L}+)\s*$/u.exec(text.slice(Math.max(0, match.index - 40), match.index))?.[1] ?? '';
    const spoken = replace(match, before);
    if (spoken === undefined) continue;
    if (match.index > at)
      pieces.push({ written: text.slice(at, match.index), spoken: text.slice(at, match.index), isFixed: false });
    pieces.push({ written: match[0], spoken, isFixed: true });
    at = match.index + match[0].length;
  }
  if (at === 0) return [piece];
  if (at < text.length) pieces.push({ written: text.slice(at), spoken: text.slice(at), isFixed: false });
  return pieces;
}

function sayAddress(part: string, words: SpokenWords): string {
  const names: Record<string, string> = {
    '.': words.dot,
    '-': words.dash,
    _: words.underscore,
    '/': words.slash,
    '+': 'plus',
  };
  return part
    .replace(/[._/+-]/g, (mark) => ` ${names[mark]} `)
    .replace(/\s+/g, ' ')
    .trim();
}

/** Nobody listens to a protocol or a query. */
function sayUrl(url: string, words: SpokenWords | undefined): string {
  const bare = url
    .replace(/^https?:\/\//i, '')
    .replace(/^www\./i, '')
    .replace(/[?#].*$/, '')
    .replace(/\/$/, '');
  return words ? sayAddress(bare.replace(/[^\p{L}\p{N}._/+-]/gu, ' '), words) : bare;
}

/** Digit by digit, with a breath after every three. */
function sayDigits(number: string): string {
  const digits = number.replace(/\D/g, '');
  const groups = digits.match(new RegExp(`\\d{1,${MAX_DIGITS_AT_ONCE}}`, 'g')) ?? [];
  return (number.startsWith('+') ? 'plus ' : '') + groups.map((group) => [...group].join(' ')).join(', ');
}

function sayDate(day: number, month: number, year: number | undefined, tag: string, before = ''): string | undefined {
  if (day < 1 || day > 31 || month < 1 || month > 12) return undefined;
  const language = tag.split(/[-_]/)[0]!.toLowerCase();
  const name = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' }).format(
    new Date(Date.UTC(2026, month - 1, 15)),
  );
  const ordinal = SPOKEN_WORDS[language]?.ordinal;
  const first = day === 1 ? ({ fr: '1er', it: '1º' }[language] ?? '1') : String(day);
  const dated =
    language === 'en'
      ? `${name} ${englishOrdinal(day)}`
      : language === 'es'
        ? `${first} de ${name}`
        : ordinal
          ? `${ordinal(day, before)} ${name}`
          : `${first} ${name}`;
  return year === undefined ? dated : `${dated}${language === 'es' ? ' de' : ''} ${year}`;
}

const monthNames = new Map<string, string>();

/** "24 December", "am 3. Mai", "im 2. Stock": ordinals that are written as numbers. */
function sayMonthDays(
  rule: (pattern: RegExp, replace: Replace) => void,
  language: string,
  { ordinal }: SpokenWords,
): void {
  let months = monthNames.get(language);
  if (months === undefined) {
    const format = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' });
    months = Array.from({ length: 12 }, (_, i) => format.format(new Date(Date.UTC(2026, i, 15)))).join('|');
    monthNames.set(language, months);
  }
  if (language === 'en') {
    rule(
      new RegExp(`\\b(\\d{1,2})(?= (?:${months})\\b)`, 'g'),
      ([, day], before) => `${/^(the|of)$/i.test(before) ? '' : 'the '}${englishOrdinal(Number(day))} of`,
    );
    rule(new RegExp(`(?<=\\b(?:${months}) )(\\d{1,2})\\b(?![:.]\\d| ?[ap]m)`, 'g'), ([, day]) =>
      englishOrdinal(Number(day)),
    );
  }
  if (ordinal)
    rule(
      new RegExp(`\\b(\\d{1,2})\\.(?= (?:${months}|Stock|Etage|Obergeschoss|Klasse|Jahrhundert|Mal|Platz)\\b)`, 'g'),
      ([, day], before) => (Number(day) >= 1 && Number(day) <= 31 ? ordinal(Number(day), before) : undefined),
    );
}

/** "1.234,50" in the language's own way of writing; undefined where it is no number of one. */
function readNumber(text: string, tag: string): number | undefined {
  const decimal = new Intl.NumberFormat(tag).formatToParts(1.5).find((part) => part.type === 'decimal')?.value ?? '.';
  const group = decimal === ',' ? '.' : ',';
  const isPlain = /^\d+$/.test(text);
  const isGrouped = new RegExp(`^\\d{1,3}(?:\\${group}\\d{3})+(?:\\${decimal}\\d+)?$`).test(text);
  if (isPlain || isGrouped) return Number(text.replaceAll(group, '').replace(decimal, '.'));
  // People write prices either way.
  return /^\d+[.,]\d{1,2}$/.test(text) || new RegExp(`^\\d+\\${decimal}\\d+$`).test(text)
    ? Number(text.replace(',', '.'))
    : undefined;
}

/** "8 euros 50". */
function sayAmount(amount: string, scale: string | undefined, currency: string, tag: string): string | undefined {
  const value = readNumber(amount, tag);
  if (value === undefined) return undefined;
  const language = tag.split(/[-_]/)[0]!.toLowerCase();
  const named = (number: number) =>
    new Intl.NumberFormat(language, {
      style: 'currency',
      currency,
      currencyDisplay: 'name',
      maximumFractionDigits: 0,
      useGrouping: false,
    }).format(number);
  if (scale) return `${amount}${scale} ${named(2).replace(/^\d+\s*/, '')}`;
  const whole = Math.trunc(value);
  const small = Math.round((value - whole) * 100);
  // Of the two dollars "US" is not said.
  const coins = named(whole)
    .replace(/\b(?:US|US-)\s?[- ]?(?=dollar)/i, '')
    .replace(/ (?:estadounidenses?|des États-Unis|statunitensi)/, '');
  if (small === 0) return coins;
  const and = SPOKEN_WORDS[language]?.and ?? '';
  return `${coins} ${and === '' ? '' : `${and} `}${small}`;
}

function sayUnit(amount: string, unit: string, tag: string): string | undefined {
  const value = readNumber(amount, tag);
  if (value === undefined) return undefined;
  const language = tag.split(/[-_]/)[0]!.toLowerCase();
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: 'long',
    useGrouping: false,
    maximumFractionDigits: 6,
  }).format(value);
}
