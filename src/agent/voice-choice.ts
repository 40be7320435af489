/**
 * Which voice a user means. In: what was typed and the catalogue; out: one voice. An unknown name is an error that
 * offers the nearest ones; nothing is guessed in silence.
 */
import { AppError } from '../errors.ts';
import { editDistance } from '../media/edit-distance.ts';
import { wellFormedTag } from './language-names.ts';
import type { Voice } from './tts.ts';

interface ChosenVoice {
  /** Identifier for the synthesiser, with the variant. */
  id: string;
  /** BCP 47 tag for splitting sentences. */
  language: string;
}

/** Names people use for a language that the catalogue lists under several tags or another one. */
const PREFERRED: Record<string, string> = {
  en: 'en-us',
  zh: 'cmn',
  'zh-cn': 'cmn',
  fr: 'fr-fr',
  'pt-pt': 'pt',
  yue: 'yue',
};

/** A language with a region, and perhaps a script: de-at, zh-hant-tw. Not every name with a dash. */
const REGIONAL_TAG = /^[a-z]{2,3}-([a-z]{4}-)?([a-z]{2}|\d{3})$/;

/**
 * @param wanted language tag (`it`, `en-GB`), name (`Italian`) or identifier (`roa/it`), optionally `+variant` (`en-us+f3`).
 * @throws AppError VOICE_UNKNOWN
 */
function resolveVoice(wanted: string, voices: readonly Voice[], variants: readonly string[]): ChosenVoice {
  const [base, ...rest] = wanted.trim().split('+');
  const variant = rest.join('+');
  const key = base.toLowerCase().replaceAll('_', '-');
  const voice = find(PREFERRED[key] ?? key, voices);
  if (!voice)
    throw unknown(
      wanted,
      nearest(
        key,
        voices.flatMap((v) => [...v.languages, v.name]),
      ),
      'a language tag such as en-us, it, de, cmn',
    );
  if (variant === '') return { id: voice.id, language: tagOf(voice) };
  const known = variants.find((name) => name.toLowerCase() === variant.toLowerCase());
  if (!known)
    throw unknown(
      wanted,
      nearest(variant, variants).map((name) => `${base}+${name}`),
      `a variant such as ${base}+f3`,
    );
  return { id: `${voice.id}+${known}`, language: tagOf(voice) };
}

/**
 * The wanted voice, or where the text is in another language that there is a voice for, that one in the same variant.
 *
 * @throws AppError VOICE_UNKNOWN when there is no voice of the wanted name.
 */
export function resolveVoiceFor(
  language: string | undefined,
  wanted: string,
  { voices, variants }: { voices: readonly Voice[]; variants: readonly string[] },
): ChosenVoice {
  const voice = resolveVoice(wanted, voices, variants);
  if (!language || primary(language) === primary(voice.language)) return voice;
  const key = language.toLowerCase().replaceAll('_', '-');
  if (!find(PREFERRED[key] ?? key, voices)) return voice;
  const [, ...variant] = wanted.trim().split('+');
  return resolveVoice([language, ...variant].join('+'), voices, variants);
}

/** The language of a tag, without region and script. */
export const primary = (tag: string): string => tag.toLowerCase().split(/[-_]/)[0];

function find(key: string, voices: readonly Voice[]): Voice | undefined {
  return (
    voices.find((v) => v.languages[0]?.toLowerCase() === key) ??
    voices.find((v) => v.id.toLowerCase() === key || v.id.split('/').at(-1)?.toLowerCase() === key) ??
    voices.find((v) => v.name.toLowerCase() === key) ??
    voices.find((v) => v.languages.some((language) => language.toLowerCase() === key)) ??
    // "italian" or "chinese" rather than the full name with the region.
    voices.find((v) => v.name.toLowerCase().split(' (')[0] === key) ??
    // A region that has no voice of its own (de-AT) speaks the language's.
    (REGIONAL_TAG.test(key) ? find(PREFERRED[key.split('-')[0]] ?? key.split('-')[0], voices) : undefined)
  );
}

function tagOf(voice: Voice): string {
  return Intl.Segmenter.supportedLocalesOf([wellFormedTag(voice.languages[0] ?? 'en')])[0] ?? 'en';
}

function unknown(wanted: string, near: readonly string[], example: string): AppError {
  const hint = near.length > 0 ? `did you mean ${near.join(', ')}?` : `give ${example}.`;
  return new AppError('VOICE_UNKNOWN', `There is no voice "${wanted}"; ${hint}`);
}

/** Up to five candidates within an edit distance of a third of the word, nearest first. */
function nearest(word: string, candidates: readonly string[]): string[] {
  return [...new Set(candidates)]
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(word.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 5)
    .map(({ name }) => name);
}
