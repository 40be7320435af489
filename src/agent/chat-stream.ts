/**
 * A chat completion as servers send it, although a stream was asked for: server-sent events of any spelling, one JSON object a line, or one
 * whole answer. In: bytes cut anywhere; out: text, calls of functions, signs of thinking. An error among them is thrown in the server's words.
 */
import { z } from 'zod';

export interface CallPart {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

export type ChatEvent =
  | { kind: 'text'; text: string }
  | { kind: 'call'; part: CallPart }
  /** Thoughts, in a field of their own; they are not passed on. */
  | { kind: 'thought' };

/** The server's own words for what is wrong. */
export class ServiceError extends Error {}

/** What no answer is as long as. */
const MAX_OBJECT_CHARS = 4 * 1024 * 1024;
const DONE = '[DONE]';

const part = z.looseObject({
  type: z.string().nullish().catch(undefined),
  text: z
    .union([z.string(), z.looseObject({ value: z.string() })])
    .nullish()
    .catch(undefined),
  refusal: z.string().nullish().catch(undefined),
});
const call = z.looseObject({
  index: z.number().nullish().catch(undefined),
  id: z.string().nullish().catch(undefined),
  function: z
    .looseObject({
      name: z.string().nullish().catch(undefined),
      arguments: z
        .union([z.string(), z.record(z.string(), z.unknown())])
        .nullish()
        .catch(undefined),
    })
    .nullish()
    .catch(undefined),
});
const message = z.looseObject({
  content: z
    .union([z.string(), z.array(z.union([z.string(), part])), part])
    .nullish()
    .catch(undefined),
  refusal: z.string().nullish().catch(undefined),
  tool_calls: z.array(call).nullish().catch(undefined),
  function_call: z.looseObject({ name: z.string(), arguments: z.string() }).partial().nullish().catch(undefined),
});
type Message = z.infer<typeof message>;
const choice = z.looseObject({
  delta: message.nullish().catch(undefined),
  message: message.nullish().catch(undefined),
  text: z.string().nullish().catch(undefined),
  finish_reason: z.string().nullish().catch(undefined),
});
const chunk = z.looseObject({
  choices: z.array(choice).nullish().catch(undefined),
  /** Ollama's own protocol has one message and no choices. */
  message: message.nullish().catch(undefined),
  error: z.unknown().optional(),
});

export async function* readChat(body: AsyncIterable<Uint8Array>): AsyncGenerator<ChatEvent> {
  const reader = new ChatReader();
  for await (const json of jsonOf(body)) yield* reader.read(json);
}

/** What one object of an answer means. */
class ChatReader {
  private hasDeltas = false;

  *read(json: unknown): Generator<ChatEvent> {
    const parsed = chunk.safeParse(json);
    if (!parsed.success) throw new Error('what came is no chat completion');
    const { error, choices } = parsed.data;
    if (error !== undefined && error !== null) throw new ServiceError(wordsOf(error));
    const first = choices?.[0] ?? (parsed.data.message ? { message: parsed.data.message } : undefined);
    if (!first) return;
    if (first.delta) {
      this.hasDeltas = true;
      yield* eventsOf(first.delta);
    } else if (first.message) {
      // Some repeat the whole answer behind its pieces.
      if (!this.hasDeltas) yield* eventsOf(first.message);
    } else if ('text' in first && first.text) yield { kind: 'text', text: first.text };
    if ('finish_reason' in first && first.finish_reason === 'content_filter')
      throw new ServiceError('the content filter of the service stopped the answer');
  }
}

function* eventsOf(said: Message): Generator<ChatEvent> {
  const thoughts = [said.reasoning_content, said.reasoning, said.thinking];
  if (thoughts.some((each) => typeof each === 'string' && each !== '')) yield { kind: 'thought' };
  const parts = Array.isArray(said.content) ? said.content : [said.content];
  for (const each of parts) {
    const text = textOf(each);
    if (text !== '') yield { kind: 'text', text };
  }
  // What a model says instead of an answer is an answer, too.
  if (said.refusal) yield { kind: 'text', text: said.refusal };
  for (const [i, each] of (said.tool_calls ?? []).entries()) {
    const given = each.function?.arguments;
    yield {
      kind: 'call',
      part: {
        ...(typeof each.index === 'number' ? { index: each.index } : said.tool_calls!.length > 1 ? { index: i } : {}),
        ...(each.id ? { id: each.id } : {}),
        function: {
          ...(each.function?.name ? { name: each.function.name } : {}),
          ...(given ? { arguments: typeof given === 'string' ? given : JSON.stringify(given) } : {}),
        },
      },
    };
  }
  if (said.function_call) {
    const { name, arguments: given } = said.function_call;
    yield {
      kind: 'call',
      part: { index: 0, function: { ...(name ? { name } : {}), ...(given ? { arguments: given } : {}) } },
    };
  }
}

function textOf(content: string | z.infer<typeof part> | null | undefined): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (content.type && !/^(?:text|output_text|refusal)$/.test(content.type)) return '';
  if (content.refusal) return content.refusal;
  return typeof content.text === 'string' ? content.text : (content.text?.value ?? '');
}

function wordsOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const { message: words, code, type } = error as { message?: unknown; code?: unknown; type?: unknown };
  return String(words ?? code ?? type ?? 'an error without words');
}

/** The objects of an answer. @throws Error where something else came. */
async function* jsonOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  /** Of an object, over lines. */
  let open = '';
  const add = (line: string): unknown => {
    open += open === '' ? line : `\n${line}`;
    if (open.length > MAX_OBJECT_CHARS) throw new Error('what came has no end');
    try {
      const json: unknown = JSON.parse(open);
      open = '';
      return json;
    } catch {
      return undefined;
    }
  };
  let isEvents = false;
  for await (const line of linesOf(body)) {
    const data = /^\ufeff?data:\s?(.*)$/s.exec(line)?.[1];
    isEvents ||= data !== undefined || /^\ufeff?(?::|(?:event|id|retry):)/.test(line);
    if (data?.trim() === DONE) return;
    if (data === undefined && isEvents) {
      // An empty line ends an event; what is not JSON by then never will be. Comments and names of events say nothing.
      if (line.trim() === '' && open !== '') {
        if (/^\s*[{[]/.test(open)) throw new Error(`an event came that is not JSON: ${open.slice(0, 100)}`);
        open = '';
      }
      continue;
    }
    const text = data ?? line;
    if (open === '' && text.trim() === '') continue;
    const json = add(text);
    if (json === undefined) continue;
    if (typeof json === 'object' && json !== null) yield json;
  }
  if (open.trim() !== '' && (!isEvents || /^\s*[{[]/.test(open)))
    throw new Error(`the answer is not of the protocol: ${open.slice(0, 100)}`);
}

/** Lines that end in any way; the last one may not end at all. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    // A carriage return at the end may have its line feed still to come.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield* rest.split(/\r\n|\n|\r/);
}
