/** What a synthesiser reads wrong, and how it is said, by language: words for marks, times of day, ordinals, abbreviations. Data for `spoken-text.ts`. */

export interface SpokenWords {
  /** Marks in addresses. */
  at: string;
  dot: string;
  dash: string;
  underscore: string;
  slash: string;
  plus: string;
  /** Before an amount that is owed. */
  minus: string;
  /** 10–18. */
  to: string;
  /** 5 €/h. */
  per: string;
  /** Between whole coins and small ones: 8,50 €. */
  and: string;
  squareMetres: string;
  /** Minutes after the full hour, 0 … 59; `tail` is what stood behind the time: Uhr, am. */
  time: (hour: number, minute: number, tail: string) => string;
  /** What may stand behind a time and belongs to it. */
  timeTail: RegExp;
  /** 1 … 31 as an ordinal before a month or a noun; `before` is the word in front. Undefined: the synthesiser reads it right. */
  ordinal?: (day: number, before: string) => string;
  /** Longest first; a full stop in them ends no sentence. */
  abbreviations: readonly (readonly [RegExp, string])[];
}

const GERMAN_ORDINALS =
  'ers zwei drit vier fünf sechs sieb ach neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn'.split(
    ' ',
  );
const GERMAN_ONES = 'ein zwei drei vier fünf sechs sieben acht neun'.split(' ');

/** "am 3. Mai" → am dritten; "der 3. Mai" → der dritte. */
function germanOrdinal(day: number, before: string): string {
  const tens = day >= 30 ? 'dreißigs' : 'zwanzigs';
  const stem =
    day < 20 ? GERMAN_ORDINALS[day - 1]! : day % 10 === 0 ? tens : `${GERMAN_ONES[(day % 10) - 1]}und${tens}`;
  return `${stem}te${/^(am|dem|den|vom|zum|im|bis|beim|des|ab|seit)$/i.test(before) ? 'n' : ''}`;
}

export function englishOrdinal(day: number): string {
  const ending = day % 100 >= 11 && day % 100 <= 13 ? 'th' : ({ 1: 'st', 2: 'nd', 3: 'rd' }[day % 10] ?? 'th');
  return `${day}${ending}`;
}

