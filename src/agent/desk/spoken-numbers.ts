/**
 * Numbers as people say them. In: folded words ("half past seven", "am dritten mai", "four double two one"). Out: the same with digits.
 * Words that are articles too (un, ein, una) stay words.
 */

interface NumberWords {
  /** 0 … 19 or further, without gaps. */
  small: readonly string[];
  /** 20, 30, … 90. */
  tens: readonly string[];
  /** Tens and ones together, as written in one word or several; folded. */
  join: (tens: string, ones: string) => readonly string[];
  hundred?: string;
  /** Said before a digit that is meant twice. */
  double?: readonly string[];
  /** Further spellings. */
  also?: Readonly<Record<string, number>>;
}

const spaced = (between: string) => (tens: string, ones: string) => [`${tens}${between}${ones}`];

const LANGUAGES: Readonly<Record<string, NumberWords>> = {
  en: {
    small: split(
      'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
    ),
    tens: split('twenty thirty forty fifty sixty seventy eighty ninety'),
    join: spaced(' '),
    hundred: 'hundred',
    double: ['double'],
    also: { nought: 0, oh: 0, fourty: 40 },
  },
  de: {
    small: split(
      'null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn',
    ),
    tens: split('zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig'),
    join: (tens, ones) => [`${ones === 'eins' ? 'ein' : ones}und${tens}`],
    hundred: 'hundert',
    double: ['doppel'],
    also: {
      zweit: 2,
      dritt: 3,
      viert: 4,
      funft: 5,
      sechst: 6,
      zwo: 2,
      fuenf: 5,
      zwoelf: 12,
      fuenfzehn: 15,
      dreisig: 30,
    },
  },
  it: {
    small: split(
      'zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove',
    ),
    tens: split('venti trenta quaranta cinquanta sessanta settanta ottanta novanta'),
    join: (tens, ones) => [(ones === 'uno' || ones === 'otto' ? tens.slice(0, -1) : tens) + ones],
    hundred: 'cento',
    double: ['doppio'],
  },
  es: {
    small: split(
      'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve',
    ),
    tens: split('veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa'),
    join: (tens, ones) => (tens === 'veinte' ? [`veinti${ones}`] : [`${tens} y ${ones}`]),
    hundred: 'cien',
    double: ['doble'],
  },
  fr: {
    small: split(
      'zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf',
    ),
    tens: split('vingt trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix'),
    join: (tens, ones) => [`${tens} ${ones === 'un' ? 'et un' : ones}`],
    hundred: 'cent',
    double: ['double'],
    also: { 'quatre vingts': 80, 'soixante et onze': 71 },
  },
};

/** Too often an article to be a number. */
const ARTICLES = new Set(['un', 'ein', 'una', 'uno']);
const ORDINALS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  de: germanOrdinals(),
  it: { primo: 1 },
  es: { primero: 1 },
  fr: { premier: 1 },
  en: {},
};

function split(words: string): string[] {
  return words.split(' ');
}

function germanOrdinals(): Record<string, number> {
  const stems = split(
    'erst zweit dritt viert funft sechst siebt acht neunt zehnt elft zwolft dreizehnt vierzehnt funfzehnt sechzehnt siebzehnt achtzehnt neunzehnt zwanzigst',
  );
  const ordinals: Record<string, number> = {};
  const name = (word: string, value: number) => {
    for (const ending of ['e', 'en', 'er']) if (word !== 'acht' || ending === 'en') ordinals[word + ending] = value;
  };
  for (const [i, word] of stems.entries()) name(word, i + 1);
  const ones = split('ein zwei drei vier funf sechs sieben acht neun');
  for (const [i, one] of ones.entries()) name(`${one}undzwanzigst`, 21 + i);
  name('dreissigst', 30);
  name('einunddreissigst', 31);
  return ordinals;
}

interface Numerals {
  pattern: RegExp;
  values: ReadonlyMap<string, number>;
  double: RegExp | undefined;
  hundred: RegExp | undefined;
}

const numerals = new Map<string, Numerals | undefined>();

function numeralsOf(language: string): Numerals | undefined {
  if (numerals.has(language)) return numerals.get(language);
  const words = LANGUAGES[language];
  let result: Numerals | undefined;
  if (words) {
    const values = new Map<string, number>();
    words.small.forEach((word, i) => {
      if (!ARTICLES.has(word) || word === 'uno') values.set(word, i);
    });
    words.tens.forEach((word, t) => {
      values.set(word, 20 + 10 * t);
      // French counts on to nineteen after sixty and eighty.
      const last = language === 'fr' && (t === 4 || t === 6) ? 19 : language === 'fr' && (t === 5 || t === 7) ? 0 : 9;
      for (let ones = 1; ones <= last; ones++)
        for (const joined of words.join(word, words.small[ones]!)) values.set(joined, 20 + 10 * t + ones);
    });
    for (const [word, value] of Object.entries(words.also ?? {})) values.set(word, value);
    for (const [word, value] of Object.entries(ORDINALS[language] ?? {})) values.set(word, value);
    const longest = [...values.keys()].sort((a, b) => b.length - a.length).map((word) => word.replace(/[- ]/g, '[- ]'));
    result = {
      pattern: new RegExp(`(?<![\\p{L}\\p{N}])(?:${longest.join('|')})(?![\\p{L}\\p{N}])`, 'gu'),
      values: new Map([...values].map(([word, value]) => [word.replaceAll('-', ' '), value])),
      double: words.double && new RegExp(`\\b(?:${words.double.join('|')}) (\\d)\\b`, 'g'),
      hundred:
        words.hundred === undefined
          ? undefined
          : new RegExp(`(?:\\b([1-9]) )?\\b${words.hundred}\\b(?: (?:and )?(\\d{1,2})\\b)?`, 'g'),
    };
  }
  numerals.set(language, result);
  return result;
}

/** @param folded text from `fold`. */
export function withDigits(folded: string, language: string): string {
  const known = numeralsOf(language);
  if (!known) return folded;
  let text = folded.replace(known.pattern, (word) => String(known.values.get(word.replaceAll('-', ' ')) ?? word));
  if (known.double) text = text.replace(known.double, '$1 $1');
  if (known.hundred)
    text = text.replace(known.hundred, (_, hundreds: string | undefined, rest: string | undefined) =>
      String(Number(hundreds ?? 1) * 100 + Number(rest ?? 0)),
    );
  return text;
}
