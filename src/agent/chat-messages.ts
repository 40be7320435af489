/**
 * A conversation as a chat endpoint is told it. In: what was said, and which functions were called for which question; out: messages. The calls
 * and results of a turn are told again in the turns after it, so that the model knows what it has looked up; the oldest are forgotten.
 */
import type { Utterance } from './brain.ts';
import type { ChatCompletionMessageParam } from './openai-client.ts';

/** What a conversation of an hour may send along; older words are forgotten. */
const MAX_HISTORY = 80;
const MAX_TURNS_WITH_CALLS = 8;
const MAX_KEPT_CHARS = 24_000;
/** Of one result, once its turn is over. */
const MAX_KEPT_RESULT_CHARS = 4000;
/** Where the face speaks first. */
const JOINED = '(The caller has just joined and said nothing yet. Greet them in one short sentence.)';

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** Calls of one round and their results. @param text what the model said before it called. */
export function toolMessages(
  text: string,
  calls: readonly ToolCall[],
  results: readonly string[],
): ChatCompletionMessageParam[] {
  return [
    {
      role: 'assistant',
      content: text || null,
      tool_calls: calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments || '{}' },
      })),
    },
    ...calls.map(({ id }, i): ChatCompletionMessageParam => ({ role: 'tool', tool_call_id: id, content: results[i]! })),
  ];
}

/** Calls of the turns so far, each with the words that it was for. */
export class CallMemory {
  private turns: { question: string; messages: ChatCompletionMessageParam[] }[] = [];

  /** @param history as the brain was asked with it. */
  keep(history: readonly Utterance[], calls: readonly ToolCall[], results: readonly string[], turn: object): void {
    const question = history.findLast(({ role }) => role === 'user')?.text ?? '';
    const kept = results.map((result) =>
      result.length <= MAX_KEPT_RESULT_CHARS ? result : `${result.slice(0, MAX_KEPT_RESULT_CHARS)} … (cut off here)`,
    );
    // Ids are the turn's own; over turns they may come again.
    const numbered = calls.map((call, i) => ({ ...call, id: `${call.id}_${this.counter++}_${i}`.slice(-40) }));
    // What was said meanwhile is in the history, as far as it was heard.
    const messages = toolMessages('', numbered, kept);
    if (this.lastTurn === turn) this.turns.at(-1)?.messages.push(...messages);
    else this.turns.push({ question, messages });
    this.lastTurn = turn;
    while (this.turns.length > MAX_TURNS_WITH_CALLS || (this.turns.length > 1 && this.size > MAX_KEPT_CHARS))
      this.turns.shift();
  }

  private lastTurn: object | undefined;
  private counter = 1;

  private get size(): number {
    return JSON.stringify(this.turns).length;
  }

  /** The history with the calls behind the words that they were for. */
  messages(history: readonly Utterance[]): ChatCompletionMessageParam[] {
    const recent = history.slice(-MAX_HISTORY).filter(({ text }) => text.trim() !== '');
    /** By place in the history, newest first: what the caller said again and again is told apart by order. */
    const placed = new Map<number, ChatCompletionMessageParam[]>();
    let before = recent.length;
    for (const { question, messages } of this.turns.toReversed()) {
      const at = recent.findLastIndex(
        // What the caller added later stands behind it.
        ({ role, text }, i) => i < before && role === 'user' && question !== '' && text.startsWith(question),
      );
      if (at < 0) continue;
      placed.set(at, [...messages, ...(placed.get(at) ?? [])]);
      before = at + 1;
    }
    return merged(recent, placed);
  }
}

/** Some chat templates take turns strictly: what one side said in several goes is one message. */
function merged(
  history: readonly Utterance[],
  calls: ReadonlyMap<number, ChatCompletionMessageParam[]>,
): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] = [];
  for (const [i, { role, text }] of history.entries()) {
    const last = messages.at(-1);
    if (last?.role === role && typeof last.content === 'string' && !('tool_calls' in last)) last.content += `\n${text}`;
    else messages.push({ role, content: text });
    // The result of the last question's own calls follows while it is answered.
    messages.push(...(calls.get(i) ?? []));
  }
  if (messages.every(({ role }) => role !== 'user')) messages.push({ role: 'user', content: JOINED });
  return messages;
}