export const SPOKEN_WORDS: Readonly<Record<string, SpokenWords>> = {
  en: {
    ...{
      at: 'at',
      dot: 'dot',
      dash: 'dash',
      underscore: 'underscore',
      slash: 'slash',
      plus: 'plus',
      minus: 'minus',
      to: 'to',
      per: 'per',
      and: '',
      squareMetres: 'square meters',
    },
    timeTail: /^[ap]\.?m/i,
    time: (hour, minute, tail) => {
      const half = tail === '' ? '' : /^a/i.test(tail) ? ' am' : ' pm';
      const minutes = minute === 0 ? (half === '' ? " o'clock" : '') : minute < 10 ? ` oh ${minute}` : ` ${minute}`;
      return `${hour}${minutes}${half}`;
    },
    abbreviations: [
      [/\be\.\s?g\.,?/gi, 'for example'],
      [/\bi\.\s?e\.,?/gi, 'that is'],
      [/\betc\./gi, 'et cetera'],
      [/\bDr\.(?= \p{Lu})/gu, 'Doctor'],
      [/\bMrs\./g, 'Missis'],
      [/\bMr\./g, 'Mister'],
      [/\bMs\./g, 'Miss'],
      [/\bProf\./g, 'Professor'],
      [/\bSt\.(?= \p{Lu})/gu, 'Saint'],
      [/\bNo\. ?(?=\d)/g, 'number '],
      [/#(?=\d)/g, 'number '],
      [/\bapprox\./gi, 'approximately'],
      [/\bvs\./gi, 'versus'],
      [/\bTel\.:?/g, 'telephone'],
    ],
  },
  de: {
    ...{
      at: 'ätt',
      dot: 'Punkt',
      dash: 'Bindestrich',
      underscore: 'Unterstrich',
      slash: 'Schrägstrich',
      plus: 'plus',
      minus: 'minus',
      to: 'bis',
      per: 'pro',
      and: '',
    },
    squareMetres: 'Quadratmeter',
    timeTail: /^Uhr/i,
    time: (hour, minute) => `${hour === 1 ? 'ein' : hour} Uhr${minute === 0 ? '' : ` ${minute}`}`,
    ordinal: germanOrdinal,
    abbreviations: [
      [/\bz\.\s?B\./g, 'zum Beispiel'],
      [/\bd\.\s?h\./g, 'das heißt'],
      [/\bu\.\s?a\./g, 'unter anderem'],
      [/\bu\.\s?U\./g, 'unter Umständen'],
      [/\bo\.\s?Ä\./g, 'oder Ähnliches'],
      [/\busw\./g, 'und so weiter'],
      [/\betc\./g, 'et cetera'],
      [/\bbzw\./g, 'beziehungsweise'],
      [/\bca\./g, 'circa'],
      [/\bNr\. ?(?=\d)/g, 'Nummer '],
      [/\bDr\./g, 'Doktor'],
      [/\bProf\./g, 'Professor'],
      [/\bFr\.(?= \p{Lu})/gu, 'Frau'],
      [/\bHr\.(?= \p{Lu})/gu, 'Herr'],
      [/\bTel\.:?/g, 'Telefon'],
      [/\binkl\./g, 'inklusive'],
      [/\bggf\./g, 'gegebenenfalls'],
      [/\bevtl\./g, 'eventuell'],
      [/(?<=\p{L})str\. ?(?=\d)/gu, 'straße '],
      [/\bStr\. ?(?=\d)/g, 'Straße '],
    ],
  },
  it: {
    ...{
      at: 'chiocciola',
      dot: 'punto',
      dash: 'trattino',
      underscore: 'trattino basso',
      slash: 'barra',
      plus: 'più',
      minus: 'meno',
      to: 'a',
      per: 'al',
      and: 'e',
    },
    squareMetres: 'metri quadrati',
    timeTail: /^(?!)/,
    time: (hour, minute) => `${hour}${minute === 0 ? '' : ` e ${minute}`}`,
    abbreviations: [
      [/\bsig\.ra\b/gi, 'signora'],
      [/\bsig\.na\b/gi, 'signorina'],
      [/\bsigg\./gi, 'signori'],
      [/\bsig\./gi, 'signor'],
      [/\bdott\.ssa\b/gi, 'dottoressa'],
      [/\bdott\./gi, 'dottor'],
      [/\bprof\.ssa\b/gi, 'professoressa'],
      [/\bprof\./gi, 'professor'],
      [/\becc\./gi, 'eccetera'],
      [/\bad es\./gi, 'ad esempio'],
      [/\bn\.\s?(?=\d)/gi, 'numero '],
      [/\bP\.zza\b/gi, 'Piazza'],
      [/\btel\.:?/gi, 'telefono'],
      [/\bca\./gi, 'circa'],
      [/\bavv\./gi, 'avvocato'],
    ],
  },
  es: {
    ...{
      at: 'arroba',
      dot: 'punto',
      dash: 'guion',
      underscore: 'guion bajo',
      slash: 'barra',
      plus: 'más',
      minus: 'menos',
      to: 'a',
      per: 'por',
      and: 'con',
    },
    squareMetres: 'metros cuadrados',
    timeTail: /^(?:h|horas)\b/,
    time: (hour, minute) => `${hour}${minute === 0 ? '' : ` y ${minute}`}`,
    abbreviations: [
      [/\bSres\./g, 'señores'],
      [/\bSra\./g, 'señora'],
      [/\bSrta\./g, 'señorita'],
      [/\bSr\./g, 'señor'],
      [/\bDra\./g, 'doctora'],
      [/\bDr\./g, 'doctor'],
      [/\bUds\./g, 'ustedes'],
      [/\bUd\./g, 'usted'],
      [/\bp\.\s?ej\./gi, 'por ejemplo'],
      [/\betc\./gi, 'etcétera'],
      [/\bn\.?º ?(?=\d)/gi, 'número '],
      [/\btel\.:?/gi, 'teléfono'],
      [/\baprox\./gi, 'aproximadamente'],
      [/\b1\.º/g, 'primero'],
      [/\b1\.ª/g, 'primera'],
      [/\b2\.º/g, 'segundo'],
      [/\b2\.ª/g, 'segunda'],
      [/\b3\.º/g, 'tercero'],
      [/\b3\.ª/g, 'tercera'],
    ],
  },
  fr: {
    ...{
      at: 'arobase',
      dot: 'point',
      dash: 'tiret',
      underscore: 'tiret bas',
      slash: 'slash',
      plus: 'plus',
      minus: 'moins',
      to: 'à',
      per: 'par',
      and: '',
    },
    squareMetres: 'mètres carrés',
    timeTail: /^(?!)/,
    time: (hour, minute) =>
      `${hour === 1 ? 'une' : hour} heure${hour < 2 ? '' : 's'}${minute === 0 ? '' : ` ${minute}`}`,
    abbreviations: [
      [/\bM\.(?= \p{Lu})/gu, 'Monsieur'],
      [/\bMM\.(?= \p{Lu})/gu, 'Messieurs'],
      [/\bMmes\b/g, 'Mesdames'],
      [/\bMme\b/g, 'Madame'],
      [/\bMlle\b/g, 'Mademoiselle'],
      [/\bDr\.?(?= \p{Lu})/gu, 'Docteur'],
      [/\bp\.\s?ex\./gi, 'par exemple'],
      [/\betc\./gi, 'et cetera'],
      [/\bn[°º]\s?(?=\d)/gi, 'numéro '],
      [/\btél\.:?/gi, 'téléphone'],
      [/\benv\./gi, 'environ'],
      [/\b2e\b|\b2ème\b/g, 'deuxième'],
      [/\b3e\b|\b3ème\b/g, 'troisième'],
      [/\b4e\b|\b4ème\b/g, 'quatrième'],
      [/\b5e\b|\b5ème\b/g, 'cinquième'],
    ],
  },
};
