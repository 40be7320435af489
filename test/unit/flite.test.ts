// The permissive voices: sound, phone times, the same port, bad input.
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { FliteSynthesizer } from '../../src/agent/flite.ts';
import { phonemeParts } from '../../src/engine/motion/phonemes.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const voices = new EmbeddedSynthesizer();
afterAll(() => voices[Symbol.asyncDispose]());

async function speak(text: string, options = {}): Promise<SpeechChunk[]> {
  const chunks: SpeechChunk[] = [];
  for await (const chunk of voices.synthesize(text, options)) chunks.push(chunk);
  return chunks;
}

describe('flite', () => {
  it('speaks with phone times that fill the sound', async () => {
    const chunks = await speak('Hello there, my puppy. Five boys judge things.', { voice: 'flite:kal16' });
    expect(chunks).toHaveLength(2);
    const [first, second] = chunks;
    expect(first.sampleRateHz).toBe(16_000);
    expect(first.phonemes.map(({ ipa }) => ipa).join(' ')).toMatch(/^h ə l oʊ ð ɛ ɹ m aɪ p ʌ p i$/);
    expect(second.startUs).toBeCloseTo((first.samples.length / 16_000) * 1e6, -1);
    for (const { samples, phonemes, startUs } of chunks) {
      expect(Math.max(...samples.map(Math.abs))).toBeGreaterThan(0.1);
      let atUs = startUs;
      for (const phoneme of phonemes) {
        expect(phoneme.startUs).toBeGreaterThanOrEqual(atUs);
        expect(phonemeParts(phoneme.ipa)).toMatchObject({ unknown: [] });
        if (phoneme.releaseUs) expect(phoneme.releaseUs).toBeLessThan(phoneme.endUs);
        atUs = phoneme.endUs;
      }
      expect(atUs).toBeLessThanOrEqual(startUs + (samples.length / 16_000) * 1e6);
    }
    expect(second.phonemes.filter(({ stress }) => stress === 2).length).toBeGreaterThan(0);
  });

  it('drops accents, and refuses what it cannot read or does not have', async () => {
    expect((await speak('café', { voice: 'flite:kal16' })).length).toBe(1);
    await expect(speak('Привет', { voice: 'flite:kal16' })).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
    await expect(speak('hello', { voice: 'flite:nobody' })).rejects.toMatchObject({
      code: 'VOICE_UNKNOWN',
      message: expect.stringContaining('flite:slt'),
    });
    await expect(speak('', { voice: 'flite:kal16' })).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
  });

  it('says how to install it where it is missing', async () => {
    const reply =
      "const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => parentPort.postMessage({ kind: 'missing' }));";
    await using without = new FliteSynthesizer(() => new Worker(reply, { eval: true }));
    const talk = without.synthesize('Hello.')[Symbol.asyncIterator]();
    await expect(talk.next()).rejects.toMatchObject({
      code: 'TTS_UNAVAILABLE',
      message: expect.stringContaining('npm install'),
    });
  });

  it('leaves every other name to espeak', async () => {
    const [chunk] = await speak('ciao', { voice: 'it' });
    expect(chunk.sampleRateHz).toBe(22_050);
    const ids = (await voices.voices()).map(({ id }) => id);
    expect(ids).toContain('flite:slt');
    expect(ids).toContain('roa/it');
  });
});
