/**
 * Realtime transcription over OpenAI's WebSocket protocol behind the `Recognizer` port. In: 16 kHz sound, sent on while the caller speaks;
 * out: text as it is understood, and all of it at the end. One socket per utterance; a broken one is replaced and hears everything again.
 */
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import { systemClock } from '../media/clock.ts';
import { Resampler } from '../media/resampler.ts';
import { pcm16 } from '../media/wav-file.ts';
import type { Health } from './health.ts';
import { HttpRefused, type JsonMessage, JsonSocket } from './json-socket.ts';
import {
  type Endpoint,
  endpointError,
  healthOf,
  httpStatus,
  missingRouteHealth,
  OPENAI_BASE_URL,
  resolveEndpoint,
} from './openai-client.ts';
import { pauseMs, timeoutError } from './patience.ts';
import {
  type Hearing,
  type HearingOptions,
  RECOGNIZER_RATE_HZ,
  type Recognizer,
  type Transcript,
} from './recognizer.ts';

const DEFAULT_MODEL = 'gpt-4o-mini-transcribe';
/** What the protocol speaks. */
const SERVICE_RATE_HZ = 24_000;
/** Shorter sound is refused. */
const MIN_SAMPLES = 0.15 * SERVICE_RATE_HZ;
const MAX_UTTERANCE_SAMPLES = 600 * SERVICE_RATE_HZ;
const TRANSCRIPTION = 'conversation.item.input_audio_transcription';

export class OpenAiRealtimeRecognizer implements Recognizer {
  readonly name: string;
  readonly #settings: Config['stt'];
  readonly #endpoint: Endpoint;

  /** @throws AppError CONFIG_INVALID. */
  constructor(settings: Config['stt'], secrets: Secrets) {
    this.#settings = { ...settings, model: settings.model || DEFAULT_MODEL };
    this.#endpoint = resolveEndpoint('stt', 'RECOGNIZER_UNAVAILABLE', settings, secrets);
    this.name = `${this.#settings.model} at ${this.#endpoint.baseUrl}`;
  }

