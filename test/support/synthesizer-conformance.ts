/** What every `SpeechSynthesizer` owes its caller: the embedded voices, the adapters against mock services, and the fakes pass the same suite. */
import { describe, expect, it } from 'vitest';
import type { SpeechOptions, SpeechSynthesizer } from '../../src/agent/tts.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';
import { until } from './mock-provider.ts';

interface SynthesizerBench extends AsyncDisposable {
  synthesizer: SpeechSynthesizer;
  /** Requests, sockets, whatever costs something while speech is made. */
  workUnderWay(): number;
}

type SynthesizerMood =
  | 'speaks'
  /** A little sound, and then nothing more, ever. */
  | 'stalls'
  | 'fails'
  /** What comes is not the protocol. */
  | 'garbage';

const TEXT = 'Good morning, my friend. How are you today?';

async function collect(synthesizer: SpeechSynthesizer, text: string, options?: SpeechOptions): Promise<SpeechChunk[]> {
  const chunks: SpeechChunk[] = [];
  for await (const chunk of synthesizer.synthesize(text, options)) chunks.push(chunk);
  return chunks;
}

/** On a busy machine everything takes its time; only what never comes is to be given up soon. */
const PATIENT_MS = 30_000;

export function describeSynthesizer(
  name: string,
  open: (mood: SynthesizerMood, timeoutMs: number) => Promise<SynthesizerBench>,
  /** Those that need no service cannot be made to fail from outside. */
  { hasService = true } = {},
): void {
  describe(`${name} as a synthesiser`, () => {
    it('speaks without gaps, and with phonemes always or never', async () => {
      await using bench = await open('speaks', PATIENT_MS);
      const { synthesizer } = bench;
      const chunks = await collect(synthesizer, TEXT);
      let atUs = 0;
      let loudest = 0;
      for (const { samples, sampleRateHz, startUs, phonemes, words } of chunks) {
        expect(Math.abs(startUs - atUs)).toBeLessThan(1000);
        expect(samples.length).toBeGreaterThan(0);
        atUs = startUs + (samples.length / sampleRateHz) * 1e6;
        for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
        if (!synthesizer.hasPhonemes) expect(phonemes).toEqual([]);
        for (const word of words) {
          expect(word.endUs).toBeGreaterThanOrEqual(word.startUs);
          expect(word.endUs).toBeLessThanOrEqual(atUs + 1_000_000);
        }
      }
      expect(atUs).toBeGreaterThan(200_000);
      expect(loudest).toBeGreaterThan(0.01);
      expect(loudest).toBeLessThanOrEqual(1);
      if (synthesizer.hasPhonemes) expect(chunks.flatMap(({ phonemes }) => phonemes).length).toBeGreaterThan(10);
      await until(() => bench.workUnderWay() === 0, 'the work ends with the speech');
    });

    it('lists voices, speaks with one of them, refuses an unknown one', async () => {
      await using bench = await open('speaks', PATIENT_MS);
      const { synthesizer } = bench;
      const voices = await synthesizer.voices();
      expect(voices.length).toBeGreaterThan(0);
      expect(await collect(synthesizer, 'Yes.', { voice: voices[0].id })).not.toEqual([]);
      await expect(collect(synthesizer, 'Yes.', { voice: 'no-such-voice' })).rejects.toMatchObject({
        code: 'VOICE_UNKNOWN',
      });
    });

    it('refuses a text without words and a speed out of bounds', async () => {
      await using bench = await open('speaks', PATIENT_MS);
      await expect(collect(bench.synthesizer, ' … ')).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
      await expect(collect(bench.synthesizer, 'Yes.', { ratePercent: 1000 })).rejects.toMatchObject({
        code: 'CONTROL_OUT_OF_RANGE',
      });
      expect(bench.workUnderWay()).toBe(0);
    });

    it('stops working when aborted between chunks, with the reason of the signal', async () => {
      await using bench = await open(hasService ? 'stalls' : 'speaks', PATIENT_MS);
      const abort = new AbortController();
      const reason = new Error('interrupted');
      const talk = async () => {
        for await (const _ of bench.synthesizer.synthesize(TEXT, { signal: abort.signal })) abort.abort(reason);
      };
      await expect(talk()).rejects.toBe(reason);
      await until(() => bench.workUnderWay() === 0, 'the work ends with the abort');
    });

    it('stops working when nobody listens on', async () => {
      await using bench = await open(hasService ? 'stalls' : 'speaks', PATIENT_MS);
      for await (const _ of bench.synthesizer.synthesize(TEXT)) break;
      await until(() => bench.workUnderWay() === 0, 'the work ends with the listening');
    });

    it('is well, and is disposed of twice', async () => {
      await using bench = await open('speaks', PATIENT_MS);
      expect(await bench.synthesizer.check(AbortSignal.timeout(20_000))).toMatchObject({ isOk: true });
      await bench.synthesizer[Symbol.asyncDispose]();
    });

    if (!hasService) return;
    it.each(['fails', 'garbage', 'stalls'] as const)('says so in one sentence when the service %s', async (mood) => {
      await using bench = await open(mood, mood === 'stalls' ? 300 : PATIENT_MS);
      await expect(collect(bench.synthesizer, TEXT)).rejects.toMatchObject({
        name: 'AppError',
        code: 'TTS_UNAVAILABLE',
        message: expect.stringMatching(/^[^\n]{20,500}\.$/),
      });
      await until(() => bench.workUnderWay() === 0, 'no work is left');
    });

    it('tells that it is not well', async () => {
      await using bench = await open('fails', PATIENT_MS);
      expect(await bench.synthesizer.check(AbortSignal.timeout(20_000))).toMatchObject({
        isOk: false,
        detail: expect.stringMatching(/\.$/),
        remedy: expect.stringMatching(/\.$/),
      });
    });
  });
}
