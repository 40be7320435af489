// The embedded recogniser on speech made here: words come out, noise and other languages give none, long speech loses nothing.
import { afterAll, describe, expect, it } from 'vitest';
import { EspeakSynthesizer } from '../../src/agent/espeak.ts';
import { MoonshineRecognizer } from '../../src/agent/moonshine.ts';
import { RECOGNIZER_RATE_HZ, type Transcript } from '../../src/agent/recognizer.ts';
import { Resampler } from '../../src/media/resampler.ts';
import { random } from '../support/random.ts';

const recognizer = new MoonshineRecognizer();
const synthesizer = new EspeakSynthesizer();
afterAll(async () => {
  await recognizer[Symbol.asyncDispose]();
  await synthesizer[Symbol.asyncDispose]();
});

async function speech(text: string, voice = 'en-us'): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  let resampler: Resampler | undefined;
  for await (const chunk of synthesizer.synthesize(text, { voice })) {
    resampler ??= new Resampler(chunk.sampleRateHz, RECOGNIZER_RATE_HZ, 1);
    parts.push(resampler.push(chunk.samples));
  }
  const sound = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    sound.set(part, offset);
    offset += part.length;
  }
  return sound;
}

async function understand(sound: Float32Array, onPartial?: (partial: Transcript) => void): Promise<Transcript> {
  const hearing = recognizer.open({ signal: new AbortController().signal, ...(onPartial ? { onPartial } : {}) });
  for (let i = 0; i < sound.length; i += 320) {
    hearing.push(sound.subarray(i, i + 320));
    // As in a call, the network gets its turn while more sound comes.
    if (onPartial && i % 16_000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return await hearing.finish();
}

const words = (text: string): string => text.toLowerCase().replace(/[^a-z ]/g, '');

describe('embedded recogniser', () => {
  it('understands a question and says so before its end', async () => {
    const partials: string[] = [];
    const { text, language } = await understand(
      await speech('What time do you open on Sunday? I would like to come with my family.'),
      (partial) => partials.push(partial.text),
    );
    expect(words(text)).toContain('what time do you open on sunday');
    expect(language).toBe('en');
    expect(partials.length).toBeGreaterThan(0);
  });

  it('hears nothing in silence, noise and another language', async () => {
    const next = random(7);
    const noise = Float32Array.from({ length: 3 * RECOGNIZER_RATE_HZ }, () => 0.2 * (next() - 0.5));
    expect((await understand(new Float32Array(RECOGNIZER_RATE_HZ))).text).toBe('');
    expect((await understand(noise)).text).toBe('');
    expect((await understand(await speech('Guten Tag, wann öffnen Sie morgen früh?', 'de'))).text).toBe('');
    expect((await understand(new Float32Array(0))).text).toBe('');
  });

  it('writes as people do today', async () => {
    const { text } = await understand(await speech('Is the museum open tomorrow?'));
    expect(words(text)).toContain('open tomorrow');
    expect(text).not.toMatch(/to-morrow/i);
  });

  it('cuts what is longer than half a minute, and loses nothing', async () => {
    const sentences = [
      'The museum opens at nine in the morning.',
      'My brother bought seven apples at the market.',
      'Please tell me where the station is.',
      'It will rain in the evening, said the farmer.',
      'The children are playing football in the garden.',
      'She wrote a long letter to her grandmother.',
      'We drank coffee in the kitchen until noon.',
      'The train to London leaves in twenty minutes.',
      'He painted the old door green last summer.',
      'Nobody knew the answer to the last question.',
      'There are three windows on the second floor.',
    ];
    const sound = await speech(sentences.join(' '));
    expect(sound.length).toBeGreaterThan(30 * RECOGNIZER_RATE_HZ);
    const { text } = await understand(sound);
    const kept = [
      'museum',
      'apples',
      'station',
      'evening',
      'football',
      'letter',
      'kitchen',
      'london',
      'summer',
      'answer',
      'windows',
    ];
    // A word may be misheard; two neighbours that are gone would be a stretch that was lost.
    const isThere = kept.map((word) => words(text).includes(word));
    expect(isThere.filter((there) => there).length).toBeGreaterThanOrEqual(kept.length - 2);
    expect(isThere.some((there, i) => !there && isThere[i + 1] === false)).toBe(false);
    expect(isThere.at(-1)).toBe(true);
  });

  it('stops when it is told to', async () => {
    const cancel = new AbortController();
    const hearing = recognizer.open({ signal: cancel.signal });
    hearing.push(new Float32Array(RECOGNIZER_RATE_HZ));
    const finished = hearing.finish();
    cancel.abort(new Error('hung up'));
    await expect(finished).rejects.toThrow('hung up');
  });

  it('says that it knows English only', () => {
    expect(() => recognizer.open({ language: 'de-DE', signal: new AbortController().signal })).toThrow(/English only/);
  });
});
