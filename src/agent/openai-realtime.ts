/**
 * OpenAI's Realtime protocol over WebSocket, or a service that speaks it, behind the `LiveModel` port. In: the caller's voice, typed turns,
 * what was played; out: the model's voice and both sides' words. A broken connection is replaced, and the new one is told what was said.
 * Event names are today's; a server of the beta is recognised by its first message.
 */
import { join } from 'node:path';
import type { Config, Secrets } from '../config.ts';
import { configDir } from '../paths.ts';
import type { Caller } from './brain.ts';
import type { Health } from './health.ts';
import type { HttpTools } from './http-tools.ts';
import { JsonSocket } from './json-socket.ts';
import { readPrompt } from './openai-brain.ts';
import {
  type Endpoint,
  endpointError,
  healthOf,
  httpStatus,
  missingRouteHealth,
  resolveEndpoint,
} from './openai-client.ts';
import { RealtimeConversation, type RealtimeSettings } from './openai-realtime-conversation.ts';
import { timeoutError } from './patience.ts';
import type { LiveConversation, LiveModel, LiveModelListener } from './speech-to-speech.ts';

const DEFAULT_MODEL = 'gpt-realtime';
const DEFAULT_VOICE = 'marin';
const DEFAULT_TRANSCRIPTION = 'gpt-4o-mini-transcribe';

export class OpenAiRealtime implements LiveModel {
  readonly name: string;
  readonly #endpoint: Endpoint;
  readonly #model: string;
  readonly #settings: RealtimeSettings;
  readonly #tools: HttpTools;

  /** @throws AppError CONFIG_INVALID, FILE_UNREADABLE. */
  constructor(settings: Config['realtime'], tools: HttpTools, secrets: Secrets) {
    this.#endpoint = resolveEndpoint('realtime', 'LIVE_MODEL_UNAVAILABLE', settings, secrets);
    this.#model = settings.model || DEFAULT_MODEL;
    const { instructionsFile } = settings;
    this.#settings = {
      voice: settings.voice || DEFAULT_VOICE,
      instructions: readPrompt('realtime.instructionsFile', instructionsFile || join(configDir, 'prompts/live.md')),
      transcriptionModel: settings.transcriptionModel || DEFAULT_TRANSCRIPTION,
      timeoutMs: settings.timeoutMs,
      retries: settings.retries,
    };
    this.#tools = tools;
    this.name = `${this.#model} at ${this.#endpoint.baseUrl}`;
  }

  open(listener: LiveModelListener, caller?: Caller): LiveConversation {
    return new RealtimeConversation({
      connect: (signal) => this.#connect(signal),
      explain: (error) => endpointError(error, this.#endpoint),
      listener,
      ...(caller ? { caller } : {}),
      tools: this.#tools,
      settings: this.#settings,
    });
  }

  /** Opens a session and hangs up: nothing is said, so nothing is billed. */
  async check(signal: AbortSignal): Promise<Health> {
    const { timeoutMs } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    try {
      using socket = await this.#connect(signal);
      timer = setTimeout(() => socket.fail(timeoutError(timeoutMs)), timeoutMs);
      for await (const { type } of socket) {
        if (type === 'session.created')
          return { isOk: true, detail: `${this.#endpoint.baseUrl} answers with ${this.#model}.` };
        if (type === 'error') throw new Error('it begins with an error');
      }
      throw new Error('the connection ended at once');
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (httpStatus(error) === 404)
        return await missingRouteHealth(this.#endpoint, '/realtime', async (baseUrl) =>
          (await this.#connect(signal, baseUrl))[Symbol.dispose](),
        );
      return healthOf(endpointError(error, this.#endpoint));
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #connect(signal: AbortSignal, baseUrl = this.#endpoint.baseUrl): Promise<JsonSocket> {
    const { key } = this.#endpoint;
    const url = new URL(`${baseUrl.replace(/^http/, 'ws')}/realtime`);
    url.searchParams.set('model', this.#model);
    return JsonSocket.open(url.href, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      timeoutMs: this.#settings.timeoutMs,
      signal,
    });
  }
}
