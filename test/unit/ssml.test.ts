import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { Script } from '../../src/agent/script.ts';
import { isSsml, parseSsml, scriptLines } from '../../src/agent/ssml.ts';
import { type SpeechOptions, type SpeechSynthesizer, splitSentences } from '../../src/agent/tts.ts';
import { AppError } from '../../src/errors.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const speak = (inside: string) => parseSsml(`<speak>${inside}</speak>`);
const text = (words: string, options = {}) => ({ kind: 'text', text: words, options });
const pause = (durationMs: number) => ({ kind: 'pause', durationMs });

describe('SSML', () => {
  it('is told from plain text', () => {
    expect(isSsml('<speak>Hello</speak>')).toBe(true);
    expect(isSsml(' <?xml version="1.0"?>\n<speak version="1.1">Hello</speak>')).toBe(true);
    expect(isSsml('I <speak> no markup')).toBe(false);
    expect(isSsml('<speaker>')).toBe(false);
  });

  it.each([
    ['Hello <break/> you', [text('Hello '), pause(400), text('you')]],
    ['a <break time="1.5s"/><break time="250ms"/> b', [text('a '), pause(1750), text('b')]],
    ['a <break strength="none"/> b', [text('a b')]],
    [
      'a <prosody rate="slow" pitch="+10%" volume="-6dB">b</prosody>',
      [text('a '), text('b', { ratePercent: 80, pitchPercent: 110, volumePercent: 100 * 10 ** (-6 / 20) })],
    ],
    ['<prosody rate="80%"><prosody rate="50%">a</prosody></prosody>', [text('a', { ratePercent: 40 })]],
    ['<prosody pitch="+12st">a</prosody>', [text('a', { pitchPercent: 200 })]],
    ['Say <lang xml:lang="it">ciao</lang> now', [text('Say '), text('ciao', { language: 'it' }), text('now')]],
    ['<voice name="flite:slt">a</voice>', [text('a', { voice: 'flite:slt' })]],
    ['<p>One</p><p><s>Two</s><s>Three!</s></p>', [text('One. '), pause(500), text('Two. Three!'), pause(500)]],
    ['The <sub alias="World Wide Web Consortium">W3C</sub>.', [text('The World Wide Web Consortium.')]],
    ['<say-as interpret-as="characters">ABC</say-as>', [text('A, B, C')]],
    ['<say-as interpret-as="digits">4711</say-as>', [text('4 7 1 1')]],
    ['<say-as interpret-as="date">24/12/2026</say-as>', [text('24/12/2026')]],
    ['one <emphasis>two</emphasis> <mark name="x"/><amazon:effect>three</amazon:effect>', [text('one two three')]],
    ['5 &lt; 6 &amp; <![CDATA[<b>]]>', [text('5 < 6 & <b>')]],
    ['', []],
  ])('%s', (ssml, runs) => {
    expect(speak(ssml).map((run) => (run.kind === 'text' ? { ...run, text: run.text } : run))).toEqual(runs);
  });

  it.each([
    ['<speak>Hello', /: <speak> is opened and never closed/],
    ['<speak>Hello <brek> you', /: <brek> is opened and never closed/],
    ['<speak>\n<prosody>Hello</speak>', /line 2, column \d+.*prosody/],
    ['<speak><break time="soon"/></speak>', /<break time="soon">/],
    ['<speak><break time="1h"/></speak>', /<break time="1h">/],
    ['<speak><break time="999s"/></speak>', /up to 10 s/],
    ['<speak><break strength="huge"/></speak>', /<break strength="huge">/],
    ['<speak><prosody rate="quick">a</prosody></speak>', /<prosody rate="quick">/],
    ['<speak><prosody pitch="-120%"><prosody pitch="-120%">a</prosody></prosody></speak>', /<prosody pitch="-120%">/],
    ['<speak><lang xml:lang="!">a</lang></speak>', /names no language/],
    ['<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', /DOCTYPE/],
    [`<speak>${'<p>'.repeat(200)}a${'</p>'.repeat(200)}</speak>`, /nested/],
  ])('says what is wrong and where: %s', (ssml, message) => {
    expect(() => parseSsml(ssml)).toThrow(message);
    expect(() => parseSsml(ssml)).toThrow(AppError);
  });

  it('throws nothing else, whatever comes', () => {
    const part = fc.constantFrom(
      '<',
      '>',
      '/',
      'speak',
      'break',
      ' time="1s"',
      'prosody',
      '&',
      ';',
      '"',
      'a',
      '<speak>',
      '</speak>',
      '<p>',
      '</p>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '__proto__',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        try {
          parseSsml(`<speak>${parts.join('')}</speak>`);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('becomes lines of a script', () => {
    expect(scriptLines('Dr. Smith is in. Come back.').map((line) => line.kind === 'sentence' && line.text)).toEqual([
      'Dr. Smith is in.',
      'Come back.',
    ]);
    expect(scriptLines('<speak>One. Two.<break time="300ms"/><prosody rate="fast">Three.</prosody></speak>')).toEqual([
      { kind: 'sentence', text: 'One.', directions: [] },
      { kind: 'sentence', text: 'Two.', directions: [] },
      { kind: 'pause', durationMs: 300 },
      { kind: 'sentence', text: 'Three.', directions: [], options: { ratePercent: 125 } },
    ]);
  });

  it('is spoken in a call as it says', async () => {
    const asked: [string, SpeechOptions][] = [];
    const synthesizer = {
      hasPhonemes: true,
      async *synthesize(words: string, options: SpeechOptions = {}) {
        asked.push([words, options]);
        yield { samples: new Float32Array(100), sampleRateHz: 1000, startUs: 0, phonemes: [], words: [] };
      },
    } as unknown as SpeechSynthesizer;
    const ssml =
      '<speak>One. <prosody rate="50%" volume="soft">Two.</prosody><break time="200ms"/><lang xml:lang="it">Tre.</lang></speak>';
    const script = new Script({
      lines: scriptLines(ssml),
      synthesizer,
      voice: { voice: 'en-us', ratePercent: 110 },
      languageOf: () => undefined,
      nowUs: () => 0,
    });
    const lengthsMs: number[] = [];
    for await (const { chunk } of script.from(0, new AbortController().signal))
      if (chunk.samples.length > 0) lengthsMs.push((chunk.samples.length / chunk.sampleRateHz) * 1000);
    expect(lengthsMs).toEqual([100, 100, 200, 100]);
    expect(asked.map(([words, { signal: _, ...options }]) => [words, options])).toEqual([
      ['One.', { voice: 'en-us', ratePercent: 110 }],
      ['Two.', { voice: 'en-us', ratePercent: 55, volumePercent: 50 }],
      ['Tre.', { voice: 'en-us', ratePercent: 110, language: 'it' }],
    ]);
  });

  it('sounds: pauses are as long as asked for, and every time fits', async () => {
    await using voices = new EmbeddedSynthesizer();
    const chunks: SpeechChunk[] = [];
    const ssml =
      '<speak>One.<break time="800ms"/><prosody rate="x-slow">Two.</prosody> <lang xml:lang="de">Guten Tag.</lang></speak>';
    for await (const chunk of voices.synthesize(ssml)) chunks.push(chunk);
    const endOf = (chunk: SpeechChunk) => chunk.startUs + (chunk.samples.length / chunk.sampleRateHz) * 1e6;
    for (const [i, chunk] of chunks.entries()) {
      if (i > 0) expect(Math.abs(chunk.startUs - endOf(chunks[i - 1]!))).toBeLessThan(2);
      for (const { startUs, endUs } of [...chunk.words, ...chunk.phonemes]) {
        expect(startUs).toBeGreaterThanOrEqual(chunk.startUs);
        expect(endUs).toBeLessThanOrEqual(endOf(chunk) + 1);
      }
    }
    expect(chunks.map((chunk) => chunk.words.map((word) => word.text).join(' '))).toEqual([
      'One',
      '',
      'Two',
      'Guten Tag',
    ]);
    expect(chunks[1]!.samples.length / chunks[1]!.sampleRateHz).toBeCloseTo(0.8, 3);
    // The German r of "Guten Tag" is none of English: its g is hard and its a long and open.
    expect(chunks[3]!.phonemes.map((phoneme) => phoneme.ipa).join(' ')).toMatch(/ɡ uː? t ə n t ɑː? k/);
  }, 120_000);

  it('keeps the full stop of an abbreviation inside its sentence', () => {
    expect([...splitSentences('Wir öffnen am 3. Mai um 9. Dr. Müller kommt, z. B. heute. Gut.', 'de')]).toEqual([
      'Wir öffnen am 3. Mai um 9.',
      'Dr. Müller kommt, z. B. heute.',
      'Gut.',
    ]);
  });
});
