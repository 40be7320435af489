// The page's words: every language has all of them, and a visitor gets the first that the page knows.
import { describe, expect, it } from 'vitest';
import { de } from '../../client/words/de.ts';
import { es } from '../../client/words/es.ts';
import { fr } from '../../client/words/fr.ts';
import { it as italian } from '../../client/words/it.ts';
import { languageFor, wordsWith } from '../../client/words.ts';

describe("the page's words", () => {
  it.each([
    ['de', de],
    ['es', es],
    ['fr', fr],
    ['it', italian],
  ])('are complete in %s, with the place for what is filled in', (_, dictionary) => {
    expect(Object.keys(dictionary).sort()).toEqual(Object.keys(de).sort());
    for (const [english, word] of Object.entries(dictionary)) {
      expect(word.trim(), english).not.toBe('');
      expect(word.split('{}').length, english).toBe(english.split('{}').length);
    }
  });

  it('take what is filled in as it is, one after the other', () => {
    expect(wordsWith('There is no face “{}” here; this is “{}”.', 'a{}$&', 'Maya')).toContain('“a{}$&”');
    expect(wordsWith('Looking at {} …', 'me.jpg')).toBe('Looking at me.jpg …');
  });

  it("are in the first of the browser's languages that the page knows", () => {
    expect(languageFor(['de-AT', 'en'])).toBe('de');
    expect(languageFor(['ja', 'fr-CH', 'de'])).toBe('fr');
    expect(languageFor(['en-GB', 'it'])).toBe('en');
    expect(languageFor(['ja'])).toBe('en');
    expect(languageFor([])).toBe('en');
    expect(languageFor(['', '*', 'constructor', 'de_AT', 'it'])).toBe('it');
  });
});
