/**
 * A streaming sherpa-onnx model from the user's folder behind the `Recognizer` port. In: 16 kHz sound; out: text while it is spoken, and all of
 * it at the end. One part of an utterance is on its way at a time; what comes meanwhile goes with the next.
 */
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Health } from './health.ts';
import { unlessAborted } from './patience.ts';
import type { Hearing, HearingOptions, Recognizer, Transcript } from './recognizer.ts';
import { findRecognizerModel, type RecognizerModel } from './sherpa-models.ts';
import { SHERPA_THREADS, SherpaProcess } from './sherpa-process.ts';
import { SoundStore } from './sound-store.ts';

const MAX_WAITING_SAMPLES = 60 * 16_000;

export class SherpaRecognizer implements Recognizer {
  readonly name: string;
  readonly #model: RecognizerModel;
  readonly #language: string | undefined;
  readonly #process = new SherpaProcess();
  #nextUtterance = 1;

  /** @throws AppError CONFIG_INVALID without a folder, MODEL_MISSING when it is not one. */
  constructor({ modelDir, language }: Pick<Config['stt'], 'modelDir' | 'language'>) {
    if (modelDir === '')
      throw new AppError('CONFIG_INVALID', 'stt.kind is sherpa; set stt.modelDir to the folder of a streaming model.');
    this.#model = findRecognizerModel(modelDir);
    this.#language = language || this.#model.language;
    this.name = `sherpa-onnx with ${modelDir}`;
  }

  open(options: HearingOptions): Hearing {
    const utterance = this.#nextUtterance++;
    return new SherpaHearing(
      (samples, isLast) => this.#hear(utterance, samples, isLast),
      () => void this.#process.ask({ kind: 'forget', utterance }).catch(() => undefined),
      this.#language,
      options,
    );
  }

  async check(): Promise<Health> {
    try {
      await this.#hear(this.#nextUtterance++, new Float32Array(1600), true);
      return { isOk: true, detail: `${this.name} is ready.` };
    } catch (error) {
      const remedy = 'Set stt.modelDir to a streaming model of sherpa-onnx, or stt.kind to another recogniser.';
      return { isOk: false, detail: (error as Error).message, remedy };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #hear(utterance: number, samples: Float32Array, isLast: boolean): Promise<string> {
    const request = { kind: 'hear', model: this.#model, utterance, samples, isLast, threads: SHERPA_THREADS } as const;
    const failed = (why: string): AppError =>
      new AppError('RECOGNIZER_UNAVAILABLE', `${this.name} failed (${why}); check stt.modelDir.`);
    const reply = await this.#process.ask(request).catch((error: Error) => {
      throw failed(error.message);
    });
    if (reply.kind === 'heard') return readable(reply.text);
    if (reply.kind === 'missing')
      throw new AppError(
        'RECOGNIZER_UNAVAILABLE',
        'The package sherpa-onnx-node is not installed; run "npm install sherpa-onnx-node" or set stt.kind to embedded.',
      );
    throw failed(reply.kind === 'failed' ? reply.message : 'it answered something else');
  }
}

class SherpaHearing implements Hearing {
  readonly #hear: (samples: Float32Array, isLast: boolean) => Promise<string>;
  readonly #tag: { language?: string };
  readonly #options: HearingOptions;
  readonly #transcript: Promise<Transcript>;
  #settle: { resolve(transcript: Transcript): void; reject(error: unknown): void } | undefined;
  #sound = new SoundStore(MAX_WAITING_SAMPLES);
  #text = '';
  #isOver = false;
  #isSending = false;
  #hasSent = false;

  constructor(
    hear: (samples: Float32Array, isLast: boolean) => Promise<string>,
    forget: () => void,
    language: string | undefined,
    options: HearingOptions,
  ) {
    this.#hear = hear;
    this.#tag = language === undefined ? {} : { language };
    this.#options = options;
    this.#transcript = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#transcript.catch(() => {}); // `finish` tells
    options.signal.addEventListener('abort', () => this.#hasSent && forget(), { once: true });
  }

  push(samples: Float32Array): void {
    if (this.#options.signal.aborted || this.#isOver) return;
    this.#sound.push(samples);
    void this.#send();
  }

  async finish(): Promise<Transcript> {
    this.#options.signal.throwIfAborted();
    this.#isOver = true;
    void this.#send();
    return await unlessAborted(this.#transcript, this.#options.signal);
  }

  /** Sends what has come until nothing is left, or the last of it has been understood. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const { signal, onPartial } = this.#options;
    try {
      while ((this.#sound.length > 0 || this.#isOver) && !signal.aborted) {
        const isLast = this.#isOver;
        if (isLast && !this.#hasSent && this.#sound.length === 0) {
          this.#settle?.resolve({ text: '' });
          return;
        }
        const samples = this.#sound.samples().slice();
        this.#sound = new SoundStore(MAX_WAITING_SAMPLES);
        this.#hasSent = true;
        const text = await this.#hear(samples, isLast);
        if (isLast) {
          this.#settle?.resolve(text === '' ? { text } : { text, ...this.#tag });
          return;
        }
        if (text !== this.#text && !signal.aborted) onPartial?.({ text, ...this.#tag });
        this.#text = text;
      }
      this.#isSending = false;
    } catch (error) {
      this.#settle?.reject(error);
    }
  }
}

/** Many models know capitals only. */
function readable(text: string): string {
  const plain = text.trim().replace(/\s+/g, ' ');
  return /\p{Ll}/u.test(plain) ? plain : plain.toLowerCase();
}
