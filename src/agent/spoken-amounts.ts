/** Where amounts of money and large numbers stand in a text, in every way of writing that is sure to be one. */
import { GERMAN_BEGINNINGS } from './sentence-ends.ts';
import { baseOf, CURRENCIES, sayAmount, sayAmountRange, sayCents, sayMagnitude } from './spoken-numbers.ts';
import type { Rule } from './spoken-spans.ts';
import type { SpokenWords } from './spoken-words.ts';

const escaped = (text: string): string => text.replace(/[.$*+?^|()[\]{}\\]/g, '\\$&');
const longestFirst = (texts: readonly string[]): string =>
  [...texts]
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join('|');

const SIGNS = Object.keys(CURRENCIES).filter((sign) => !/^[A-Z]{3}$/.test(sign));
const CODES = Object.keys(CURRENCIES).filter((sign) => /^[A-Z]{3}$/.test(sign));
const SIGN = `(?<![\\p{L}\\p{N}\\p{Sc}])(?:${longestFirst(SIGNS.filter((sign) => sign !== 'Fr.'))}|(?:Fr\\.|${CODES.join('|')})(?=[ \\u00a0\\u202f]?\\d))`;
const SIGN_BEHIND = `(?:${longestFirst(SIGNS.filter((sign) => !/^[A-Z.]+\$$/.test(sign)))}|${CODES.join('|')})`;
/** Digits grouped by spaces that belong to numbers only, or by marks; with the language's own decimals. */
const NUMBER = "(?:\\d{1,3}(?:[\\u00a0\\u202f\\u2009'’]\\d{3})+(?:[.,]\\d+)?|\\d(?:[\\d.,]*\\d)?)";
/** Where English is not spoken, plain spaces group, too. */
const SPACED_NUMBER = `(?:\\d{1,3}(?: \\d{3})+(?:,\\d+)?(?![\\d.,]*\\d)|${NUMBER})`;
const WORD_MAGNITUDE =
  'hundred|thousand|million|billion|trillion|lakh|crore|Tausend|Millionen|Million|Milliarden|Milliarde|Billionen|Billion|mille|millions|milliards|milliard|mil millones|millones|millón|billones|billón|mil|mila|milioni|milione|miliardi|miliardo';
/** Short ones, whose full stop belongs to them where the sentence goes on. */
function shortMagnitude(language: string): string {
  const begins = language === 'de' ? `(?:${GERMAN_BEGINNINGS})(?!\\p{L})|[^\\p{L}\\p{Sc}]` : '[^\\p{Ll}\\p{Sc}]';
  return `(?:[Mm]io|[Mm]rd|[Mm]ill|[Tt]sd|[Bb]io)(?:\\.(?!\\s*$|\\s+(?:${begins})|\\s*["”’)]))?`;
}

function magnitude(language: string): string {
  const space = '[ \\u00a0\\u202f]?';
  return `(?:${space}(?:${shortMagnitude(language)}|bn|mn|mln|mld|tn|trn|Mds|Md)|[ \\u00a0\\u202f-]?(?:${WORD_MAGNITUDE})|[KkMmBbT]|[ \\u00a0\\u202f][KMBT]|${space}[KkMmBbT](?=\\p{Sc})|mm|MM)`;
}

/** Nothing that would make it something else follows. */
const END = "(?![\\p{L}\\p{N}%\\p{Sc}]|[.,]\\d|[-–]\\d|[’']s\\b| \\d{3}(?!\\d)| [kmbt](?![\\p{L}\\p{N}]))";
const DASH = '[ \\u00a0]?[-–—][ \\u00a0]?';
/** "a $5 ticket": one thing, and what it is follows. */
const ONE_OF = /(?:^|[^\p{L}])(?:an?|another|every|each)\s+$/iu;
const NOUN =
  /^(?:\s|-)(?!(?:and|or|for|to|in|on|at|per|of|off|from|with|without|by|is|was|are|were|as|if|but|so|than|then|when|while|will|would|can|could|a|an|the|this|that|each|more|less|extra|total|now|today|only|plus|minus|it|we|you|i|he|she|they|because|since|until|before|after|which|who)\b)\p{Ll}/u;

/** "Mo.–Fr. 9–17 Uhr", "Fr. 5.12.": a day, not francs. */
const isFriday = (before: string, number: string, behind: string): boolean =>
  /(?:\b(?:Mo|Di|Mi|Do|Sa|So)\.?|\b(?:am|bis|und|jeden|ab|vom))\s*[-–,/+&]?\s*$/u.test(before) ||
  /^(?:[.:,]\d{1,2})?\.?\s?(?:[-–]|bis|und|,)?\s?(?:\d{1,2}(?:[:.]\d\d)?)?\s?(?:Uhr|h\b|:\d)/u.test(behind) ||
  /^\s?(?:\p{Sc}|EUR|Euro)/u.test(behind) ||
  (/^\d{1,2}\.\d{1,2}$/.test(number) && behind.startsWith('.'));

