/** Dates, times of day and telephone numbers of a text as they are said. Where the language does not tell day from month, nothing is said otherwise. */
import type { Rule } from './spoken-spans.ts';
import { englishOrdinal, SPOKEN_WORDS, type SpokenWords } from './spoken-words.ts';

const BEFORE_DATES =
  /^(?:am|vom|bis|zum|ab|den|der|dem|seit|dal|al|il|entro|del|el|hasta|desde|le|du|au|jusqu’au|lunedì|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)$/i;

export function dates(rule: Rule, tag: string, words: SpokenWords | undefined): void {
  rule(/(?<![\d.-])(\d{4})-(\d{2})-(\d{2})(?![\d-]|T\d)/g, ([, year, month, day]) =>
    sayDate(Number(day), Number(month), Number(year), tag),
  );
  if (!words) return;
  rule(/(?<![\d.,/])(\d{1,2})\.(\d{1,2})\.(\d{4})?(?![\d.])/g, ([, day, month, year], before) =>
    // Without a year it may be a version, or the number of a chapter.
    year === undefined && !BEFORE_DATES.test(before)
      ? undefined
      : sayDate(Number(day), Number(month), year ? Number(year) : undefined, tag, before),
  );
  rule(
    /(?<![\d/.,])(\d{1,2})\/(\d{1,2})(?:\/(\d{4}|\d{2}))?(?![\d/]|[.,]\d)/g,
    ([all, first, second, year], before) => {
      // Without a year it may be a fraction.
      if (year === undefined && !/^(?:0\d\/\d\d|\d\d\/0\d)$/.test(all)) return undefined;
      const order = orderOf(Number(first), Number(second), tag);
      if (!order) return undefined;
      const inFull = year === undefined ? undefined : year.length === 2 ? 2000 + Number(year) : Number(year);
      return sayDate(order.day, order.month, inFull, tag, before);
    },
  );
}

/** Which number is the day; undefined where either may be. */
function orderOf(first: number, second: number, tag: string): { day: number; month: number } | undefined {
  const dayFirst = { day: first, month: second };
  const monthFirst = { day: second, month: first };
  if (first > 12) return dayFirst;
  if (second > 12) return monthFirst;
  if (first === second) return dayFirst;
  if (/^en-us\b/i.test(tag)) return monthFirst;
  // English alone does not tell, and Canada writes both.
  return /^en(?:-ca)?$/i.test(tag) ? undefined : dayFirst;
}

/** With their own groups. Numbers that only stand beside it are none of it. */
export function phones(rule: Rule, words: SpokenWords | undefined): void {
  const notMore = '(?![\\d%]|[.,:]\\d|\\s?\\p{Sc})';
  // Digits without a space between them are one group of a bounded length: else a long row of digits is cut in millions of ways.
  const international =
    '(?<![\\p{L}\\d])\\+\\d{1,3}(?:[ ./-]?\\(?\\d{1,4}\\)?){1,2}[ ./-]?\\d{2,12}(?:[ ./-]\\d{2,12}){0,4}';
  const american = '(?<![\\p{L}\\d.-])(?:1[ -])?(?:\\(\\d{3}\\) ?|\\d{3}[-.])\\d{3}[-.]\\d{4}';
  const national =
    '(?<![\\p{L}\\d.,/-]|\\p{L}\\d{2} (?:\\d{4} )*)(?:\\(0\\d{1,5}\\) ?|0\\d{2,5}(?:[ -]| ?/ ?)|0\\d[ -])\\d{2,}(?:[ -]\\d{2,})*';
  const isDate = /^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$/;
  rule(new RegExp(`(?:${international}|${american}|${national})${notMore}`, 'gu'), ([number]) =>
    number.replace(/\D/g, '').length >= 7 && !isDate.test(number) ? sayDigits(number, words) : undefined,
  );
}

export function times(rule: Rule, language: string, words: SpokenWords): void {
  /** The full stop of a sentence stays outside. */
  const half = '[aApP](?:[mM]\\b|\\.[mM]\\b(?:\\.(?!\\s*$|\\s+[^\\p{Ll}]))?)';
  const clock = '(?:[01]?\\d|2[0-4])[:.][0-5]\\d';
  // Of two times the second says for both that they are.
  rule(
    new RegExp(
      `(?<![\\d.,:])([01]?\\d|2[0-4])[:.]([0-5]\\d)(\\s?[-–]\\s?)(?=${clock}(?:(?<=:\\d\\d)(?![\\d:])|\\s?(?:[Uu]hr\\b|${half}|h\\b|horas\\b)))`,
      'gu',
    ),
    ([, hour, minute]) => `${words.time(Number(hour), Number(minute), '')} ${words.to} `,
  );
  rule(
    new RegExp(
      `(?<![\\d.,:])([01]?\\d|2[0-4])[:.]([0-5]\\d)(?![\\d:]|[.,]\\d)(\\s?(?:[Uu]hr\\b|${half}|h\\b|horas\\b))?`,
      'gu',
    ),
    ([all, hour, minute, tail = '']) => {
      const isTail = words.timeTail.test(tail.trim());
      // 18.30 is a time only where it says so.
      if (all.includes('.') && !all.includes(':') && !isTail) return undefined;
      return words.time(Number(hour), Number(minute), isTail ? tail.trim() : '') + (isTail ? '' : tail);
    },
  );
  if (language === 'fr')
    rule(/(?<![\d.,])([01]?\d|2[0-4])\s?h(?:\s?([0-5]\d))?(?![\p{L}\d])/gu, ([, hour, minute]) =>
      words.time(Number(hour), Number(minute ?? 0), ''),
    );
  if (language === 'en')
    rule(new RegExp(`(?<![\\d:.,\\p{Sc}])(\\d{1,2}) ?(${half})`, 'gu'), ([, hour, tail]) =>
      Number(hour) > 24 ? undefined : words.time(Number(hour), 0, tail!),
    );
}

/** Digit by digit, with a breath between its own groups; long ones are parted into threes. */
function sayDigits(number: string, words: SpokenWords | undefined): string {
  const groups = (number.match(/\d+/g) ?? []).flatMap((group) => {
    if (group.length <= 4) return [group];
    const parts = group.match(/\d{1,3}/g) ?? [];
    // No digit is left alone at the end.
    if (parts.at(-1)!.length === 1) parts.splice(-2, 2, group.slice(-4, -2), group.slice(-2));
    return parts;
  });
  return (
    (number.startsWith('+') ? `${words?.plus ?? 'plus'} ` : '') + groups.map((group) => [...group].join(' ')).join(', ')
  );
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
export function monthDays(rule: Rule, language: string, { ordinal }: SpokenWords): void {
  let months = monthNames.get(language);
  if (months === undefined) {
    const format = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' });
    months = Array.from({ length: 12 }, (_, i) => format.format(new Date(Date.UTC(2026, i, 15)))).join('|');
    monthNames.set(language, months);
  }
  if (language === 'en') {
    rule(
      new RegExp(`\\b(\\d{1,2})\\s?[–-]\\s?(\\d{1,2})(?= (?:${months})\\b)`, 'g'),
      ([, from, to], before) =>
        `${/^the$/i.test(before) ? '' : 'the '}${englishOrdinal(Number(from))} to the ${englishOrdinal(Number(to))} of`,
    );
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
