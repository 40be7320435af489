/**
 * ElevenLabs' `stream-input` WebSocket, or a service that speaks like it, behind the `SpeechSynthesizer` port. One socket per sentence; sound
 * is passed on as it arrives, with word times from the service's character alignment. Aborting hangs up.
 */
import { z } from 'zod';
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import { SoundStream } from '../media/sound-stream.ts';
import type { SpeechChunk, TimedWord } from '../media/speech.ts';
import type { Health } from './health.ts';
import { HttpRefused, JsonSocket } from './json-socket.ts';
import { detectLanguage } from './language.ts';
import {
  type Endpoint,
  endpointError,
  healthOf,
  httpStatus,
  missingRouteHealth,
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

const DEFAULTS = { baseUrl: 'https://api.elevenlabs.io/v1', apiKeyVariable: 'ELEVENLABS_API_KEY' };
const DEFAULT_MODEL = 'eleven_flash_v2_5';
/** "Rachel", in every account. */
const DEFAULT_VOICE = '21m00Tcm4TlvDq8ikWAM';
const SERVICE_RATE_HZ = 24_000;
const OUTPUT_RATE_HZ = 48_000;
/** What the service takes. */
const MIN_SPEED = 0.7;
const MAX_SPEED = 1.2;

const alignmentSchema = z.object({
  chars: z.array(z.string()),
  charStartTimesMs: z.array(z.number()),
  charDurationsMs: z.array(z.number()),
});
const messageSchema = z.object({
  audio: z.string().nullish(),
  isFinal: z.boolean().nullish(),
  alignment: alignmentSchema.nullish().catch(null),
  error: z.string().nullish(),
  message: z.string().nullish(),
});
const voicesSchema = z.object({ voices: z.array(z.object({ voice_id: z.string(), name: z.string() })) });

export class ElevenLabsSynthesizer implements SpeechSynthesizer {
  readonly name: string;
  readonly hasPhonemes = false;
  readonly #settings: Config['tts'];
  readonly #endpoint: Endpoint;
  #voices: Promise<Voice[]> | undefined;

  /** @throws AppError CONFIG_INVALID. */
  constructor(settings: Config['tts'], secrets: Secrets) {
    this.#settings = { ...settings, model: settings.model || DEFAULT_MODEL, voice: settings.voice || DEFAULT_VOICE };
    this.#endpoint = resolveEndpoint('tts', 'TTS_UNAVAILABLE', settings, secrets, DEFAULTS);
    this.name = `${this.#settings.model} at ${this.#endpoint.baseUrl}`;
  }

  /** As the service lists them, else the one that is set; a list that failed is asked for again the next time. */
  async voices(): Promise<Voice[]> {
    this.#voices ??= this.#listVoices();
    const asked = this.#voices;
    try {
      return await asked;
    } catch {
      if (this.#voices === asked) this.#voices = undefined;
      return [this.#ownVoice];
    }
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    const spoken = new SpokenText(text, options.language ?? detectLanguage(text, ''));
    requireText(spoken.text);
    const speed = Math.min(MAX_SPEED, Math.max(MIN_SPEED, checkedRate(options) / 100));
    checkedPitch(options);
    const voice = await this.#voice(options.voice);
    let startUs = 0;
    for (const sentence of splitSentences(spoken.text, options.language)) {
      options.signal?.throwIfAborted();
      const sentenceUs = startUs;
      try {
        for await (const chunk of this.#speak(sentence, voice, speed, options)) {
          const later = (word: TimedWord): TimedWord => ({
            ...word,
            startUs: word.startUs + sentenceUs,
            endUs: word.endUs + sentenceUs,
          });
          yield { ...chunk, startUs, phonemes: [], words: spoken.restore(chunk.words).map(later) };
          startUs += Math.round((chunk.samples.length / OUTPUT_RATE_HZ) * 1e6);
        }
      } catch (error) {
        if (options.signal?.aborted) throw options.signal.reason;
        if (error instanceof AppError && error.code === 'AUDIO_INVALID')
          throw new AppError(
            'TTS_UNAVAILABLE',
            `${this.name}: ${error.message.replace(/\.$/, '')}; check tts.baseUrl and tts.model.`,
          );
        throw endpointError(error, this.#endpoint);
      }
      if (startUs === sentenceUs)
        throw new AppError('TTS_UNAVAILABLE', `${this.name} answered without sound; check tts.voice and tts.model.`);
    }
  }

  async check(signal: AbortSignal): Promise<Health> {
    const { baseUrl } = this.#endpoint;
    const { model, voice } = this.#settings;
    try {
      const response = await this.#get('/voices', signal);
      await response.body?.cancel();
      if (response.status !== 404) return { isOk: true, detail: `${baseUrl} answers with ${model}.` };
      // A service that speaks the protocol need not list voices. Nothing is said, so nothing is billed.
      (await this.#connect(baseUrl, voice, {}, signal))[Symbol.dispose]();
      return { isOk: true, detail: `${baseUrl} answers.` };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (httpStatus(error) === 404)
        return await missingRouteHealth(this.#endpoint, `/text-to-speech/${voice}/stream-input`, async (address) =>
          (await this.#connect(address, voice, {}, signal))[Symbol.dispose](),
        );
      return healthOf(endpointError(error, this.#endpoint));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#speak(
    sentence: string,
    voice: string,
    speed: number,
    { language, signal }: SpeechOptions,
  ): AsyncGenerator<Pick<SpeechChunk, 'samples' | 'sampleRateHz' | 'words'>> {
    const { model, timeoutMs } = this.#settings;
    // The other models refuse it.
    const code = language && model.endsWith('_v2_5') ? { language_code: language.split('-')[0]! } : {};
    using socket = await this.#connect(this.#endpoint.baseUrl, voice, code, signal);
    socket.send({ text: ' ', voice_settings: { speed } });
    socket.send({ text: `${sentence} `, flush: true });
    socket.send({ text: '' });
    using sound = new SoundStream({ sampleRateHz: SERVICE_RATE_HZ, channels: 1 });
    const words = new WordTimes();
    let bytes = 0;
    for await (const raw of withPatience(socket, timeoutMs, () => socket[Symbol.dispose]())) {
      const message = messageSchema.parse(raw);
      if (message.error) throw new Error(message.message ?? message.error);
      // Of packed sound the length so far is not known; runs then follow one another.
      const soundMs = sound.isPacked ? words.endMs : (bytes / 2 / SERVICE_RATE_HZ) * 1000;
      if (message.alignment) words.push(message.alignment, soundMs);
      if (message.audio) {
        const part = Buffer.from(message.audio, 'base64');
        bytes += part.length;
        const samples = sound.push(part);
        if (samples.length > 0) yield { samples, sampleRateHz: OUTPUT_RATE_HZ, words: words.take() };
      }
      if (message.isFinal) break;
    }
    signal?.throwIfAborted();
    const rest = await sound.flush(signal);
    words.end();
    if (rest.length > 0) yield { samples: rest, sampleRateHz: OUTPUT_RATE_HZ, words: words.take() };
  }

  #connect(
    baseUrl: string,
    voice: string,
    parameters: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<JsonSocket> {
    const { key } = this.#endpoint;
    const { model, timeoutMs } = this.#settings;
    const url = new URL(`${baseUrl.replace(/^http/, 'ws')}/text-to-speech/${encodeURIComponent(voice)}/stream-input`);
    url.searchParams.set('model_id', model);
    url.searchParams.set('output_format', `pcm_${SERVICE_RATE_HZ}`);
    url.searchParams.set('sync_alignment', 'true');
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return JsonSocket.open(url.href, {
      headers: key === undefined ? {} : { 'xi-api-key': key },
      timeoutMs,
      ...(signal ? { signal } : {}),
    });
  }

  /** @throws AppError VOICE_UNKNOWN */
  async #voice(wanted: string | undefined): Promise<string> {
    if (wanted === undefined || wanted === this.#settings.voice) return this.#settings.voice;
    const voices = await this.voices();
    const found = voices.find(({ id, name }) => id === wanted || name.toLowerCase() === wanted.toLowerCase());
    if (found) return found.id;
    const some = voices.slice(0, 12).map(({ name }) => name);
    throw new AppError('VOICE_UNKNOWN', `There is no voice "${wanted}"; there is ${some.join(', ')}.`);
  }

  async #listVoices(): Promise<Voice[]> {
    const response = await this.#get('/voices', AbortSignal.timeout(3000));
    const { voices } = voicesSchema.parse(await response.json());
    const listed = voices.map(({ voice_id: id, name }) => ({ id, name, languages: [] }));
    const own = this.#ownVoice;
    return listed.some(({ id }) => id === own.id) ? listed : [own, ...listed];
  }

  get #ownVoice(): Voice {
    return { id: this.#settings.voice, name: this.#settings.voice, languages: [] };
  }

  /** @throws what `endpointError` understands. */
  async #get(path: string, signal: AbortSignal): Promise<Response> {
    const { baseUrl, key } = this.#endpoint;
    const response = await fetch(baseUrl + path, {
      headers: key === undefined ? {} : { 'xi-api-key': key },
      redirect: 'error',
      signal,
    }).catch((error: Error) => {
      // fetch hides what happened one level down.
      throw error.cause ?? error;
    });
    if (response.ok || response.status === 404) return response;
    await response.body?.cancel();
    throw new HttpRefused(response.status);
  }
}

/** Characters with times, in runs cut anywhere, to words with times. */
class WordTimes {
  #done: TimedWord[] = [];
  #open: TimedWord | undefined;
  /** Of what has been timed so far. */
  endMs = 0;

  /** @param atMs where the sound of this run begins: the service counts from there; others from the sentence's start. */
  push({ chars, charStartTimesMs, charDurationsMs }: z.infer<typeof alignmentSchema>, atMs: number): void {
    const fromMs = (charStartTimesMs[0] ?? 0) < atMs - 1 ? atMs : 0;
    for (const [i, char] of chars.entries()) {
      if (/^\s*$/u.test(char)) {
        this.end();
        continue;
      }
      const startUs = Math.round((fromMs + (charStartTimesMs[i] ?? 0)) * 1000);
      const endUs = startUs + Math.round((charDurationsMs[i] ?? 0) * 1000);
      this.endMs = endUs / 1000;
      this.#open ??= { text: '', startUs, endUs };
      this.#open.text += char;
      this.#open.endUs = Math.max(this.#open.endUs, endUs);
    }
  }

  end(): void {
    if (this.#open) this.#done.push(this.#open);
    this.#open = undefined;
  }

  take(): TimedWord[] {
    return this.#done.splice(0);
  }
}
