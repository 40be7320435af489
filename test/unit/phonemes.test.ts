// Every sound that espeak-ng can name has a mouth shape: its whole inventory, and what it says in the languages promised.
import { describe, expect, it } from 'vitest';
import { isVowel, PHONE_CLASSES, phonemeParts } from '../../src/engine/motion/phonemes.ts';

interface EspeakModule {
  FS: { readFile(path: string): Uint8Array };
}
/** The package has no types. */
const name: string = '@echogarden/espeak-ng-emscripten';
const espeak = await ((await import(name)) as { default: () => Promise<EspeakModule> }).default();

/** IPA names are instructions of the phoneme programs: 0x0d, length, then the bytes in big-endian words. */
function explicitIpaNames(): string[] {
  const bytes = espeak.FS.readFile('/usr/share/espeak-ng-data/phonindex');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const names = new Set<string>();
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const length = bytes[at];
    if (bytes[at + 1] !== 0x0d || length < 1 || length > 16) continue;
    const swapped = Array.from({ length }, (_, i) => bytes[at + 2 + (i ^ 1)] ?? 0);
    try {
      const name = decoder.decode(Uint8Array.from(swapped)).replace(/\0+$/, '');
      if (/^[^\s\p{Cc}]+$/u.test(name)) names.add(name);
    } catch {
      // Data that happens to look like the instruction.
    }
  }
  return [...names];
}

/** espeak's own table from its ASCII mnemonics (0x20 …) to IPA, used where a phoneme has no explicit name. */
const IPA_OF_ASCII = ' !"ʰ$%æˈ()ɾ+ˌ-./ɒ12ɜ4567ɵ9ːʲ<=>ʔəɑβçðɛFɢħɪɟKɫɱŋɔΦɣʀʃθʊʌœχøʒ̪\\]^_`abcdefɡhijklmnopqrstuvwxyz{|}̃';

/** Vowels, liquids, stops, fricatives, nasals of all languages, as espeak would write them. */
function mnemonicNames(): string[] {
  const bytes = espeak.FS.readFile('/usr/share/espeak-ng-data/phontab');
  const latin = new TextDecoder('latin1');
  const table = [...IPA_OF_ASCII];
  const names = new Set<string>();
  let at = 4;
  for (let tables = bytes[0]; tables > 0; tables--) {
    let count = bytes[at];
    at += 36;
    for (; count > 0; count--, at += 16) {
      const isSound = bytes[at + 11] >= 2 && bytes[at + 11] <= 8;
      const mnemonic = latin.decode(bytes.subarray(at, at + 4)).replace(/\0.*$/, '');
      if (!isSound || mnemonic.startsWith('_')) continue;
      const kept = mnemonic.split('/')[0].replace(/(?<=.)[\d#]/g, '');
      names.add([...kept].map((c) => (c >= ' ' && c <= '~' ? table[c.charCodeAt(0) - 32] : c)).join(''));
    }
  }
  return [...names];
}

describe('phonemes', () => {
  it('maps every IPA name in the synthesiser’s phoneme programs', () => {
    const names = explicitIpaNames();
    expect(names.length).toBeGreaterThan(200);
    expect(names).toContain('tʃ'.replace('ʃ', 'ɕ'));
    const unmapped = names.filter((name) => phonemeParts(name).unknown.length > 0);
    expect(unmapped).toEqual([]);
  });

  it('maps every phoneme of every language’s phoneme table', () => {
    const names = mnemonicNames();
    expect(names.length).toBeGreaterThan(300);
    const unmapped = names.filter((name) => phonemeParts(name).unknown.length > 0);
    expect(unmapped).toEqual([]);
  });

  it.each([
    ['aɪ', 'a I'],
    ['oʊ', 'o U'],
    ['ɛɹ', 'E r'],
    ['aɪə', 'a I @'],
    ['tʃ', 'tS'],
    ['t͡s', 's'],
    ['dʒ', 'tS'],
    ['ʈʂ', 'tS'],
    ['tɕh', 's'],
    ['th', 't'],
    ['tʰ', 't'],
    ['bʲ', 'b'],
    ['mː', 'm'],
    ['m̩', 'm'],
    ['ɑ̃ː', 'A'],
    ['ã', 'a'],
    ['ç', 'j'],
    ['ɕ', 's'],
    ['s.', 'S'],
    ['i.', 'i'],
    ['dˤ', 'd'],
    ['ɯᵝ', 'M'],
    ['ʔ', 'h'],
    ['iɛ', 'i E'],
    ['ɲ', 'n'],
    ['ʎ', 'l'],
    ['ɸ', 'w'],
    ['pf', 'p f'],
    ['˥˩', ''],
  ])('%s → %s', (ipa, classes) => {
    const { parts } = phonemeParts(ipa);
    expect(parts.map(({ phone }) => phone.name).join(' ')).toBe(classes);
    if (parts.length > 0) expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('reports symbols that it does not know', () => {
    expect(phonemeParts('a☃').unknown).toEqual(['☃']);
  });

  it('has complete classes within bounds', () => {
    expect(PHONE_CLASSES.size).toBe(42);
    for (const { name, target, alpha, hard, thetaPerS } of PHONE_CLASSES.values()) {
      for (const row of [target, alpha, hard]) {
        expect(row, name).toHaveLength(9);
        for (const value of row) expect(value >= 0 && value <= 1, name).toBe(true);
      }
      expect(thetaPerS).toBeGreaterThan(5);
    }
    expect([...PHONE_CLASSES.values()].filter(isVowel).length).toBeGreaterThan(15);
  });
});
