/** Numbers, amounts of money and units as they are said. In: what was written, and the language; out: words, or undefined where it is not sure. */
import { SPOKEN_WORDS } from './spoken-words.ts';

export const baseOf = (tag: string): string => tag.split(/[-_]/)[0]!.toLowerCase();

/** By what is written, before or behind the number. */
export const CURRENCIES: Readonly<Record<string, string>> = {
  ...{ '€': 'EUR', $: 'USD', '£': 'GBP', '¥': 'JPY', '₹': 'INR', '₩': 'KRW', '₽': 'RUB', '₺': 'TRY', '₪': 'ILS' },
  ...{ '₴': 'UAH', '₫': 'VND', '฿': 'THB', zł: 'PLN', Kč: 'CZK', 'Fr.': 'CHF', SFr: 'CHF' },
  ...{ US$: 'USD', 'U.S.$': 'USD', A$: 'AUD', AU$: 'AUD', C$: 'CAD', CA$: 'CAD', NZ$: 'NZD', HK$: 'HKD', S$: 'SGD' },
  ...{ R$: 'BRL', MX$: 'MXN', NT$: 'TWD' },
  ...{ EUR: 'EUR', USD: 'USD', GBP: 'GBP', CHF: 'CHF', JPY: 'JPY', CAD: 'CAD', AUD: 'AUD', NZD: 'NZD', SEK: 'SEK' },
  ...{ NOK: 'NOK', DKK: 'DKK', PLN: 'PLN', CZK: 'CZK', INR: 'INR', CNY: 'CNY', BRL: 'BRL', MXN: 'MXN', TRY: 'TRY' },
};

/** Written short, and how many zeros it stands for. */
const POWERS: Readonly<Record<string, number>> = {
  ...{ k: 3, tsd: 3, tds: 3, thsd: 3 },
  ...{ m: 6, mn: 6, mm: 6, mln: 6, mio: 6, mill: 6, mil: 6 },
  ...{ b: 9, bn: 9, bln: 9, mrd: 9, mia: 9, mld: 9, md: 9, mds: 9 },
  ...{ t: 12, tn: 12, trn: 12, bio: 12 },
};

/** For one, for more, by how many zeros. French has its singular up to two. */
const MAGNITUDES: Readonly<Record<string, Readonly<Record<number, readonly [string, string]>>>> = {
  en: {
    3: ['thousand', 'thousand'],
    6: ['million', 'million'],
    9: ['billion', 'billion'],
    12: ['trillion', 'trillion'],
  },
  de: {
    3: ['Tausend', 'Tausend'],
    6: ['Million', 'Millionen'],
    9: ['Milliarde', 'Milliarden'],
    12: ['Billion', 'Billionen'],
  },
  fr: { 3: ['mille', 'mille'], 6: ['million', 'millions'], 9: ['milliard', 'milliards'], 12: ['billion', 'billions'] },
  es: { 3: ['mil', 'mil'], 6: ['millón', 'millones'], 9: ['mil millones', 'mil millones'], 12: ['billón', 'billones'] },
  it: { 3: ['mila', 'mila'], 6: ['milione', 'milioni'], 9: ['miliardo', 'miliardi'], 12: ['bilione', 'bilioni'] },
};

/** Between a magnitude and what there are so many of. */
const OF: Readonly<Record<string, string>> = { fr: 'de ', es: 'de ', it: 'di ' };

/** Small coins, one and more, where a price has no others. */
const COINS: Readonly<Record<string, Readonly<Record<string, readonly [string, string]>>>> = {
  en: { EUR: ['cent', 'cents'], GBP: ['penny', 'pence'], '': ['cent', 'cents'] },
  de: { GBP: ['Penny', 'Pence'], CHF: ['Rappen', 'Rappen'], '': ['Cent', 'Cent'] },
  fr: { EUR: ['centime', 'centimes'], CHF: ['centime', 'centimes'], GBP: ['penny', 'pence'], '': ['cent', 'cents'] },
  es: { EUR: ['céntimo', 'céntimos'], GBP: ['penique', 'peniques'], '': ['centavo', 'centavos'] },
  it: { GBP: ['penny', 'pence'], '': ['centesimo', 'centesimi'] },
};
const WITH_COINS = new Set(['EUR', 'USD', 'GBP', 'CAD', 'AUD', 'NZD', 'HKD', 'SGD', 'CHF', 'MXN', 'BRL']);

export interface Amount {
  /** As written, without the sign. */
  number: string;
  /** As written: "M", "Mio.", "million". */
  magnitude?: string | undefined;
  /** As written: "$", "EUR". */
  sign: string;
}

