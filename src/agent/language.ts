/**
 * What language a text is in. In: a sentence, typed, spoken or about to be, and the language that holds otherwise. Out: a BCP 47 tag; the
 * fallback wherever the text is too short or could be either, so that a name or "OK" never changes the language of a conversation.
 */
import { detectAll } from 'tinyld';
import { FUNCTION_WORDS } from './function-words.ts';

/** Scripts that tell the language by themselves; the first is meant unless the fallback is another of them. */
const BY_SCRIPT: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\p{Script=Hangul}/gu, ['ko']],
  [/\p{Script=Han}/gu, ['zh', 'ja', 'yue', 'cmn']],
  [/\p{Script=Greek}/gu, ['el']],
  [/\p{Script=Hebrew}/gu, ['he', 'yi']],
  [/\p{Script=Thai}/gu, ['th']],
  [/\p{Script=Cyrillic}/gu, ['ru', 'uk', 'bg', 'sr', 'mk', 'be', 'kk', 'tt', 'mn', 'ky']],
  [/\p{Script=Arabic}/gu, ['ar', 'fa', 'ur', 'ku', 'ug', 'ps', 'sd']],
  [/\p{Script=Devanagari}/gu, ['hi', 'mr', 'ne', 'kok']],
  [/\p{Script=Armenian}/gu, ['hy']],
  [/\p{Script=Georgian}/gu, ['ka']],
  [/\p{Script=Bengali}/gu, ['bn', 'as']],
  [/\p{Script=Tamil}/gu, ['ta']],
];

/** Latin languages whose statistics are trusted; the rare ones would claim every name. */
const STATISTICAL = ['en', 'de', 'it', 'es', 'fr', 'pt', 'nl', 'pl', 'sv', 'da', 'no', 'fi', 'cs', 'hu', 'ro', 'tr'];
/** Greetings that are a language's own and a whole sentence by themselves. */
const GREETINGS: Readonly<Record<string, RegExp>> = {
  en: /^(hello|good (morning|afternoon|evening)|thanks|thank you|goodbye|excuse me)\b/,
  de: /^(guten (tag|morgen|abend)|grüß (gott|dich)|grüezi|servus|moin|danke|vielen dank|auf wiedersehen|tschüss?|bis bald|entschuldigung)(?!\p{L})/u,
  it: /^(buon(giorno|asera| giorno|a sera)|salve|grazie|arrivederci|mi scusi)(?!\p{L})/u,
  es: /^(hola|buen[oa]s (d[ií]as|tardes|noches)|gracias|muchas gracias|adi[oó]s|hasta luego)(?!\p{L})/u,
  fr: /^(bonjour|bonsoir|salut|merci|au revoir|excusez[- ]moi|s'il vous pla[iî]t)(?!\p{L})/u,
  pt: /^(olá|bom dia|boa (tarde|noite)|obrigad[oa])(?!\p{L})/u,
  nl: /^(goede(morgen|middag|navond)|dank (je|u)|bedankt|tot ziens)(?!\p{L})/u,
};

const MAX_CHARS = 400;
/** Scores are shares of certainty; both found by trying short questions, names and single words. */
const CERTAIN = 0.3;
const MARGIN = 0.12;

/** @returns the language's tag without a region; the fallback as it was given where the text is in that language or undecided. */
export function detectLanguage(text: string, fallback: string): string {
  const home = baseOf(fallback);
  const sample = text.slice(0, MAX_CHARS).toLowerCase().replaceAll('’', "'").trim();
  const found = byScript(sample, home) ?? byWords(sample, home);
  return found === undefined || found === home ? fallback : found;
}

const baseOf = (tag: string): string => tag.toLowerCase().split(/[-_]/)[0];

function byScript(sample: string, home: string): string | undefined {
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  // Japanese is written with Chinese characters too; a few kana tell.
  if ((sample.match(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0) * 6 > letters) return 'ja';
  let others = 0;
  for (const [script, languages] of BY_SCRIPT) {
    others += sample.match(script)?.length ?? 0;
    if (others * 2 > letters) return languages.includes(home) ? home : languageOf(sample, languages);
  }
  return undefined;
}

function languageOf(sample: string, languages: readonly string[]): string {
  if (languages.length === 1 || sample.length < 12) return languages[0];
  return detectAll(sample, { only: [...languages] })[0]?.lang ?? languages[0];
}

function byWords(sample: string, home: string): string | undefined {
  for (const [language, greeting] of Object.entries(GREETINGS)) if (greeting.test(sample)) return language;
  const words = sample.match(/\p{L}[\p{L}'-]*/gu) ?? [];
  if (words.length < 2) return undefined;
  const scores = new Map<string, number>();
  // A single telling letter group is given as certainty 1; two words with an umlaut may be a name.
  for (const { lang, accuracy } of detectAll(sample, { only: STATISTICAL }))
    scores.set(lang, words.length < 3 ? Math.min(accuracy, 0.2) : Math.min(accuracy, 0.35));
  for (const [language, small] of Object.entries(FUNCTION_WORDS)) {
    const count = words.filter((word) => small.includes(word)).length;
    if (count > 0)
      scores.set(
        language,
        (scores.get(language) ?? 0) + Math.min(count / words.length, 0.75) + 0.05 * Math.min(count, 4),
      );
  }
  const [best] = [...scores].sort((a, b) => b[1] - a[1]);
  if (!best || best[1] < CERTAIN) return undefined;
  const rivals = Math.max(...[...scores].map(([language, score]) => (language === best[0] ? 0 : score)));
  // The language that holds needs no margin over others, another one does.
  return best[0] === home || best[1] - rivals > MARGIN || best[1] - (scores.get(home) ?? 0) > 2 * MARGIN
    ? best[0]
    : undefined;
}
