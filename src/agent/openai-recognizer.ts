/**
 * OpenAI-compatible `/audio/transcriptions` behind the `Recognizer` port: an utterance is sent as one WAV when it is over. In: 16 kHz sound;
 * out: its text, and its language where the service tells. Aborting closes the request. There are no partials.
 */
import type { Config, Secrets } from '../config.ts';
import { wavFile } from '../media/wav-file.ts';
import type { Health } from './health.ts';
import { languageTag } from './language-names.ts';
import {
  checkEndpoint,
  type Endpoint,
  endpointError,
  httpStatus,
  type OpenAiClient,
  openClient,
  resolveEndpoint,
  toFile,
} from './openai-client.ts';
import {
  type Hearing,
  type HearingOptions,
  RECOGNIZER_RATE_HZ,
  type Recognizer,
  type Transcript,
} from './recognizer.ts';
import { SoundStore } from './sound-store.ts';

const DEFAULT_MODEL = 'gpt-4o-mini-transcribe';
/** What services take in one file, with room to spare. */
const MAX_UTTERANCE_S = 600;

export class OpenAiRecognizer implements Recognizer {
  readonly name: string;
  readonly #settings: Config['stt'];
  readonly #endpoint: Endpoint;
  readonly #client: OpenAiClient;
  /** Only this form names the language; newer models of OpenAI do not have it. */
  #hasVerboseForm = true;

  /** @throws AppError CONFIG_INVALID. */
  constructor(settings: Config['stt'], secrets: Secrets) {
    this.#settings = { ...settings, model: settings.model || DEFAULT_MODEL };
    this.#endpoint = resolveEndpoint('stt', 'RECOGNIZER_UNAVAILABLE', settings, secrets);
    this.#client = openClient(this.#endpoint, settings);
    this.name = `${this.#settings.model} at ${this.#endpoint.baseUrl}`;
  }

  open(options: HearingOptions): Hearing {
    const sound = new SoundStore(MAX_UTTERANCE_S * RECOGNIZER_RATE_HZ);
    return {
      push: (samples) => sound.push(samples),
      finish: async () => {
        options.signal.throwIfAborted();
        if (sound.length === 0) return { text: '' };
        return await this.#transcribe(wavFile(sound.samples(), RECOGNIZER_RATE_HZ), options);
      },
    };
  }

  check(signal: AbortSignal): Promise<Health> {
    return checkEndpoint(this.#client, this.#endpoint, this.#settings.model, '/audio/transcriptions', signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #transcribe(wav: Buffer, { language, signal }: HearingOptions): Promise<Transcript> {
    const expected = (language ?? this.#settings.language).split('-')[0];
    const isVerbose = this.#hasVerboseForm;
    try {
      const answer: unknown = await this.#client.audio.transcriptions.create(
        {
          file: await toFile(wav, 'utterance.wav', { type: 'audio/wav' }),
          model: this.#settings.model,
          response_format: isVerbose ? 'verbose_json' : 'json',
          ...(expected ? { language: expected } : {}),
        },
        { signal },
      );
      const { text, language: named } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<
        string,
        unknown
      >;
      if (typeof text !== 'string') throw new Error('the answer has no text');
      const spoken = languageTag(named) ?? (expected || undefined);
      return { text: text.trim(), ...(spoken ? { language: spoken } : {}) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (isVerbose && httpStatus(error) === 400 && /response_format|verbose_json/.test(String(error))) {
        this.#hasVerboseForm = false;
        return await this.#transcribe(wav, { ...(language === undefined ? {} : { language }), signal });
      }
      throw endpointError(error, this.#endpoint);
    }
  }
}