export function amounts(rule: Rule, text: string, tag: string, words: SpokenWords | undefined): void {
  const language = baseOf(tag);
  const number = /^(?:de|fr|es|it)$/.test(language) ? SPACED_NUMBER : NUMBER;
  const mags = magnitude(language);
  const pattern = (source: string): RegExp => new RegExp(source, 'gu');
  const minus = '(?<minus>(?<![\\p{L}\\p{N}])[-−])?';
  if (words) {
    const to = words.to;
    rule(
      pattern(
        `(?<sign>${SIGN})[ \\u00a0\\u202f]?(?<low>${number})(?<lowMag>${mags})?${DASH}(?:\\k<sign>[ \\u00a0\\u202f]?)?(?<high>${number})(?<highMag>${mags})?${END}`,
      ),
      ({ groups, index, 0: all }) => {
        const { sign, low, lowMag, high, highMag } = groups as Record<string, string | undefined>;
        if (sign === 'Fr.' && isFriday(text.slice(0, index), low!, text.slice(index + all.length))) return undefined;
        return sayAmountRange(
          { number: low!, magnitude: lowMag, sign: sign! },
          { number: high!, magnitude: highMag, sign: sign! },
          to,
          tag,
        );
      },
    );
    rule(
      pattern(
        `(?<![\\p{N}.,\\p{Sc}-]|\\p{N}[ \\u00a0\\u202f])(?<low>${number})(?<lowMag>${mags})?${DASH}(?<high>${number})(?<highMag>${mags})?[ \\u00a0\\u202f]?(?<sign>${SIGN_BEHIND})${END}`,
      ),
      ({ groups }) => {
        const { sign, low, lowMag, high, highMag } = groups as Record<string, string | undefined>;
        return sayAmountRange(
          { number: low!, magnitude: lowMag, sign: sign! },
          { number: high!, magnitude: highMag, sign: sign! },
          to,
          tag,
        );
      },
    );
  }
  // "between $1.5 and $2 million": the magnitude is for both, where the words say that it is a range.
  rule(
    pattern(
      `(?<sign>${SIGN})[ \\u00a0\\u202f]?(?<low>${number})(?<to> (?:to|bis|à|a|and|und|et|y|e) )(?:\\k<sign>[ \\u00a0\\u202f]?)?(?<high>${number})(?<highMag>${mags})${END}`,
    ),
    (match) => {
      const { sign, low, to, high, highMag } = match.groups as Record<string, string>;
      const isRange =
        /^ (?:to|bis|à|a) $/.test(to!) || /\b(?:between|zwischen|entre|tra|fra)\s+$/i.test(text.slice(0, match.index));
      if (!isRange) return undefined;
      const [from, until] = [
        { number: low!, sign: sign! },
        { number: high!, magnitude: highMag!, sign: sign! },
      ];
      return sayAmountRange(from, until, to!.trim(), tag);
    },
  );
  const single = ({ groups, index, 0: all }: RegExpExecArray): string | undefined => {
    const { sign, number: written, mag, minus: isNegative, per } = groups as Record<string, string | undefined>;
    const behind = text.slice(index + all.length);
    if (sign === 'Fr.' && isFriday(text.slice(0, index), written!, behind)) return undefined;
    const isBeforeNoun = language === 'en' && ONE_OF.test(text.slice(0, index)) && NOUN.test(behind) && !per;
    const said = sayAmount({ number: written!, magnitude: mag, sign: sign! }, tag, isBeforeNoun);
    if (said === undefined) return undefined;
    return (isNegative ? `${words?.minus ?? 'minus'} ` : '') + said + (per ? ` ${words?.per ?? '/'} ` : '');
  };
  const per = words ? '(?<per>[ ]?/[ ]?(?=\\p{L}{2,}))?' : '';
  rule(
    pattern(
      `${minus}(?<sign>${SIGN})[ \\u00a0\\u202f]?(?<number>${number}|[.]\\d\\d)(?<mag>${mags})?(?:[.,][-–—](?!\\d))?${END}${per}`,
    ),
    single,
  );
  rule(
    pattern(
      `(?<![\\p{N}.,\\p{Sc}^_]|\\p{N}[-– \\u00a0\\u202f])${minus}(?<number>${number})(?:[.,][-–—])?(?<mag>${mags})?[ \\u00a0\\u202f]?(?<sign>${SIGN_BEHIND})${END}${per}`,
    ),
    single,
  );
  rule(pattern(`(?<![\\p{N}.,\\p{Sc}])(?<cents>\\d{1,3})[ ]?¢(?![\\p{L}\\p{N}])`), ({ groups }) =>
    sayCents(Number(groups!.cents), tag),
  );
  // Without a currency only what can be nothing else.
  rule(
    pattern(
      `(?<![\\p{L}\\p{N}.,\\p{Sc}]|\\p{Sc}\\s)(?<number>${number})(?<mag>[ \\u00a0\\u202f]?(?:${shortMagnitude(language)}|bn|mn|mln|mld))(?![\\p{L}\\p{N}]|[.]\\p{L})`,
    ),
    ({ groups }) => (words ? sayMagnitude(groups!.number!, groups!.mag!, tag) : undefined),
  );
}
