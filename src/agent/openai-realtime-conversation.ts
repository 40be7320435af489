/**
 * One caller's conversation with a Realtime model: connection, answers under way, functions, interruption. In: server events, and what the
 * caller's side does; out: calls of the listener. Nothing of an interrupted answer is passed on; after disposal nothing is.
 */
import { z } from 'zod';
import type { AppError } from '../errors.ts';
import { systemClock } from '../media/clock.ts';
import { pcm16 } from '../media/wav-file.ts';
import type { Caller } from './brain.ts';
import type { HttpTools } from './http-tools.ts';
import { HttpRefused, type JsonMessage, type JsonSocket } from './json-socket.ts';
import { pauseMs, timeoutError } from './patience.ts';
import { RealtimeAnswers } from './realtime-answers.ts';
import { RealtimeLines } from './realtime-lines.ts';
import { currentName, type Dialect, dialectOf, messageItem, sessionUpdate } from './realtime-session.ts';
import { LIVE_MODEL_RATE_HZ, type LiveConversation, type LiveModelListener } from './speech-to-speech.ts';

/** What the caller says while there is no connection: enough for a word to survive a short break, too little to answer late to. */
const MAX_WAITING_SAMPLES = 3 * LIVE_MODEL_RATE_HZ;
/** A connection that has lasted so long was a good one. */
const STEADY_US = 20_000_000;
/** Rounds of functions after which the model must speak. */
const MAX_TOOL_ROUNDS = 8;
const TRANSCRIPTION = 'conversation.item.input_audio_transcription';

export interface RealtimeSettings {
  voice: string;
  instructions: string;
  transcriptionModel: string;
  timeoutMs: number;
  /** New connections in a row that may fail. */
  retries: number;
}

export interface ConversationParts {
  /** @throws HttpRefused and what else connections throw. */
  connect(signal: AbortSignal): Promise<JsonSocket>;
  explain(error: unknown): AppError;
  listener: LiveModelListener;
  caller?: Caller;
  tools: HttpTools;
  settings: RealtimeSettings;
}

const callSchema = z.object({
  type: z.literal('function_call'),
  call_id: z.string(),
  name: z.string(),
  arguments: z.string().catch('{}'),
});

/** An error that another connection would meet again. */
class Refusal extends Error {}