  open(options: HearingOptions): Hearing {
    const settings = options.language ? { ...this.#settings, language: options.language } : this.#settings;
    return new RealtimeHearing(this.#endpoint, settings, options);
  }

  async check(signal: AbortSignal): Promise<Health> {
    try {
      using socket = await openSocket(this.#endpoint, this.#settings, signal);
      const timer = setTimeout(() => socket.fail(timeoutError(this.#settings.timeoutMs)), this.#settings.timeoutMs);
      try {
        for await (const event of socket) {
          if (event.type === 'error') throw serviceError(event);
          if (/^(transcription_)?session\.created$/.test(String(event.type)))
            return { isOk: true, detail: `${this.#endpoint.baseUrl} answers with a transcription session.` };
        }
      } finally {
        clearTimeout(timer);
      }
      throw new Error('the connection ended at once');
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (httpStatus(error) === 404)
        return await missingRouteHealth(this.#endpoint, '/realtime', async (baseUrl) =>
          (await openSocket({ ...this.#endpoint, baseUrl }, this.#settings, signal))[Symbol.dispose](),
        );
      return healthOf(endpointError(error, this.#endpoint));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class RealtimeHearing implements Hearing {
  readonly #endpoint: Endpoint;
  readonly #settings: Config['stt'];
  readonly #options: HearingOptions;
  readonly #resampler = new Resampler(RECOGNIZER_RATE_HZ, SERVICE_RATE_HZ, 1);
  /** Base64, all of the utterance: for a second try. */
  readonly #parts: string[] = [];
  #sampleCount = 0;
  #isOver = false;
  /** Wakes the socket's feeder. */
  #wake = (): void => {};
  readonly #result: Promise<Transcript>;

  constructor(endpoint: Endpoint, settings: Config['stt'], options: HearingOptions) {
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#options = options;
    this.#result = this.#run();
    this.#result.catch(() => {}); // `finish` tells
  }

  push(samples: Float32Array): void {
    if (this.#isOver || this.#sampleCount > MAX_UTTERANCE_SAMPLES) return;
    this.#add(this.#resampler.push(samples));
  }

  async finish(): Promise<Transcript> {
    if (!this.#isOver) {
      if (this.#sampleCount > 0) {
        this.#add(this.#resampler.flush());
        if (this.#sampleCount < MIN_SAMPLES) this.#add(new Float32Array(MIN_SAMPLES - this.#sampleCount));
      }
      this.#isOver = true;
      this.#wake();
    }
    return await this.#result;
  }

  #add(samples: Float32Array): void {
    if (samples.length === 0) return;
    this.#sampleCount += samples.length;
    this.#parts.push(pcm16(samples).toString('base64'));
    this.#wake();
  }

  async #run(): Promise<Transcript> {
    const { signal } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const isFinal = error instanceof AppError || error instanceof HttpRefused;
        if (isFinal || attempt >= this.#settings.retries) throw endpointError(error, this.#endpoint);
        await systemClock.sleepUntil(systemClock.nowUs() + pauseMs(attempt) * 1000, signal);
      }
    }
  }

  async #attempt(): Promise<Transcript> {
    const { signal, onPartial } = this.#options;
    const { timeoutMs, language } = this.#settings;
    using socket = await openSocket(this.#endpoint, this.#settings, signal);
    const tag = language ? { language } : {};
    /** Item → what has been understood of it; one item, unless the service cuts by itself. */
    const items = new Map<string, { text: string; isDone: boolean }>();
    const item = (id: unknown) => {
      const key = String(id);
      if (!items.has(key)) items.set(key, { text: '', isDone: false });
      return items.get(key)!;
    };
    const text = (): string =>
      [...items.values()]
        .map((each) => each.text.trim())
        .filter(Boolean)
        .join(' ');
    let isCommitted = false;
    let timer: NodeJS.Timeout | undefined;
    const expectSoon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => socket.fail(timeoutError(timeoutMs)), timeoutMs);
    };
    expectSoon();
    try {
      for await (const event of socket) {
        const type = String(event.type);
        clearTimeout(timer);
        if (type === 'session.created' || type === 'transcription_session.created') {
          socket.send(sessionUpdate(event, this.#settings));
          void this.#feed(socket).then((isEmpty) => {
            if (isEmpty) socket[Symbol.dispose]();
            isCommitted = true;
            expectSoon();
          });
        } else if (type === 'input_audio_buffer.committed') {
          // Some servers name the item only with its text.
          if (event.item_id !== undefined) item(event.item_id);
        } else if (type === `${TRANSCRIPTION}.delta`) {
          item(event.item_id).text += String(event.delta ?? '');
          onPartial?.({ text: text(), ...tag });
        } else if (type === `${TRANSCRIPTION}.completed`) {
          Object.assign(item(event.item_id), { text: String(event.transcript ?? ''), isDone: true });
        } else if (type === `${TRANSCRIPTION}.failed` || type === 'error') throw serviceError(event);
        if (isCommitted && items.size > 0 && [...items.values()].every(({ isDone }) => isDone))
          return { text: text(), ...tag };
        if (isCommitted) expectSoon();
      }
    } finally {
      clearTimeout(timer);
    }
    signal.throwIfAborted();
    if (this.#isOver && this.#sampleCount === 0) return { text: '' };
    throw new Error('the connection ended before the transcript');
  }

  /** Sends the utterance from its beginning until it is over. @returns true when there was nothing in it. */
  async #feed(socket: JsonSocket): Promise<boolean> {
    for (let next = 0; socket.isOpen; ) {
      while (next < this.#parts.length) socket.send({ type: 'input_audio_buffer.append', audio: this.#parts[next++] });
      if (this.#isOver) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#sampleCount > 0) socket.send({ type: 'input_audio_buffer.commit' });
    return this.#sampleCount === 0;
  }
}

function openSocket(
  { baseUrl, key }: Endpoint,
  { model, timeoutMs }: Config['stt'],
  signal: AbortSignal,
): Promise<JsonSocket> {
  const url = new URL(`${baseUrl.replace(/^http/, 'ws')}/realtime`);
  url.searchParams.set('intent', 'transcription');
  // OpenAI's own wants the model in the session only, other servers here.
  if (baseUrl !== OPENAI_BASE_URL) url.searchParams.set('model', model);
  return JsonSocket.open(url.href, {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    timeoutMs,
    signal,
  });
}

/** The turns are cut here, so the service must not. */
function sessionUpdate(created: JsonMessage, { model, language }: Config['stt']): JsonMessage {
  const transcription = { model, ...(language ? { language: language.split('-')[0] } : {}) };
  if (created.type === 'transcription_session.created')
    return {
      type: 'transcription_session.update',
      session: { input_audio_format: 'pcm16', input_audio_transcription: transcription, turn_detection: null },
    };
  const input = { format: { type: 'audio/pcm', rate: SERVICE_RATE_HZ }, transcription, turn_detection: null };
  return { type: 'session.update', session: { type: 'transcription', audio: { input } } };
}

function serviceError(event: JsonMessage): Error {
  const { message, code } = (event.error ?? {}) as { message?: unknown; code?: unknown };
  return new Error(String(message ?? code ?? 'an error without words'));
}
