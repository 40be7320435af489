/**
 * The articulatory classes of `models/phonemes.json` (shared with training) and the way from a synthesiser's IPA to
 * them. In: one phoneme as written; out: one to three classes with their share of its time. Unknown symbols are
 * reported, not hidden, so that a test can prove that there are none.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelsDir } from '../../paths.ts';

export const CHANNELS = ['jaw', 'close', 'round', 'pucker', 'stretch', 'roll', 'tongue', 'lower', 'upper'] as const;
export type Channel = (typeof CHANNELS)[number];
export const CHANNEL_INDEX = Object.fromEntries(CHANNELS.map((name, i) => [name, i])) as Readonly<
  Record<Channel, number>
>;

export interface PhoneClass {
  name: string;
  viseme: string | null;
  /** Decay of the dominance outside the segment, 1/s. */
  thetaPerS: number;
  /** 9 each, in the order of `CHANNELS`. */
  target: readonly number[];
  alpha: readonly number[];
  /** What must be reached whatever the neighbours want; 0 where nothing must. */
  hard: readonly number[];
}

interface PhonemeFile {
  channels: string[];
  classes: Record<string, Omit<PhoneClass, 'name'>>;
  pairs: Record<string, string>;
  ipa: Record<string, string>;
}

const file = JSON.parse(readFileSync(join(modelsDir, 'phonemes.json'), 'utf8')) as PhonemeFile;
if (file.channels.join() !== CHANNELS.join())
  throw new Error('models/phonemes.json lists other channels than the engine');

export const PHONE_CLASSES: ReadonlyMap<string, PhoneClass> = new Map(
  Object.entries(file.classes).map(([name, rest]) => [name, { name, ...rest }]),
);

export const SILENCE = phoneClass('sil');

function phoneClass(name: string): PhoneClass {
  const found = PHONE_CLASSES.get(name);
  if (!found) throw new Error(`models/phonemes.json has no class "${name}"`);
  return found;
}

const VOWELS = new Set(['aa', 'E', 'I', 'O', 'U']);
export const isVowel = (phone: PhoneClass): boolean => VOWELS.has(phone.viseme ?? '') && phone.name !== 'w';

/** Length, stress, tone, voice quality, aspiration, secondary articulation: nothing that moves the lips. */
const MODIFIER = /[\p{M}\p{Lm}\p{Sk}\p{Nd}.\-:;'’`"^#?!~[\]/\\*&%+<>=|_\s]/u;

export interface PhonemeParts {
  parts: { phone: PhoneClass; share: number }[];
  /** Symbols that have no class. */
  unknown: string[];
}

/** A way to write the class in IPA, so that `phonemeParts` finds it again; silence has none. */
export function ipaOf(phone: PhoneClass): string | undefined {
  return [...Object.entries(file.ipa), ...Object.entries(file.pairs)].find(([, name]) => name === phone.name)?.[0];
}

const cache = new Map<string, PhonemeParts>();

/** Classes of one phoneme: `aɪ` → a, I; `tʃ` → tS; `ɛɹ` → E, r; `n̩` → n. A phoneme of modifiers only has no part. */
export function phonemeParts(ipa: string): PhonemeParts {
  let parts = cache.get(ipa);
  if (!parts) {
    parts = parse(ipa);
    cache.set(ipa, parts);
  }
  return parts;
}

function parse(ipa: string): PhonemeParts {
  const symbols = [...ipa.normalize('NFC').replaceAll('\u0361', '')];
  const names: string[] = [];
  const unknown: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const pair = [3, 2, 1].find((length) => file.pairs[symbols.slice(i, i + length).join('')] !== undefined);
    if (pair !== undefined) {
      names.push(file.pairs[symbols.slice(i, i + pair).join('')]);
      i += pair - 1;
      continue;
    }
    // Aspiration may be written as a plain h.
    if (symbols[i] === 'h' && names.length > 0) continue;
    const name = file.ipa[symbols[i]] ?? file.ipa[symbols[i].normalize('NFD')[0]];
    if (name !== undefined) names.push(name);
    else if (!MODIFIER.test(symbols[i])) unknown.push(symbols[i]);
  }
  // A palatal glide may stand for itself.
  if (names.length === 0 && ipa.includes('ʲ')) names.push('j');
  const phones = names.filter((name, i) => name !== names[i - 1]).map(phoneClass);
  return { parts: withShares(phones), unknown };
}

/** A diphthong dwells on its first half; a vowel with an r or l keeps most of the time. */
function withShares(phones: PhoneClass[]): PhonemeParts['parts'] {
  const shares = phones.length === 1 ? [1] : phones.length === 2 ? [0.55, 0.45] : [0.42, 0.3];
  const rest = (1 - shares.slice(0, phones.length).reduce((a, b) => a + b, 0)) / Math.max(phones.length - 2, 1);
  return phones.map((phone, i) => ({ phone, share: shares[i] ?? rest }));
}
