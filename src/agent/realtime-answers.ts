/**
 * The answers of a Realtime model as their sound arrives. In: pieces of sound, ends, interruptions; out: calls of the listener, and what has to
 * be forgotten of an answer that was cut off. An answer ends once, after its sound; of an interrupted one nothing more is passed on.
 */
import { readSamples } from '../media/sample-encoding.ts';
import type { JsonMessage } from './json-socket.ts';
import { LIVE_MODEL_RATE_HZ, type LiveModelListener } from './speech-to-speech.ts';

/** What can be interrupted is at most a few answers back. */
const MAX_ANSWERS = 16;

interface Answer {
  responseId: string;
  contentIndex: number;
  receivedSamples: number;
  /** The first half of a sample. */
  rest: Buffer;
  /** All of its sound has come. */
  isComplete: boolean;
  isInterrupted: boolean;
}

/** An answer that was cut off. */
export interface Cut {
  responseId: string;
  contentIndex: number;
  heardMs: number;
  /** Of what has come, 0 … 1. */
  heardShare: number;
}

export class RealtimeAnswers {
  readonly #listener: Pick<LiveModelListener, 'sound' | 'answerEnded'>;
  readonly #answers = new Map<string, Answer>();

  constructor(listener: Pick<LiveModelListener, 'sound' | 'answerEnded'>) {
    this.#listener = listener;
  }

  /** @param event with 16-bit PCM in Base64 as `delta`. @param responseId where the event names none. */
  sound(id: string, event: JsonMessage, responseId: string): void {
    let answer = this.#answers.get(id);
    if (!answer) {
      answer = {
        responseId: String(event.response_id ?? responseId),
        contentIndex: typeof event.content_index === 'number' ? event.content_index : 0,
        receivedSamples: 0,
        rest: Buffer.alloc(0),
        isComplete: false,
        isInterrupted: false,
      };
      this.#answers.set(id, answer);
      if (this.#answers.size > MAX_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!);
    }
    // A piece may end inside a sample.
    const bytes = Buffer.concat([answer.rest, Buffer.from(String(event.delta ?? ''), 'base64')]);
    const samples = readSamples(bytes, 's16le');
    answer.rest = bytes.subarray(2 * samples.length);
    answer.receivedSamples += samples.length;
    if (!answer.isInterrupted && samples.length > 0) this.#listener.sound(id, samples);
  }

  isInterrupted(id: string): boolean {
    return this.#answers.get(id)?.isInterrupted ?? false;
  }

  complete(id: string): void {
    const answer = this.#answers.get(id);
    if (!answer || answer.isComplete) return;
    answer.isComplete = true;
    if (!answer.isInterrupted) this.#listener.answerEnded(id);
  }

  /** @returns whether there was any answer in this response. */
  completeResponse(responseId: string): boolean {
    const ids = [...this.#answers].filter(([, answer]) => answer.responseId === responseId).map(([id]) => id);
    for (const id of ids) this.complete(id);
    return ids.length > 0;
  }

  /** No more comes of any of them. */
  completeAll(): void {
    for (const id of this.#answers.keys()) this.complete(id);
    this.#answers.clear();
  }

  /** @returns undefined for an unknown answer and for one that was cut off before. */
  interrupt(id: string, playedMs: number): Cut | undefined {
    const answer = this.#answers.get(id);
    if (!answer || answer.isInterrupted) return undefined;
    answer.isInterrupted = true;
    const receivedMs = Math.floor((answer.receivedSamples / LIVE_MODEL_RATE_HZ) * 1000);
    // Beyond what has come there is nothing to forget, and saying so is an error.
    const heardMs = Math.max(0, Math.min(Math.floor(playedMs), receivedMs));
    const isHeard = answer.isComplete && heardMs === receivedMs;
    return {
      responseId: answer.responseId,
      contentIndex: answer.contentIndex,
      heardMs,
      heardShare: isHeard ? 1 : receivedMs === 0 ? 0 : Math.min(heardMs / receivedMs, 0.999),
    };
  }
}
