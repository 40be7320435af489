/** Providers without a service, for tests of those who use them: they answer, stall, fail or talk nonsense as told, and show their work. */
import type { Brain, Dialogue, Question } from '../../src/agent/brain.ts';
import type { Health } from '../../src/agent/health.ts';
import type { Hearing, HearingOptions, Recognizer, Transcript } from '../../src/agent/recognizer.ts';
import {
  LIVE_MODEL_RATE_HZ,
  type LiveConversation,
  type LiveModel,
  type LiveModelListener,
} from '../../src/agent/speech-to-speech.ts';
import {
  checkedRate,
  requireText,
  type SpeechOptions,
  type SpeechSynthesizer,
  splitSentences,
  type Voice,
} from '../../src/agent/tts.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import type { SpeechChunk, TimedWord } from '../../src/media/speech.ts';

type FakeMood = 'well' | 'stalls' | 'fails';

abstract class Fake implements AsyncDisposable {
  abstract readonly name: string;
  protected abstract readonly code: ErrorCode;
  mood: FakeMood;
  /** Requests under way. */
  workUnderWay = 0;
  /** How long a stalled one is waited for. */
  patienceMs = 300;

  constructor(mood: FakeMood = 'well') {
    this.mood = mood;
  }

  protected failure(what: string): AppError {
    return new AppError(this.code, `${this.name} ${what}; this is a test.`);
  }

