/**
 * Words as the desk compares them. In: what somebody typed or a recogniser understood (no punctuation, no accents, small mistakes). Out: folded
 * tokens, stems, and how far two wordings agree. Nothing here knows what anything means.
 */
import { editDistance } from '../../media/edit-distance.ts';
import { FUNCTION_WORDS } from '../function-words.ts';

/** Lower case, without accents, markup and odd marks; letters, digits and the marks inside addresses, times and numbers stay. */
export function fold(text: string): string {
  return text
    .toLowerCase()
    .replace(/<[^>]{0,200}>/g, ' ')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .replace(/[‘’ʼ`´]/g, "'");
}

/** What English runs together, with and without its apostrophe where that is no other word. */
const CONTRACTIONS: readonly (readonly [RegExp, string])[] = [
  [/\bcan'?t\b/g, 'cannot'],
  [/\bwon't\b/g, 'will not'],
  [/\b(is|are|was|were|do|does|did|has|have|had|would|could|should)n't\b/g, '$1 not'],
  [/\b(is|are|does|did|would|could)nt\b/g, '$1 not'],
  [/\b(what|where|who|how|when|that|it|there|here|she|he)'s\b/g, '$1 is'],
  [/\b(what|where|who|how|that)s\b/g, '$1 is'],
  [/\b(you|we|they)'?re\b(?<!\bwere)/g, '$1 are'],
  [/\bi'm\b/g, 'i am'],
  [/\b(i|you|we|they)'ve\b/g, '$1 have'],
];

/** Folded words and numbers; an apostrophe parts them (dov'è → dov e). */
export function tokens(text: string): string[] {
  let plain = fold(text);
  for (const [contraction, words] of CONTRACTIONS) plain = plain.replace(contraction, words);
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

const functionWords = new Map<string, ReadonlySet<string>>();

/** A word that does not say what is asked for. */
export function isFunctionWord(token: string, language: string): boolean {
  let known = functionWords.get(language);
  if (!known) {
    known = new Set((FUNCTION_WORDS[language] ?? []).flatMap(tokens));
    functionWords.set(language, known);
  }
  return known.has(token) || (token.length === 1 && !/\p{N}/u.test(token));
}

const ENDINGS: Readonly<Record<string, RegExp>> = {
  en: /(?:(?<=[^s])s|(?<=[a-z]{3})(?:ing|ed|er|ers|e))$/,
  de: /(?<=.{4})(?:ungen|ung|ern|em|en|er|es|e|n|s|t)$/,
  it: /(?<=.{3})(?:mente|are|ere|ire|[aeio]+)$/,
  es: /(?<=.{3})(?:mente|ar|er|ir|os|as|es|[aeos])$/,
  fr: /(?<=.{3})(?:ment|er|ez|ent|es|s|x|e)$/,
};

/** The token without its commonest endings: enough for a plural or a verb to be found, the search does the rest. */
export function stem(token: string, language: string): string {
  if (token.length < 4 || /\p{N}/u.test(token)) return token;
  const ending = ENDINGS[language];
  if (!ending) return token;
  const base = token.replace(/ies$/, 'y').replace(ending, '');
  return base.replace(ending, '').replace(/(?<=.{2})([bdfgklmnprst])\1$/, '$1');
}

/** Whether two folded words are the same but for one slip in a long word, two in a very long one. */
export function isAlike(a: string, b: string): boolean {
  if (a === b) return true;
  const longer = Math.max(a.length, b.length);
  const allowed = longer >= 9 ? 2 : longer >= 5 ? 1 : 0;
  // The first letter is seldom the wrong one, and "no" is not "go".
  if (allowed === 0 || a[0] !== b[0] || /\d/.test(a + b)) return false;
  return editDistance(a, b) <= allowed || isSwapped(a, b);
}

/** Two neighbouring letters have changed places. */
function isSwapped(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}

/** @returns where the phrase's words begin and end in the words said, next to one another; undefined when they are not there. */
export function findPhrase(
  said: readonly string[],
  phrase: readonly string[],
): { from: number; to: number } | undefined {
  for (let from = 0; from + phrase.length <= said.length; from++)
    if (phrase.every((word, i) => isAlike(said[from + i]!, word))) return { from, to: from + phrase.length };
  return undefined;
}

/** How much a word of each kind counts when two wordings are compared. */
const weightOf = (token: string, language: string): number => (isFunctionWord(token, language) ? 0.25 : 1);

/** 0 … 1: the share of both wordings that is in the other, by stems; order does not count. @param weigh how much a word counts. */
export function agreement(
  a: readonly string[],
  b: readonly string[],
  language: string,
  weigh: (token: string) => number = (token) => weightOf(token, language),
): number {
  let shared = 0;
  let total = 0;
  const left = b.map((token) => ({ token, stem: stem(token, language) }));
  for (const token of b) total += weigh(token);
  for (const token of a) {
    const weight = weigh(token);
    total += weight;
    const stemmed = stem(token, language);
    const at = left.findIndex((other) => other.stem === stemmed || isAlike(other.token, token));
    if (at < 0) continue;
    shared += weight + weigh(left[at]!.token);
    left.splice(at, 1);
  }
  return total === 0 ? 0 : shared / total;
}

/** `{name}` → its value; one that is not given vanishes. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template
    .replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '')
    .replace(/ {2,}/g, ' ')
    .replace(/ ([.,])/g, '$1')
    .trim();
}

/** The first letter large, behind stage directions too. */
export function sentenceCase(text: string): string {
  return text.replace(
    /^((?:\[[^\]]*\]\s*)*)(\p{Ll})/u,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

export function listed(
  items: readonly string[],
  language: string,
  type: 'conjunction' | 'disjunction' = 'conjunction',
): string {
  return new Intl.ListFormat(language, { style: 'long', type }).format(items);
}