/** "1.234,50" in the language's own way of writing; undefined where it is no number of one. */
export function readNumber(text: string, tag: string): number | undefined {
  const plain = text.replace(/(?<=\d)[ \u00a0\u202f\u2009'’](?=\d{3})/g, '');
  const decimal = new Intl.NumberFormat(tag).formatToParts(1.5).find((part) => part.type === 'decimal')?.value ?? '.';
  const group = decimal === ',' ? '.' : ',';
  const isWhole = /^\d+$/.test(plain);
  const isGrouped = new RegExp(`^\\d{1,3}(?:\\${group}\\d{3})+(?:\\${decimal}\\d+)?$`).test(plain);
  const isIndian = /^\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?$/.test(plain) && decimal === '.';
  if (isWhole || isGrouped || isIndian) return Number(plain.replaceAll(group, '').replace(decimal, '.'));
  // Written the other language's way, and no doubt about it: its groups and its decimals.
  if (new RegExp(`^\\d{1,3}(?:\\${decimal}\\d{3})+\\${group}\\d{1,2}$`).test(plain))
    return Number(plain.replaceAll(decimal, '').replace(group, '.'));
  // People write prices either way.
  return /^\d+[.,]\d{1,2}$/.test(plain) || new RegExp(`^\\d+\\${decimal}\\d+$`).test(plain)
    ? Number(plain.replace(',', '.'))
    : undefined;
}

const sayNumber = (value: number, language: string): string =>
  new Intl.NumberFormat(language, { useGrouping: false, maximumFractionDigits: 9 }).format(value);

/** The magnitude in words; undefined where it is none. */
function magnitudeOf(
  written: string,
  value: number,
  language: string,
  sign: string | undefined,
): { words: string; isNoun: boolean } | undefined {
  const short = written.replace(/\.$/, '').trim();
  // "5 T€" is German for thousands, "mil" is thousands in Spanish.
  const power =
    (language === 'de' && short === 'T' && /^(?:€|EUR|CHF)$/.test(sign ?? '')) || (language === 'es' && short === 'mil')
      ? 3
      : POWERS[short.toLowerCase()];
  if (power === undefined)
    return { words: short, isNoun: !/^(?:thousand|tausend|mille|mil|mila|hundred)$/i.test(short) };
  const forms = MAGNITUDES[language]?.[power];
  if (!forms) return undefined;
  const isOne = language === 'fr' ? value < 2 : value === 1;
  return { words: forms[isOne ? 0 : 1], isNoun: power >= 6 };
}

/** "2,5 Mio." → "2,5 Millionen". */
export function sayMagnitude(number: string, magnitude: string, tag: string): string | undefined {
  const language = baseOf(tag);
  const value = readNumber(number, tag);
  if (value === undefined) return undefined;
  const said = magnitudeOf(magnitude, value, language, undefined);
  return said && `${sayNumber(value, language)} ${said.words}`;
}

function currencyName(value: number, sign: string, language: string): string | undefined {
  const currency = CURRENCIES[sign] ?? CURRENCIES[sign.toUpperCase()];
  if (!currency) return undefined;
  const named = new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    currencyDisplay: 'name',
    maximumFractionDigits: 0,
    useGrouping: false,
  })
    .formatToParts(value)
    .find(({ type }) => type === 'currency')?.value;
  // Of the two dollars "US" is said where it was written.
  return /^U\.?S/.test(sign) && sign !== 'USD'
    ? named
    : named
        ?.replace(/\b(?:US|US-)\s?[- ]?(?=dollar)/i, '')
        .replace(/ (?:estadounidenses?|des États-Unis|statunitensi)/, '');
}

/** "8 euros 50", "1.5 million dollars", "5 cents"; before a noun, "1.4 billion dollar". */
export function sayAmount({ number, magnitude, sign }: Amount, tag: string, isBeforeNoun = false): string | undefined {
  const value = readNumber(number.replace(/^[.,](?=\d)/, '0.'), tag);
  if (value === undefined) return undefined;
  const language = baseOf(tag);
  const name = (count: number): string | undefined => currencyName(isBeforeNoun ? 1 : count, sign, language);
  if (magnitude) {
    const said = magnitudeOf(magnitude, value, language, sign);
    const many = name(2);
    if (!said || !many) return undefined;
    const of = said.isNoun ? (OF[language] ?? '') : '';
    const joined = language === 'fr' && of && /^[aeiouyéèêhœ]/i.test(many) ? `d’${many}` : of + many;
    return `${sayNumber(value, language)} ${said.words} ${joined}`;
  }
  const whole = Math.trunc(value);
  const small = Math.round((value - whole) * 100);
  const currency = CURRENCIES[sign] ?? CURRENCIES[sign.toUpperCase()] ?? '';
  const isExact = Math.abs(value * 100 - Math.round(value * 100)) < 1e-6;
  if (!isExact || (small > 0 && !WITH_COINS.has(currency))) {
    const many = name(2);
    return many && `${sayNumber(value, language)} ${many}`;
  }
  const coins = COINS[language];
  if (whole === 0 && small > 0 && coins) {
    const forms = coins[currency] ?? coins['']!;
    return `${small} ${forms[small === 1 || isBeforeNoun ? 0 : 1]}`;
  }
  const named = name(whole);
  if (!named) return undefined;
  if (small === 0) return `${whole} ${named}`;
  const and = SPOKEN_WORDS[language]?.and ?? '';
  return `${whole} ${named} ${and === '' ? '' : `${and} `}${small}`;
}

/** "50 cents". */
export function sayCents(count: number, tag: string): string | undefined {
  const forms = COINS[baseOf(tag)]?.[''];
  return forms && `${count} ${forms[count === 1 ? 0 : 1]}`;
}

/** "3 to 5 million dollars"; each in full where the second does not say it for both. */
export function sayAmountRange(from: Amount, to: Amount, word: string, tag: string): string | undefined {
  const low = readNumber(from.number, tag);
  const high = readNumber(to.number, tag);
  const second = sayAmount(to, tag);
  if (low === undefined || high === undefined || second === undefined) return undefined;
  const language = baseOf(tag);
  const isShared = from.magnitude === undefined || from.magnitude === to.magnitude;
  const areWhole = Number.isInteger(low) && (to.magnitude !== undefined || Number.isInteger(high));
  if (isShared && (areWhole || to.magnitude !== undefined) && low < high)
    return `${sayNumber(low, language)} ${word} ${second}`;
  const first = sayAmount(from, tag);
  return first && `${first} ${word} ${second}`;
}

export function sayUnit(amount: string, unit: string, tag: string): string | undefined {
  const value = readNumber(amount, tag);
  if (value === undefined) return undefined;
  return new Intl.NumberFormat(baseOf(tag), {
    style: 'unit',
    unit,
    unitDisplay: 'long',
    useGrouping: false,
    maximumFractionDigits: 6,
  }).format(value);
}