  /** Never comes; the wait for it ends with the signal or the patience. */
  protected nothing(signal: AbortSignal | undefined): Promise<never> {
    return new Promise((_, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const timer = setTimeout(() => reject(this.failure('did not answer in time')), this.patienceMs);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  }

  async check(): Promise<Health> {
    if (this.mood === 'fails') return { isOk: false, detail: 'It fails.', remedy: 'This is a test.' };
    return { isOk: true, detail: 'It is well.' };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Answers with the next of its lines, piece by piece. */
export class FakeBrain extends Fake implements Brain {
  readonly name = 'a fake brain';
  protected readonly code = 'BRAIN_UNAVAILABLE';
  readonly questions: Question[] = [];
  /** Each a whole answer; the last one is given from then on. */
  lines: string[];

  constructor(lines: string[] = ['Good morning. How are you?'], mood: FakeMood = 'well') {
    super(mood);
    this.lines = lines;
  }

  open(): Dialogue {
    return { answer: (question) => this.#answer(question) };
  }

  async *#answer(question: Question): AsyncGenerator<string> {
    const { signal } = question;
    signal.throwIfAborted();
    this.questions.push(question);
    this.workUnderWay += 1;
    try {
      if (this.mood === 'fails') throw this.failure('is out of order');
      const line = this.lines.length > 1 ? this.lines.shift()! : this.lines[0];
      for (const piece of line.match(/\s*\S+/g) ?? []) {
        await Promise.resolve();
        signal.throwIfAborted();
        yield piece;
        if (this.mood === 'stalls') await this.nothing(signal);
      }
    } finally {
      this.workUnderWay -= 1;
    }
  }
}

const RATE_HZ = 24_000;

/** A tone of 60 ms a character. */
export class FakeSynthesizer extends Fake implements SpeechSynthesizer {
  readonly name = 'a fake voice';
  readonly hasPhonemes = false;
  protected readonly code = 'TTS_UNAVAILABLE';
  readonly texts: string[] = [];
  /** Told with the first piece. */
  words: TimedWord[] = [];
  /** What a stalled one ends with, instead of an error of ours. */
  failsWith: unknown;

  async voices(): Promise<Voice[]> {
    return [{ id: 'tone', name: 'Tone', languages: ['en'] }];
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    requireText(text);
    checkedRate(options);
    if (options.voice !== undefined && options.voice !== 'tone')
      throw new AppError('VOICE_UNKNOWN', `There is no voice "${options.voice}"; there is tone.`);
    this.texts.push(text);
    this.workUnderWay += 1;
    try {
      if (this.mood === 'fails') throw this.failure('is out of order');
      let startUs = 0;
      for (const sentence of splitSentences(text)) {
        options.signal?.throwIfAborted();
        const samples = Float32Array.from(
          { length: sentence.length * 0.06 * RATE_HZ },
          (_, i) => 0.3 * Math.sin(i / 20),
        );
        // One that stalls does so in the middle of a sentence.
        const said = this.mood === 'stalls' ? samples.slice(0, samples.length * 0.75) : samples;
        yield { samples: said, sampleRateHz: RATE_HZ, startUs, phonemes: [], words: this.words };
        startUs += (said.length / RATE_HZ) * 1e6;
        if (this.mood === 'stalls' && this.failsWith !== undefined) throw this.failsWith;
        if (this.mood === 'stalls') await this.nothing(options.signal);
      }
    } finally {
      this.workUnderWay -= 1;
    }
  }
}

/** Understands its line in whatever it hears, if it hears anything. */
export class FakeRecognizer extends Fake implements Recognizer {
  readonly name = 'a fake recogniser';
  protected readonly code = 'RECOGNIZER_UNAVAILABLE';
  line: Transcript;
  readonly heardSamples: number[] = [];

  constructor(line: Transcript = { text: 'good morning', language: 'en' }, mood: FakeMood = 'well') {
    super(mood);
    this.line = line;
  }

  open({ signal, onPartial }: HearingOptions): Hearing {
    let count = 0;
    return {
      push: (samples) => {
        count += samples.length;
        if (this.mood === 'well' && !signal.aborted) onPartial?.({ ...this.line, text: this.line.text.split(' ')[0] });
      },
      finish: async () => {
        signal.throwIfAborted();
        this.heardSamples.push(count);
        this.workUnderWay += 1;
        try {
          if (this.mood === 'fails') throw this.failure('is out of order');
          if (this.mood === 'stalls') await this.nothing(signal);
          return count === 0 ? { text: '' } : this.line;
        } finally {
          this.workUnderWay -= 1;
        }
      },
    };
  }
}

/** Answers a typed turn, and 200 ms of any sound, with its line and a second of tone. */
export class FakeLiveModel extends Fake implements LiveModel {
  readonly name = 'a fake live model';
  protected readonly code = 'LIVE_MODEL_UNAVAILABLE';
  line = 'Good morning.';
  readonly said: string[] = [];
  readonly interruptions: { answerId: string; playedMs: number }[] = [];

  open(listener: LiveModelListener): LiveConversation {
    this.workUnderWay += 1;
    let isOpen = true;
    let nextId = 1;
    let heard = 0;
    const later = (act: () => void) => queueMicrotask(() => isOpen && act());
    const close = (): void => {
      if (isOpen) this.workUnderWay -= 1;
      isOpen = false;
    };
    if (this.mood !== 'well')
      setTimeout(
        () => {
          if (!isOpen) return;
          close();
          listener.failed(this.failure('is out of order'));
        },
        this.mood === 'stalls' ? this.patienceMs : 0,
      );
    const answer = (): void => {
      const id = `answer-${nextId++}`;
      later(() => {
        for (let i = 0; i < 10; i++)
          listener.sound(
            id,
            Float32Array.from({ length: LIVE_MODEL_RATE_HZ / 10 }, (_, k) => 0.3 * Math.sin(k / 20)),
          );
        listener.transcript({ id, role: 'assistant', text: this.line, isFinal: true });
        listener.answerEnded(id);
      });
    };
    return {
      hear: (samples) => {
        if (this.mood !== 'well') return;
        heard += samples.length;
        if (heard < LIVE_MODEL_RATE_HZ / 5) return;
        heard = 0;
        later(() => listener.speechStarted());
        later(() => listener.speechStopped());
        answer();
      },
      say: (text) => {
        this.said.push(text);
        if (this.mood === 'well') answer();
      },
      interrupted: (answerId, playedMs) => void this.interruptions.push({ answerId, playedMs }),
      [Symbol.asyncDispose]: async () => close(),
    };
  }
}
