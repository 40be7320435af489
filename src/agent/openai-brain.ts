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
import type { Brain, Caller, Dialogue, Question } from './brain.ts';
import { CallMemory, type ToolCall, toolMessages } from './chat-messages.ts';
import { type CallPart, type ChatEvent, readChat } from './chat-stream.ts';
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
import { soundsLikeThought } from './thought-marks.ts';
import { ThoughtFilter } from './thoughts.ts';

const DEFAULT_MODEL = 'gpt-4.1-mini';
const MAX_CALLS_PER_ROUND = 8;
/** So long the first answer of a model waits for the end of a thought whose beginning is not told. */
const FIRST_ANSWER_WAIT_MS = 1000;

export class OpenAiBrain implements Brain {
  readonly name: string;
  readonly #settings: Config['llm'];
  readonly #endpoint: Endpoint;
  readonly #client: OpenAiClient;
  readonly #tools: HttpTools;
  readonly #prompt: string;
  /** Whether the model's thoughts have an end and no beginning: its chat template decides, and every answer tells. */
  #hasUnopenedThoughts: boolean | undefined;

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

  open(caller?: Caller): Dialogue {
    const memory = new CallMemory();
    return { answer: (question) => this.#answer(question, memory, caller) };
  }

  check(signal: AbortSignal): Promise<Health> {
    return checkEndpoint(this.#client, this.#endpoint, this.#settings.model, '/chat/completions', signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#answer(question: Question, memory: CallMemory, caller: Caller | undefined): AsyncGenerator<string> {
    const { history, language, signal } = question;
    const messages: ChatCompletionMessageParam[] = [
      { role: 'system', content: this.#prompt + (language ? `\n\nThe caller speaks ${language}.` : '') },
      ...memory.messages(history),
    ];
    const { maxToolRounds } = this.#settings;
    let hasSpoken = false;
    for (let round = 0; ; round++) {
      signal.throwIfAborted();
      const calls: ToolCall[] = [];
      let text = '';
      try {
        const over = new AbortController();
        const until = AbortSignal.any([signal, over.signal]);
        const events = this.#request(messages, round < maxToolRounds, caller, until);
        for await (const piece of this.#said(events, calls, () => over.abort())) {
          text += piece;
          yield piece;
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw endpointError(error, this.#endpoint);
      }
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
      question.working?.();
      const made = calls.slice(0, MAX_CALLS_PER_ROUND).map((call, i) => ({ ...call, id: call.id || `call_${i}` }));
      const results = await Promise.all(
        made.map((call) => this.#tools.call(call.name, call.arguments, signal, caller)),
      );
      memory.keep(history, made, results, question);
      messages.push(...toolMessages(text, made, results));
    }
  }

  /** One request. */
  async *#request(
    messages: ChatCompletionMessageParam[],
    mayCall: boolean,
    caller: Caller | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent> {
    const { model, temperature, maxTokens, timeoutMs, callerFields } = this.#settings;
    const stall = new AbortController();
    const id = caller?.sessionId;
    const response = await this.#client.chat.completions
      .create(
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
          ...(id !== undefined && callerFields.includes('user') ? { user: id } : {}),
          ...(id !== undefined && callerFields.includes('safety_identifier') ? { safety_identifier: id } : {}),
          ...(id !== undefined && callerFields.includes('metadata') ? { metadata: { session_id: id } } : {}),
        },
        { signal: AbortSignal.any([signal, stall.signal]) },
      )
      .asResponse();
    const body = response.body as unknown as AsyncIterable<Uint8Array> | null;
    if (body) yield* readChat(withPatience(body, timeoutMs, (error) => stall.abort(error)));
    signal.throwIfAborted();
  }

  /** The text of an answer without its thoughts; calls into `calls`. */
  async *#said(events: AsyncIterable<ChatEvent>, calls: ToolCall[], stop: () => void): AsyncGenerator<string> {
    const thoughts = new ThoughtFilter({ waitsForEnd: this.#hasUnopenedThoughts !== false });
    let hasText = false;
    let sinceMs: number | undefined;
    for await (const event of waitingAtMost(events, () => this.#waitMs(thoughts, sinceMs), stop)) {
      let text = '';
      if (event === 'late') text = thoughts.release();
      else if (event.kind === 'text') {
        text = thoughts.push(event.text);
        sinceMs ??= performance.now();
      } else if (event.kind === 'call') collect(calls, event.part);
      else {
        // They come in a field of their own.
        this.#hasUnopenedThoughts ??= false;
        text = thoughts.release();
      }
      hasText ||= event !== 'late' && event.kind === 'text';
      if (text !== '') yield text;
    }
    const rest = thoughts.flush();
    if (hasText) this.#hasUnopenedThoughts = thoughts.hasUnopenedThoughts;
    if (rest !== '') yield rest;
  }

  /** How long the next event is waited for before text that may be thought is said; undefined: as long as it takes. */
  #waitMs(thoughts: ThoughtFilter, sinceMs: number | undefined): number | undefined {
    const text = thoughts.waitingText;
    if (this.#hasUnopenedThoughts !== undefined || sinceMs === undefined || text === '' || soundsLikeThought(text))
      return undefined;
    return Math.max(0, sinceMs + FIRST_ANSWER_WAIT_MS - performance.now());
  }

  #declared(): ChatCompletionTool[] {
    return this.#tools.declarations.map((each) => ({ type: 'function', function: each }));
  }
}

/**
 * The same events, and 'late' where one is not there in time.
 *
 * @param limitMs asked before each wait. @param stop ends the work behind the source when nobody reads on while an event is waited for.
 */
async function* waitingAtMost<T>(
  source: AsyncIterable<T>,
  limitMs: () => number | undefined,
  stop: () => void,
): AsyncGenerator<T | 'late'> {
  const iterator = source[Symbol.asyncIterator]();
  let isPending = true;
  try {
    for (let next = iterator.next(); ; ) {
      const result = await unlessLate(next, limitMs());
      if (result === 'late') {
        yield 'late';
        continue;
      }
      isPending = false;
      if (result.done) return;
      yield result.value;
      isPending = true;
      next = iterator.next();
    }
  } finally {
    if (isPending) stop();
    await iterator.return?.();
  }
}

async function unlessLate<T>(promise: Promise<T>, limitMs: number | undefined): Promise<T | 'late'> {
  if (limitMs === undefined) return await promise;
  promise.catch(() => {}); // whoever waits for it again is told
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Servers leave out the index, the id, or send a call whole. */
function collect(calls: ToolCall[], part: CallPart): void {
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

/** @throws AppError FILE_UNREADABLE naming the setting. */
export function readPrompt(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new AppError('FILE_UNREADABLE', `The file ${path} cannot be read; check ${setting}.`, { cause });
  }
}
