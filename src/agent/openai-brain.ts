/**
 * Any OpenAI-compatible chat endpoint (hosted, Ollama, llama.cpp, vLLM …) behind the `Brain` port. In: the history; out: text as it is
 * written, stage directions left in. Functions the model calls are carried out here and their results given back, in bounded rounds.
 * Aborting closes the HTTP stream; nothing is tried again once a piece has come.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import { configDir } from '../paths.ts';
import type { Brain, Dialogue, Question } from './brain.ts';
import type { Health } from './health.ts';
import type { HttpTools } from './http-tools.ts';
import {
  type ChatCompletionMessageParam,
  type ChatCompletionTool,
  checkEndpoint,
  type Endpoint,
  endpointError,
  OPENAI_BASE_URL,
  type OpenAiClient,
  openClient,
  resolveEndpoint,
} from './openai-client.ts';
import { withPatience } from './patience.ts';
import { ThoughtFilter } from './thoughts.ts';

const DEFAULT_MODEL = 'gpt-4.1-mini';
/** What a conversation of an hour may send along; older words are forgotten. */
const MAX_HISTORY = 80;
const MAX_CALLS_PER_ROUND = 8;
/** Where the face speaks first. */
const JOINED = '(The caller has just joined and said nothing yet. Greet them in one short sentence.)';

interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export class OpenAiBrain implements Brain {
  readonly name: string;
  readonly #settings: Config['llm'];
  readonly #endpoint: Endpoint;
  readonly #client: OpenAiClient;
  readonly #tools: HttpTools;
  readonly #prompt: string;

  /** @throws AppError CONFIG_INVALID, FILE_UNREADABLE. */
  constructor(settings: Config['llm'], tools: HttpTools, secrets: Secrets) {
    const model = settings.model || DEFAULT_MODEL;
    this.#settings = { ...settings, model };
    this.#endpoint = resolveEndpoint('llm', 'BRAIN_UNAVAILABLE', settings, secrets);
    this.#client = openClient(this.#endpoint, settings);
    this.#tools = tools;
    this.#prompt = readPrompt('llm.systemPromptFile', settings.systemPromptFile || join(configDir, 'prompts/brain.md'));
    this.name = `${model} at ${this.#endpoint.baseUrl}`;
  }

  open(): Dialogue {
    return { answer: (question) => this.#answer(question) };
  }

  check(signal: AbortSignal): Promise<Health> {
    return checkEndpoint(this.#client, this.#endpoint, this.#settings.model, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#answer({ history, language, signal }: Question): AsyncGenerator<string> {
    const messages: ChatCompletionMessageParam[] = [
      { role: 'system', content: this.#prompt + (language ? `\n\nThe caller speaks ${language}.` : '') },
      ...merged(history.slice(-MAX_HISTORY)),
    ];
    const { maxToolRounds } = this.#settings;
    let hasSpoken = false;
    for (let round = 0; ; round++) {
      signal.throwIfAborted();
      const calls: ToolCall[] = [];
      const thoughts = new ThoughtFilter();
      let text = '';
      try {
        for await (const piece of this.#request(messages, round < maxToolRounds, calls, signal)) {
          const spoken = thoughts.push(piece);
          text += spoken;
          if (spoken !== '') yield spoken;
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw endpointError(error, this.#endpoint);
      }
      const rest = thoughts.flush();
      text += rest;
      if (rest !== '') yield rest;
      hasSpoken ||= text.trim() !== '';
      if (calls.length === 0 || round >= maxToolRounds) {
        if (hasSpoken) return;
        throw new AppError(
          'BRAIN_UNAVAILABLE',
          `${this.name} gave an empty answer; check llm.model and raise llm.maxTokens.`,
        );
      }
      // What follows a function must not stick to what was said before it.
      if (text !== '' && !/\s$/.test(text)) yield ' ';
      messages.push(...(await this.#carriedOut(text, calls, signal)));
    }
  }

  /** One request; text as it comes, calls into `calls`. */
  async *#request(
    messages: ChatCompletionMessageParam[],
    mayCall: boolean,
    calls: ToolCall[],
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const { model, temperature, maxTokens, timeoutMs } = this.#settings;
    const stall = new AbortController();
    const stream = await this.#client.chat.completions.create(
      {
        model,
        messages,
        stream: true,
        // OpenAI's newer models refuse the old name, most other servers know no other.
        ...(this.#endpoint.baseUrl === OPENAI_BASE_URL
          ? { max_completion_tokens: maxTokens }
          : { max_tokens: maxTokens }),
        ...(temperature === null ? {} : { temperature }),
        ...(this.#tools.isEmpty ? {} : { tools: this.#declared(), tool_choice: mayCall ? 'auto' : 'none' }),
      },
      { signal: AbortSignal.any([signal, stall.signal]) },
    );
    for await (const chunk of withPatience(stream, timeoutMs, (error) => stall.abort(error))) {
      const delta = chunk.choices?.[0]?.delta;
      for (const part of delta?.tool_calls ?? []) collect(calls, part);
      if (typeof delta?.content === 'string' && delta.content !== '') yield delta.content;
    }
    // The package ends an aborted stream as if it were complete.
    signal.throwIfAborted();
  }

  #declared(): ChatCompletionTool[] {
    return this.#tools.declarations.map((each) => ({ type: 'function', function: each }));
  }

  async #carriedOut(text: string, calls: ToolCall[], signal: AbortSignal): Promise<ChatCompletionMessageParam[]> {
    const made = calls.slice(0, MAX_CALLS_PER_ROUND).map((call, i) => ({ ...call, id: call.id || `call_${i}` }));
    const results = await Promise.all(made.map((call) => this.#tools.call(call.name, call.arguments, signal)));
    return [
      {
        role: 'assistant',
        content: text || null,
        tool_calls: made.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments || '{}' },
        })),
      },
      ...made.map(({ id }, i): ChatCompletionMessageParam => ({ role: 'tool', tool_call_id: id, content: results[i] })),
    ];
  }
}

/** Servers leave out the index, the id, or send a call whole. */
function collect(
  calls: ToolCall[],
  part: { index?: number; id?: string; function?: { name?: string; arguments?: string } },
): void {
  const last = calls.at(-1);
  const index =
    part.index ?? (last === undefined || (part.id && part.id !== last.id) ? calls.length : calls.length - 1);
  // A hole in the list, or an index out of all bounds, is no call.
  if (index > calls.length || index < 0) return;
  calls[index] ??= { id: '', name: '', arguments: '' };
  const call = calls[index];
  call.id ||= part.id ?? '';
  call.name ||= part.function?.name ?? '';
  call.arguments += part.function?.arguments ?? '';
}

/** Some chat templates take turns strictly: what one side said in several goes is one message. */
function merged(history: Question['history']): ChatCompletionMessageParam[] {
  const messages: { role: 'user' | 'assistant'; content: string }[] = [];
  for (const { role, text } of history) {
    if (text.trim() === '') continue;
    const last = messages.at(-1);
    if (last?.role === role) last.content += `\n${text}`;
    else messages.push({ role, content: text });
  }
  if (messages.every(({ role }) => role !== 'user')) messages.push({ role: 'user', content: JOINED });
  return messages;
}

/** @throws AppError FILE_UNREADABLE naming the setting. */
export function readPrompt(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new AppError('FILE_UNREADABLE', `The file ${path} cannot be read; check ${setting}.`, { cause });
  }
}
