/**
 * espeak-ng behind the `SpeechSynthesizer` port: ~140 voices, exact phoneme times, no download. Text in, speech chunks
 * out; the synthesis itself runs in a worker thread. espeak-ng is GPL and therefore an optional package of its own.
 */
import type { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { SpeechChunk } from '../media/speech.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import { speechFromEvents } from './espeak-events.ts';
import type { EspeakReply, EspeakRequest } from './espeak-worker.ts';
import { requireText, type SpeechOptions, type SpeechSynthesizer, splitSentences, type Voice } from './tts.ts';
import { resolveVoice } from './voice-choice.ts';

const DEFAULT_VOICE = 'en-us';
const DEFAULT_WORDS_PER_MINUTE = 160;
const DEFAULT_PITCH = 50;
/** Between sentences at the voice's own speed. */
const SENTENCE_PAUSE_MS = 340;

export class EspeakSynthesizer implements SpeechSynthesizer {
  #worker: Worker | undefined;
  /** Requests are answered in order, one at a time. */
  #queue: Promise<unknown> = Promise.resolve();
  #catalogue: Promise<Extract<EspeakReply, { kind: 'voices' }>> | undefined;

  #startWorker: () => Worker;

  constructor(startWorker = () => spawnWorker(new URL('./espeak-worker.ts', import.meta.url))) {
    this.#startWorker = startWorker;
  }

  async voices(): Promise<Voice[]> {
    return (await this.#voices()).voices;
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    requireText(text);
    const ratePercent = inRange('rate', options.ratePercent ?? 100, 50, 250);
    const pitchPercent = inRange('pitch', options.pitchPercent ?? 100, 0, 198);
    const catalogue = await this.#voices();
    const voice = resolveVoice(options.voice ?? DEFAULT_VOICE, catalogue.voices, catalogue.variants);
    let startUs = 0;
    for (const sentence of splitSentences(text, voice.language)) {
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
      const pause = Math.round(((SENTENCE_PAUSE_MS / 1000) * reply.sampleRateHz * 100) / ratePercent);
      const samples = new Float32Array(reply.samples.length + pause);
      samples.set(reply.samples);
      yield {
        samples,
        sampleRateHz: reply.sampleRateHz,
        startUs,
        phonemes: phonemes.map((p) => ({
          ...p,
          startUs: p.startUs + startUs,
          endUs: p.endUs + startUs,
          ...(p.releaseUs === undefined ? {} : { releaseUs: p.releaseUs + startUs }),
        })),
        words: words.map((w) => ({ ...w, startUs: w.startUs + startUs, endUs: w.endUs + startUs })),
      };
      startUs += Math.round((samples.length / reply.sampleRateHz) * 1e6);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
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

  #ask<K extends EspeakReply['kind']>(kind: K, request: EspeakRequest): Promise<Extract<EspeakReply, { kind: K }>> {
    const answer = this.#queue.then(async () => {
      this.#worker ??= this.#startWorker();
      try {
        return await roundTrip(this.#worker, request);
      } catch (error) {
        // The next request starts a fresh worker.
        await this[Symbol.asyncDispose]();
        throw error;
      }
    });
    this.#queue = answer.catch(() => undefined);
    return answer.then((reply) => {
      if (reply.kind === kind) return reply as Extract<EspeakReply, { kind: K }>;
      throw new AppError('TTS_UNAVAILABLE', unavailable(reply));
    });
  }
}

/** A worker that dies rejects, so that it cannot leave a caller waiting. */
function roundTrip(worker: Worker, request: EspeakRequest): Promise<EspeakReply> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      finish();
    };
    const onMessage = (reply: EspeakReply): void => settle(() => resolve(reply));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (): void => settle(() => reject(new Error('The speech worker ended before it answered')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(request);
  });
}

function unavailable(reply: EspeakReply): string {
  if (reply.kind === 'failed') return `The embedded speech synthesiser failed (${reply.message}); try another voice.`;
  return 'The embedded speech synthesiser is not installed; run "npm install @echogarden/espeak-ng-emscripten" (GPL-3.0) or give recorded speech with --audio.';
}

function inRange(control: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new AppError(
    'CONTROL_OUT_OF_RANGE',
    `The speech ${control} is ${value} %; it must lie between ${min} and ${max} %.`,
  );
}

/** espeak would read `<…>` as SSML tags, `&…;` as entities and `[[…]]` as its own phoneme code. Same length. */
function withoutMarkup(text: string): string {
  return text
    .replace(/[<>]/g, ' ')
    .replace(/&(?=[#\w]+;)/g, ' ')
    .replaceAll('[[', '[ ')
    .replaceAll(']]', ' ]');
}
