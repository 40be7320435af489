/**
 * The page's words in the visitor's language. In: the English words, which are the keys; out: the same in the first of the browser's languages that
 * the page knows, English where it knows none. What comes from the server (errors, titles of faces and voices) stays as it comes.
 */
import { html, type TemplateResult } from 'lit';
import { de } from './words/de.ts';
import { es } from './words/es.ts';
import { fr } from './words/fr.ts';
import { it } from './words/it.ts';

export type English = keyof typeof de;

const DICTIONARIES: Readonly<Record<string, Readonly<Record<English, string>>>> = { de, es, fr, it };

/** @param languages BCP 47, the visitor's favourite first. @returns the base tag of the page's language. */
export function languageFor(languages: readonly string[]): string {
  const bases = languages.map((tag) => tag.toLowerCase().split('-')[0]!);
  return bases.find((base) => base === 'en' || Object.hasOwn(DICTIONARIES, base)) ?? 'en';
}

/** What the page is written in. */
export const pageLanguage = languageFor(globalThis.navigator?.languages ?? []);

export const words = (english: English): string => DICTIONARIES[pageLanguage]?.[english] ?? english;

/** The words with the values in the places of `{}`, one after the other. */
export const wordsWith = (english: English, ...values: readonly string[]): string =>
  words(english)
    .split('{}')
    .map((part, i) => part + (values[i] ?? ''))
    .join('');

/** The words with something in the place of `{}`. */
export function wordsAround(english: English, inside: unknown): TemplateResult {
  const [before, after] = words(english).split('{}');
  return html`${before}${inside}${after}`;
}