export class RealtimeConversation implements LiveConversation {
  readonly #parts: ConversationParts;
  readonly #life = new AbortController();
  readonly #run: Promise<void>;
  readonly #answers: RealtimeAnswers;
  readonly #lines: RealtimeLines;
  #socket: JsonSocket | undefined;
  #dialect: Dialect = 'current';
  /** Sound and typed turns that wait for a connection. */
  #waiting: Float32Array[] = [];
  #waitingTexts: string[] = [];
  #activeResponse: string | undefined;
  /** A response to ask for as soon as none is under way. */
  #isResponseWanted = false;
  #mayAskAgain = true;
  /** Since the caller last said something. */
  #toolRounds = 0;
  #isCallerSpeaking = false;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.#answers = new RealtimeAnswers(parts.listener);
    this.#lines = new RealtimeLines(parts.listener);
    this.#run = this.#keepConnected();
  }

  hear(samples: Float32Array): void {
    if (this.#life.signal.aborted || samples.length === 0) return;
    if (this.#socket) {
      this.#append(samples);
      return;
    }
    this.#waiting.push(samples.slice());
    let count = this.#waiting.reduce((sum, part) => sum + part.length, 0);
    while (count > MAX_WAITING_SAMPLES) count -= this.#waiting.shift()!.length;
  }

  say(text: string): void {
    if (this.#life.signal.aborted || text.trim() === '') return;
    if (!this.#socket) {
      this.#waitingTexts.push(text);
      return;
    }
    this.#lines.typed(text);
    this.#callerTurn();
    this.#socket.send(messageItem(this.#dialect, { role: 'user', text }));
    this.#respond();
  }

  interrupted(answerId: string, playedMs: number): void {
    const cut = this.#answers.interrupt(answerId, playedMs);
    if (!cut) return;
    if (this.#activeResponse === cut.responseId)
      this.#socket?.send({ type: 'response.cancel', response_id: cut.responseId });
    if (cut.heardShare === 1) return;
    this.#socket?.send({
      type: 'conversation.item.truncate',
      item_id: answerId,
      content_index: cut.contentIndex,
      audio_end_ms: cut.heardMs,
    });
    this.#lines.cut(answerId, cut.heardShare);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new Error('the conversation is over'));
    this.#socket?.[Symbol.dispose]();
    await this.#run;
  }

  /** Ends with the conversation, or when no connection can be had any more. */
  async #keepConnected(): Promise<void> {
    const { settings, listener, explain } = this.#parts;
    const { signal } = this.#life;
    let failures = 0;
    while (!signal.aborted) {
      let readyUs = Number.POSITIVE_INFINITY;
      try {
        await this.#converse(() => {
          readyUs = systemClock.nowUs();
        });
        throw new Error('the connection ended');
      } catch (error) {
        if (systemClock.nowUs() - readyUs > STEADY_US) failures = 0;
        this.#disconnected();
        if (signal.aborted) return;
        const isFinal =
          error instanceof Refusal || (error instanceof HttpRefused && error.status < 500 && error.status !== 429);
        if (isFinal || failures >= settings.retries) {
          this.#life.abort(error);
          listener.failed(explain(error));
          return;
        }
        const pauseUs = pauseMs(failures++) * 1000;
        await systemClock.sleepUntil(systemClock.nowUs() + pauseUs, signal).catch(() => {});
      }
    }
  }

  /** One connection, from its beginning to its end. @param ready called when it works. */
  async #converse(ready: () => void): Promise<void> {
    const { connect, settings, tools } = this.#parts;
    using socket = await connect(this.#life.signal);
    let timer: NodeJS.Timeout | undefined = setTimeout(
      () => socket.fail(timeoutError(settings.timeoutMs)),
      settings.timeoutMs,
    );
    try {
      for await (const event of socket) {
        if (this.#life.signal.aborted) return;
        if (event.type === 'session.created') {
          this.#dialect = dialectOf(event);
          socket.send(sessionUpdate(this.#dialect, { ...settings, tools: tools.declarations }));
        } else if (event.type === 'session.updated' && this.#socket !== socket) {
          clearTimeout(timer);
          timer = undefined;
          ready();
          this.#connected(socket);
        } else if (event.type === 'error' && this.#socket !== socket) {
          throw new Refusal(errorOf(event).message);
        } else this.#receive(event);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #connected(socket: JsonSocket): void {
    for (const line of this.#lines.remembered()) socket.send(messageItem(this.#dialect, line));
    this.#socket = socket;
    for (const samples of this.#waiting.splice(0)) this.#append(samples);
    for (const text of this.#waitingTexts.splice(0)) this.say(text);
  }

  #disconnected(): void {
    const { listener } = this.#parts;
    const wasConnected = this.#socket !== undefined;
    this.#socket = undefined;
    this.#activeResponse = undefined;
    this.#isResponseWanted = false;
    if (!wasConnected || this.#life.signal.aborted) return;
    this.#answers.completeAll();
    if (this.#isCallerSpeaking) {
      this.#isCallerSpeaking = false;
      listener.speechStopped();
    }
  }

  #append(samples: Float32Array): void {
    this.#socket?.send({ type: 'input_audio_buffer.append', audio: pcm16(samples).toString('base64') });
  }

  /** Asks for an answer, now or as soon as the one under way has ended: the protocol has one at a time. */
  #respond(): void {
    this.#isResponseWanted = this.#activeResponse !== undefined;
    if (this.#isResponseWanted) return;
    const mustSpeak = this.#toolRounds >= MAX_TOOL_ROUNDS;
    this.#socket?.send({ type: 'response.create', ...(mustSpeak ? { response: { tool_choice: 'none' } } : {}) });
  }

  #callerTurn(): void {
    this.#mayAskAgain = true;
    this.#toolRounds = 0;
  }

  #receive(event: JsonMessage): void {
    const { listener } = this.#parts;
    const id = String(event.item_id ?? '');
    switch (currentName(event.type)) {
      case 'input_audio_buffer.speech_started':
        this.#isCallerSpeaking = true;
        this.#callerTurn();
        listener.speechStarted();
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#isCallerSpeaking = false;
        listener.speechStopped();
        break;
      case `${TRANSCRIPTION}.delta`:
        this.#lines.write(id, 'user', event.delta, false);
        break;
      case `${TRANSCRIPTION}.completed`:
        this.#lines.write(id, 'user', event.transcript, true);
        break;
      case 'response.created':
        this.#activeResponse = idOf(event.response);
        break;
      case 'response.output_audio.delta':
        this.#answers.sound(id, event, this.#activeResponse ?? '');
        break;
      case 'response.output_audio_transcript.delta':
        if (!this.#answers.isInterrupted(id)) this.#lines.write(id, 'assistant', event.delta, false);
        break;
      case 'response.output_audio_transcript.done':
        if (!this.#answers.isInterrupted(id)) this.#lines.write(id, 'assistant', event.transcript, true);
        break;
      case 'response.output_audio.done':
        this.#answers.complete(id);
        break;
      case 'response.done':
        this.#responseDone(event.response);
        break;
      case 'error':
        // Most say that something came too late, such as a cancellation.
        if (/quota|api_key|billing/.test(errorOf(event).code)) this.#socket?.fail(new Refusal(errorOf(event).message));
        if (/expired/.test(errorOf(event).code)) this.#socket?.fail(new Error(errorOf(event).message));
        break;
    }
  }

  #responseDone(response: unknown): void {
    const fields = (typeof response === 'object' && response !== null ? response : {}) as JsonMessage;
    const responseId = idOf(response);
    if (this.#activeResponse === responseId) this.#activeResponse = undefined;
    const hasSounded = this.#answers.completeResponse(responseId);
    const output: unknown[] = Array.isArray(fields.output) ? fields.output : [];
    const calls = fields.status === 'cancelled' ? [] : output.flatMap((item) => callSchema.safeParse(item).data ?? []);
    if (calls.length > 0 && this.#toolRounds < MAX_TOOL_ROUNDS) {
      this.#toolRounds++;
      void this.#carryOut(calls);
    } else if (this.#isResponseWanted) this.#respond();
    else if (fields.status === 'failed' && !hasSounded && this.#mayAskAgain) {
      this.#mayAskAgain = false;
      this.#respond();
    }
  }

  async #carryOut(calls: z.infer<typeof callSchema>[]): Promise<void> {
    const { tools, caller } = this.#parts;
    const { signal } = this.#life;
    const socket = this.#socket;
    try {
      const results = await Promise.all(calls.map((call) => tools.call(call.name, call.arguments, signal, caller)));
      // A new connection knows nothing of these calls.
      if (!socket || socket !== this.#socket) return;
      for (const [i, { call_id }] of calls.entries())
        socket.send({
          type: 'conversation.item.create',
          item: { type: 'function_call_output', call_id, output: results[i] },
        });
      this.#respond();
    } catch (error) {
      if (!signal.aborted) socket?.fail(error as Error);
    }
  }
}

function idOf(value: unknown): string {
  return String((value as { id?: unknown } | undefined)?.id ?? '');
}

function errorOf(event: JsonMessage): { code: string; message: string } {
  const { code, message, type } = (event.error ?? {}) as Record<string, unknown>;
  return { code: String(code ?? type ?? ''), message: String(message ?? code ?? 'an error without words') };
}
