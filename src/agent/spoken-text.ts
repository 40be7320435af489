/**
 * Written text as it is said. In: text with Markdown, addresses, dates, amounts, abbreviations, and its language. Out: words that a synthesiser
 * reads right, and the way back from each of them to what was written (without marks), so that captions show the text and not its reading. A
 * rule that does not know what stands around its match leaves it as it is; what no rule matches is never changed.
 */
import type { TimedWord } from '../media/speech.ts';
import { wellFormedTag } from './language-names.ts';
import { plainText } from './plain-text.ts';
import { amounts } from './spoken-amounts.ts';
import { dates, monthDays, phones, times } from './spoken-dates.ts';
import { baseOf, sayUnit } from './spoken-numbers.ts';
import { type Rule, Spans, type SpokenPiece } from './spoken-spans.ts';
import { SPOKEN_WORDS, type SpokenWords } from './spoken-words.ts';

const UNITS: Readonly<Record<string, string>> = {
  ...{ km: 'kilometer', m: 'meter', cm: 'centimeter', mm: 'millimeter', kg: 'kilogram', g: 'gram', l: 'liter' },
  ...{ ml: 'milliliter', h: 'hour', min: 'minute', 'km/h': 'kilometer-per-hour', '°C': 'celsius', '°F': 'fahrenheit' },
  ...{ MB: 'megabyte', GB: 'gigabyte' },
};

/** What is counted follows, not how it is measured. */
const NO_METRES =
  /^ (?!(?:tall|long|wide|deep|high|thick|apart|away|ahead|below|above|behind|across|around|across|down|up|left|right|from|to|of|in|on|at|and|or|by|is|are|was|were|per|past|before|after|further|sprint|race|dash|pool|swim|run|walk|freestyle|hurdles|relay|tape|cable|each|radius|diameter|square)\b)\p{Ll}/u;

/** "5g network": a generation. */
const NO_GRAMS =
  /^[ -]?(?:network|mobile|internet|phone|signal|coverage|tower|router|connection|speed|netz|handy|empfang|red\b|rete\b|réseau|segnale|señal)/iu;

const PICTOGRAPH = '(?:\\p{Extended_Pictographic}|\\p{RI}{2}|\\p{Emoji_Modifier}|[\\u200d\\ufe0f\\u20e3])';
const PICTOGRAPHS = new RegExp(`${PICTOGRAPH}+`, 'gu');
/** With the space in front: a mark follows. */
const PICTOGRAPHS_AT_END = new RegExp(`[ \\t]*${PICTOGRAPH}+(?=[.,;:!?…])`, 'gu');

export class SpokenText {
  /** What the synthesiser gets. */
  readonly text: string;
  /** In order; together they are the written text without its marks, and what is said. */
  readonly pieces: readonly SpokenPiece[];
  #piece = 0;
  #pieceStart = 0;
  #at = 0;
  #last: { piece: SpokenPiece; word: TimedWord } | undefined;

  /**
   * @param language BCP 47; rules beyond Markdown, amounts and units exist for en, de, it, es and fr. Empty where it is not known: then nothing
   *   is said otherwise that depends on it.
   */
  constructor(written: string, language: string) {
    this.pieces = rewritten(plainText(written).text, language && wellFormedTag(language));
    this.text = this.pieces.map(({ spoken }) => spoken).join('');
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

  #pieceAt(character: number): SpokenPiece | undefined {
    for (; this.#piece < this.pieces.length; this.#piece++) {
      const piece = this.pieces[this.#piece]!;
      if (character < this.#pieceStart + piece.spoken.length) return piece;
      this.#pieceStart += piece.spoken.length;
    }
    return undefined;
  }
}

/** Whether anything of the text is spoken: a picture or a block of code is not. */
export const isSpoken = (written: string): boolean => /[\p{L}\p{N}]/u.test(new SpokenText(written, '').text);

function rewritten(text: string, tag: string): SpokenPiece[] {
  const language = baseOf(tag);
  const words = SPOKEN_WORDS[language];
  const spans = new Spans(text);
  const rule: Rule = (pattern, replace) => spans.add(pattern, replace);
  // Pictographs are for the eye; a synthesiser would read out their names.
  rule(PICTOGRAPHS_AT_END, ([all]) => (/[©®™]/.test(all) ? undefined : ''));
  rule(PICTOGRAPHS, ([all]) => (/^[©®™]$/.test(all) ? undefined : ' '));
  rule(/(?<=^|\s)(?:[:;=]-?[)(DPp|]|<3|\^\^|[xX]D)(?=$|[\s.,!?])/g, () => ' ');
  addresses(rule, words);
  if (tag !== '') {
    dates(rule, tag, words);
    phones(rule, words);
    if (words) {
      monthDays(rule, language, words);
      for (const [pattern, spoken] of words.abbreviations)
        rule(pattern, (match) => spoken + (endsHere(match, text) ? '.' : ''));
      times(rule, language, words);
    }
    amounts(rule, text, tag, words);
    if (words) {
      rule(/(?<=(?<![\p{Sc}\d.,])\d[\d.,]*)\s?m²/gu, () => ` ${words.squareMetres}`);
      rule(/(?<=\d ?(?:[ap]\.?m\.?|h))\s?-\s?(?=\d{1,2}(?:[:.]\d\d)? ?(?:[ap]\.?m|h)\b)/gi, () => ` ${words.to} `);
      rule(/(?<=\d|\d ?[ap]\.?m\.?|\dh)\s?–\s?(?=\d)/gi, () => ` ${words.to} `);
    }
    rule(
      /(?<![\d.,\p{Sc}]|\p{Sc}\s)(\d[\d.,]*\d|\d)\s?(km\/h|km|cm|mm|kg|ml|min|MB|GB|°C|°F|m|g|l|h)(?![\p{L}\p{N}²³^/])/gu,
      (match) => {
        const [all, amount, unit] = match;
        // "5m users" are millions, perhaps.
        if (unit === 'm' && language === 'en' && NO_METRES.test(text.slice(match.index + all.length))) return undefined;
        if (unit === 'g' && NO_GRAMS.test(text.slice(match.index + all.length))) return undefined;
        return sayUnit(amount!, UNITS[unit!]!, tag);
      },
    );
  }
  return spans.pieces();
}

/** Some close a list, and with it a sentence, whose full stop is theirs. */
const endsHere = ({ 0: written, index }: RegExpExecArray, text: string): boolean =>
  /^(?:etc|usw|ecc)\.$/i.test(written) && /^\s+\p{Lu}/u.test(text.slice(index + written.length));

function addresses(rule: Rule, words: SpokenWords | undefined): void {
  if (words)
    rule(/(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, ([address]) =>
      address
        .split('@')
        .map((part) => sayAddress(part, words))
        .join(` ${words.at} `),
    );
  rule(/(?:https?:\/\/|www\.)(?:[^\s<>"'()\]]|\([^\s<>"'()]*\))*(?:[^\s<>"'()\].,;:!?]|\([^\s<>"'()]*\))/gi, ([url]) =>
    sayUrl(url, words),
  );
}

function sayAddress(part: string, words: SpokenWords): string {
  const names: Record<string, string> = {
    '.': words.dot,
    '-': words.dash,
    _: words.underscore,
    '/': words.slash,
    '+': words.plus,
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
