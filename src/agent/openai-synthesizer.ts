/**
 * OpenAI-compatible `/audio/speech` behind the `SpeechSynthesizer` port: one request per sentence, its sound passed on as it arrives, without
 * phonemes or word times. Aborting closes the HTTP stream; nothing is tried again once sound has come.
 */
import { z } from 'zod';
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import { SoundStream } from '../media/sound-stream.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { Health } from './health.ts';
import { detectLanguage } from './language.ts';
import {
  checkEndpoint,
  type Endpoint,
  endpointError,
  OPENAI_BASE_URL,
  type OpenAiClient,
  openClient,
  resolveEndpoint,
} from './openai-client.ts';
import { withPatience } from './patience.ts';
import { SpokenText } from './spoken-text.ts';
import {
  checkedPitch,
  checkedRate,
  requireText,
  type SpeechOptions,
  type SpeechSynthesizer,
  splitSentences,
  type Voice,
} from './tts.ts';

const DEFAULT_MODEL = 'gpt-4o-mini-tts';
const DEFAULT_VOICE = 'alloy';
const OPENAI_VOICES = [
  ...['alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'fable', 'marin'],
  ...['nova', 'onyx', 'sage', 'shimmer', 'verse'],
];
const OUTPUT_RATE_HZ = 48_000;

const voiceListSchema = z.object({
  voices: z.array(z.union([z.string().min(1), z.object({ id: z.string().min(1) })])).max(1000),
});

export class OpenAiSynthesizer implements SpeechSynthesizer {
  readonly name: string;
  readonly hasPhonemes = false;
  readonly #settings: Config['tts'];
  readonly #endpoint: Endpoint;
  readonly #client: OpenAiClient;
  #names: Promise<string[]> | undefined;

  /** @throws AppError CONFIG_INVALID. */
  constructor(settings: Config['tts'], secrets: Secrets) {
    this.#settings = { ...settings, model: settings.model || DEFAULT_MODEL, voice: settings.voice || DEFAULT_VOICE };
    this.#endpoint = resolveEndpoint('tts', 'TTS_UNAVAILABLE', settings, secrets);
    this.#client = openClient(this.#endpoint, settings);
    this.name = `${this.#settings.model} at ${this.#endpoint.baseUrl}`;
  }

  /**
   * OpenAI's own by name; another server's as it lists them, else the one that is set. They speak any language of the model.
   * A list that failed is asked for again the next time.
   */
  async voices(): Promise<Voice[]> {
    this.#names ??= this.#listNames();
    const asked = this.#names;
    const names = await asked.catch(() => {
      if (this.#names === asked) this.#names = undefined;
      return [];
    });
    return [...new Set([this.#settings.voice, ...names])].map((id) => ({ id, name: id, languages: [] }));
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    const spoken = new SpokenText(text, options.language ?? detectLanguage(text, ''));
    requireText(spoken.text);
    const speed = checkedRate(options) / 100;
    checkedPitch(options);
    const voice = await this.#voice(options.voice);
    let startUs = 0;
    for (const sentence of splitSentences(spoken.text, options.language)) {
      options.signal?.throwIfAborted();
      let count = 0;
      for await (const samples of this.#sound(sentence, voice, speed, options.signal)) {
        yield { samples, sampleRateHz: OUTPUT_RATE_HZ, startUs, phonemes: [], words: [] };
        count += samples.length;
        startUs += Math.round((samples.length / OUTPUT_RATE_HZ) * 1e6);
      }
      if (count === 0)
        throw new AppError('TTS_UNAVAILABLE', `${this.name} answered without sound; check tts.voice and tts.format.`);
    }
  }

  async check(signal: AbortSignal): Promise<Health> {
    return await checkEndpoint(this.#client, this.#endpoint, this.#settings.model, '/audio/speech', signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#sound(
    sentence: string,
    voice: string,
    speed: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Float32Array> {
    const { model, format, sampleRateHz, timeoutMs } = this.#settings;
    const stall = new AbortController();
    try {
      const response = await this.#client.audio.speech.create(
        { model, voice, input: sentence, response_format: format, ...(speed === 1 ? {} : { speed }) },
        { signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal },
      );
      // Of an answer without a body (204) the client library makes nothing at all.
      if (!(response as Response | null)) return;
      const type = response.headers.get('content-type') ?? '';
      using stream = new SoundStream({ sampleRateHz, channels: 1 }, type);
      for await (const bytes of withPatience(bodyOf(response), timeoutMs, (error) => stall.abort(error))) {
        const samples = stream.push(bytes);
        if (samples.length > 0) yield samples;
      }
      const rest = await stream.flush(signal);
      if (rest.length > 0) yield rest;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof AppError && (error.code === 'AUDIO_INVALID' || error.code === 'NO_AUDIO'))
        throw new AppError('TTS_UNAVAILABLE', `${this.name}: ${error.message.replace(/\.$/, '')}; check tts.format.`);
      throw endpointError(error, this.#endpoint);
    }
  }

  /** @throws AppError VOICE_UNKNOWN */
  async #voice(wanted: string | undefined): Promise<string> {
    if (wanted === undefined || wanted === this.#settings.voice) return this.#settings.voice;
    const names = (await this.voices()).map(({ id }) => id);
    if (names.includes(wanted)) return wanted;
    throw new AppError('VOICE_UNKNOWN', `There is no voice "${wanted}"; there is ${names.slice(0, 12).join(', ')}.`);
  }

  /** A custom of local servers; who does not know it has the voice that is set. */
  async #listNames(): Promise<string[]> {
    if (this.#endpoint.baseUrl === OPENAI_BASE_URL) return OPENAI_VOICES;
    const answer = await this.#client.get<unknown>('/audio/voices', { timeout: 3000, maxRetries: 0 });
    const { voices } = voiceListSchema.parse(answer);
    return voices.map((each) => (typeof each === 'string' ? each : each.id));
  }
}

async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body) yield* body as unknown as AsyncIterable<Uint8Array>;
}
