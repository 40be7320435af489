/**
 * The utterances that are being recognised. In: the caller's sound and where utterances begin and end; out: partial and final words, noises left
 * out whoever wrote them down. A recogniser that fails has understood nothing, and is complained about; the conversation goes on.
 */
import type { Clock } from '../media/clock.ts';
import { heardWords } from './heard-words.ts';
import type { Hearing, Recognizer, Transcript } from './recognizer.ts';

export interface HearingsParts {
  recognizer: Recognizer;
  clock: Clock;
  /** BCP 47 tag of what is expected. */
  language: string | undefined;
  partial: (utteranceId: number, text: string) => void;
  /** Once per utterance that was finished and not dropped. */
  transcript: (utteranceId: number, said: Transcript) => void;
  failed: (error: unknown) => void;
}

interface OpenHearing {
  hearing: Hearing;
  abort: AbortController;
  isFinished: boolean;
}

export class Hearings {
  private readonly parts: HearingsParts;
  private readonly utterances = new Map<number, OpenHearing>();
  private readonly tasks = new Set<Promise<void>>();
  /** From the last utterance's end to its words. */
  lastDelayUs: number | undefined;

  constructor(parts: HearingsParts) {
    this.parts = parts;
  }

  /** @param before sound that belongs to the utterance already. */
  open(utteranceId: number, before: readonly Float32Array[]): void {
    const { recognizer, language, partial, transcript, failed } = this.parts;
    const abort = new AbortController();
    try {
      const hearing = recognizer.open({
        signal: abort.signal,
        ...(language ? { language } : {}),
        onPartial: ({ text }) => partial(utteranceId, heardWords(text)),
      });
      this.utterances.set(utteranceId, { hearing, abort, isFinished: false });
      for (const samples of before) hearing.push(samples);
    } catch (error) {
      failed(error);
      transcript(utteranceId, { text: '' });
    }
  }

  /** @param samples 16 kHz mono. */
  push(samples: Float32Array): void {
    for (const { hearing, isFinished } of this.utterances.values()) if (!isFinished) hearing.push(samples);
  }

  finish(utteranceId: number): void {
    const open = this.utterances.get(utteranceId);
    if (!open || open.isFinished) return;
    open.isFinished = true;
    const task = this.understand(utteranceId, open);
    this.tasks.add(task);
    void task.finally(() => this.tasks.delete(task));
  }

  private async understand(utteranceId: number, { hearing, abort }: OpenHearing): Promise<void> {
    const { clock, transcript, failed } = this.parts;
    const startUs = clock.nowUs();
    let said: Transcript = { text: '' };
    try {
      said = await hearing.finish();
    } catch (error) {
      if (!abort.signal.aborted) failed(error);
    }
    if (abort.signal.aborted) return;
    this.utterances.delete(utteranceId);
    this.lastDelayUs = clock.nowUs() - startUs;
    transcript(utteranceId, { ...said, text: heardWords(said.text) });
  }

  /** Ends the work for an utterance; nothing comes of it. */
  drop(utteranceId: number): void {
    this.utterances.get(utteranceId)?.abort.abort();
    this.utterances.delete(utteranceId);
  }

  async close(): Promise<void> {
    for (const id of [...this.utterances.keys()]) this.drop(id);
    await Promise.allSettled([...this.tasks]);
  }
}
