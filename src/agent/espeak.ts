/**
 * espeak-ng behind the `SpeechSynthesizer` port: ~140 voices, exact phoneme times, no download. Text in, speech chunks
 * out; the synthesis itself runs in a worker thread. espeak-ng is GPL and therefore an optional package of its own.
 */
import { AppError } from '../errors.ts';
import type { SpeechChunk } from '../media/speech.ts';
import { WorkerRequests } from '../media/worker-requests.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import { speechFromEvents } from './espeak-events.ts';
import type { EspeakReply, EspeakRequest } from './espeak-worker.ts';
import type { Health } from './health.ts';
import { SpokenText } from './spoken-text.ts';
import {
  checkedPitch,
  checkedRate,
  checkedVolume,
  requireText,
  type SpeechOptions,
  type SpeechSynthesizer,
  shiftChunk,
  splitSentences,
  type Voice,
} from './tts.ts';
import { resolveVoiceFor } from './voice-choice.ts';

const DEFAULT_VOICE = 'en-us';
/** The variant of a voice that is a woman's, and the plainest of those to understand. */
const WOMAN = 'f2';
const DEFAULT_WORDS_PER_MINUTE = 152;
const DEFAULT_PITCH = 50;
/** Between sentences at the voice's own speed. */
const SENTENCE_PAUSE_MS = 340;
/** After a piece that ends within a sentence. */
const CLAUSE_PAUSE_MS = 120;

export class EspeakSynthesizer implements SpeechSynthesizer {
  readonly name = 'espeak-ng';
  readonly hasPhonemes = true;
  #worker: WorkerRequests<EspeakRequest, EspeakReply>;
  #catalogue: Promise<Extract<EspeakReply, { kind: 'voices' }>> | undefined;

  constructor(startWorker = () => spawnWorker(new URL('./espeak-worker.ts', import.meta.url))) {
    this.#worker = new WorkerRequests(startWorker);
  }

  async voices(): Promise<Voice[]> {
    const { voices, variants } = await this.#voices();
    return variants.includes(WOMAN) ? voices.map((voice) => ({ ...voice, woman: `${voice.id}+${WOMAN}` })) : voices;
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    requireText(text);
    const ratePercent = checkedRate(options);
    const pitchPercent = checkedPitch(options);
    const gain = checkedVolume(options) / 100;
    const catalogue = await this.#voices();
    const voice = resolveVoiceFor(options.language, options.voice ?? DEFAULT_VOICE, catalogue);
    const spoken = new SpokenText(text, voice.language);
    requireText(spoken.text);
    let startUs = 0;
    for (const sentence of splitSentences(spoken.text, voice.language)) {
      options.signal?.throwIfAborted();
      const plain = withoutMarkup(sentence);
      const reply = await this.#ask('speech', {
        kind: 'speak',
        voiceId: voice.id,
        wordsPerMinute: Math.round((DEFAULT_WORDS_PER_MINUTE * ratePercent) / 100),
        pitch: Math.round((DEFAULT_PITCH * pitchPercent) / 100),
        text: plain,
      });
      const { phonemes, words } = speechFromEvents(reply.events, reply.samples, reply.sampleRateHz, plain);
      const pauseMs = /[,;:–—、，；：]["'”’»)]*$/u.test(plain) ? CLAUSE_PAUSE_MS : SENTENCE_PAUSE_MS;
      const pause = Math.round(((pauseMs / 1000) * reply.sampleRateHz * 100) / ratePercent);
      const samples = new Float32Array(reply.samples.length + pause);
      samples.set(reply.samples);
      if (gain !== 1)
        for (const [i, sample] of samples.entries()) samples[i] = Math.max(-1, Math.min(1, gain * sample));
      const { sampleRateHz } = reply;
      yield shiftChunk({ samples, sampleRateHz, startUs: 0, phonemes, words: spoken.restore(words) }, startUs);
      startUs += Math.round((samples.length / reply.sampleRateHz) * 1e6);
    }
  }

  async check(): Promise<Health> {
    try {
      return { isOk: true, detail: `${(await this.voices()).length} espeak-ng voices are ready.` };
    } catch (error) {
      return {
        isOk: false,
        detail: 'The espeak-ng voices cannot be used.',
        remedy: error instanceof AppError ? error.message : 'Reinstall the packages with "npm run setup".',
      };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }

  #voices(): Promise<Extract<EspeakReply, { kind: 'voices' }>> {
    if (!this.#catalogue) {
      this.#catalogue = this.#ask('voices', { kind: 'voices' });
      this.#catalogue.catch(() => {
        this.#catalogue = undefined;
      });
    }
    return this.#catalogue;
  }

  async #ask<K extends EspeakReply['kind']>(
    kind: K,
    request: EspeakRequest,
  ): Promise<Extract<EspeakReply, { kind: K }>> {
    const reply = await this.#worker.ask(request);
    if (reply.kind !== kind) throw new AppError('TTS_UNAVAILABLE', unavailable(reply));
    return reply as Extract<EspeakReply, { kind: K }>;
  }
}

function unavailable(reply: EspeakReply): string {
  if (reply.kind === 'failed') return `The embedded speech synthesiser failed (${reply.message}); try another voice.`;
  return 'The embedded speech synthesiser is not installed; run "npm install @echogarden/espeak-ng-emscripten" (GPL-3.0) or give recorded speech with --audio.';
}

/** espeak would read `<…>` as SSML tags, `&…;` as entities and `[[…]]` as its own phoneme code. Same length. */
function withoutMarkup(text: string): string {
  return text
    .replace(/[<>]/g, ' ')
    .replace(/&(?=[#\w]+;)/g, ' ')
    .replaceAll('[[', '[ ')
    .replaceAll(']]', ' ]');
}
