// The voice that fits a visitor: the embedded voices, as the page gets them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { voiceFor } from '../../client/catalog.ts';
import { EspeakSynthesizer } from '../../src/agent/espeak.ts';
import type { VoiceInfo } from '../../src/signaling/protocol.ts';

const tts = new EspeakSynthesizer();
let voices: VoiceInfo[];
beforeAll(async () => {
  const listed = await tts.voices();
  voices = listed
    .map(({ id, name, languages }) => ({ id, title: name, language: languages[0]! }))
    .toSorted((a, b) => a.title.localeCompare(b.title));
});
afterAll(() => tts[Symbol.asyncDispose]());

describe("a visitor's voice", () => {
  it.each([
    ['en', 'en-us'],
    ['en-US', 'en-us'],
    ['en-GB', 'en-gb'],
    ['en-NZ', 'en-us'],
    ['de', 'de'],
    ['de-AT', 'de'],
    ['fr', 'fr-fr'],
    ['fr-CA', 'fr-fr'],
    ['fr-CH', 'fr-ch'],
    ['es-MX', 'es'],
    ['pt', 'pt'],
    ['pt-AO', 'pt'],
  ])('of one who reads %s is %s', (language, expected) => expect(voiceFor(voices, language)?.language).toBe(expected));

  it.each(['', 'C', 'en-us-nyc', 'en_US.UTF-8', '*', 'x', '\u0000'])(
    'is none or one, whatever "%s" may be',
    (language) => {
      expect(() => voiceFor(voices, language)).not.toThrow();
    },
  );
});
