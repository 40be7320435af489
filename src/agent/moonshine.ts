/**
 * The embedded recogniser: Moonshine tiny, English, offline, on one core some twenty times faster than speech. In: an utterance's sound as it
 * comes; out: what is understood so far, and at its end all of it. One worker thread serves every call, in order.
 */
import { AppError } from '../errors.ts';
import type { FailedReply } from '../media/worker-replies.ts';
import { endOnceIdle, repliedOrThrown, WorkerRequests } from '../media/worker-requests.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import type { Health } from './health.ts';
import type { MoonshineReply, MoonshineRequest } from './moonshine-worker.ts';
import {
  type Hearing,
  type HearingOptions,
  RECOGNIZER_RATE_HZ,
  type Recognizer,
  type Transcript,
} from './recognizer.ts';

const LANGUAGE = 'en';
/** The network was taught on stretches of up to half a minute; longer utterances are cut where they are quietest. */
const MAX_STRETCH_S = 20;
const MIN_STRETCH_S = 10;
/** New sound that is worth another look while the caller still speaks. */
const PARTIAL_EVERY_S = 0.7;
/**
 * Less sure of itself than this, the network has heard a noise or another language: over LibriSpeech's readers it is above −0.35, over
 * German, Spanish, French, Italian and Russian speech below −0.6. A word or two give it little to be sure of.
 */
const MIN_CONFIDENCE = -0.5;
const MIN_CONFIDENCE_OF_TWO_WORDS = -0.8;
const wordCount = (text: string): number => text.split(' ').length;

/** Words of a stretch of sound, or none where it is not sure. */
type Listener = (samples: Float32Array) => Promise<string>;

export class MoonshineRecognizer implements Recognizer {
  readonly name = 'Moonshine tiny (English)';
  readonly #worker: WorkerRequests<MoonshineRequest, MoonshineReply | FailedReply>;
  #waiting = 0;

  constructor(startWorker = () => spawnWorker(new URL('./moonshine-worker.ts', import.meta.url))) {
    this.#worker = new WorkerRequests(startWorker, endOnceIdle);
  }

  /** @throws AppError RECOGNIZER_UNAVAILABLE for a language other than English. */
  open(options: HearingOptions): Hearing {
    if (options.language && options.language.toLowerCase().split('-')[0] !== LANGUAGE)
      throw new AppError(
        'RECOGNIZER_UNAVAILABLE',
        `The embedded recogniser understands English only, not "${options.language}"; set stt.kind to another recogniser.`,
      );
    return new MoonshineHearing(
      (samples) => this.#hear(samples),
      () => this.#waiting > 0,
      options,
    );
  }

  async #hear(samples: Float32Array): Promise<string> {
    this.#waiting += 1;
    try {
      const reply = repliedOrThrown(await this.#worker.ask({ samples }), 'RECOGNIZER_UNAVAILABLE');
      const isShort = wordCount(reply.text) <= 2;
      return reply.confidence >= (isShort ? MIN_CONFIDENCE_OF_TWO_WORDS : MIN_CONFIDENCE) ? reply.text : '';
    } finally {
      this.#waiting -= 1;
    }
  }

  async check(): Promise<Health> {
    try {
      await this.#hear(new Float32Array(RECOGNIZER_RATE_HZ));
      return { isOk: true, detail: `${this.name} is ready.` };
    } catch (error) {
      return {
        isOk: false,
        detail: (error as Error).message,
        remedy: 'Restore the models folder, or set stt.kind to another recogniser or "none".',
      };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}

class MoonshineHearing implements Hearing {
  readonly #listen: Listener;
  /** Others are waiting for the network: a look in between would keep them waiting longer. */
  readonly #isBusy: () => boolean;
  readonly #options: HearingOptions;
  /** What has been cut off already, in order. */
  readonly #stretches: Promise<string>[] = [];
  #samples = new Float32Array(0);
  #length = 0;
  #lookedAt = 0;
  /** The last look in between that was sure of three words or more. */
  #understood = '';

  constructor(listen: Listener, isBusy: () => boolean, options: HearingOptions) {
    this.#listen = listen;
    this.#isBusy = isBusy;
    this.#options = options;
  }

  push(samples: Float32Array): void {
    if (this.#options.signal.aborted) return;
    if (this.#length + samples.length > this.#samples.length) {
      const grown = new Float32Array(Math.max(2 * this.#samples.length, this.#length + samples.length));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#length);
    this.#length += samples.length;
    while (this.#length > MAX_STRETCH_S * RECOGNIZER_RATE_HZ) this.#cut();
    if (this.#options.onPartial && this.#length - this.#lookedAt >= PARTIAL_EVERY_S * RECOGNIZER_RATE_HZ) this.#look();
  }

  async finish(): Promise<Transcript> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    this.#stretches.push(this.#listen(this.#samples.slice(0, this.#length)));
    const texts = await Promise.all(this.#stretches);
    signal.throwIfAborted();
    // A breath or a noise at the end can take the network's sureness away; what was said before it was said all the same.
    return { text: joined(texts) || this.#understood, language: LANGUAGE };
  }

  /** What is understood so far; a failure shows again, and is told, at the end. */
  #look(): void {
    if (this.#isBusy()) return;
    this.#lookedAt = this.#length;
    const before = [...this.#stretches];
    Promise.all([...before, this.#listen(this.#samples.slice(0, this.#length))]).then(
      (texts) => {
        const text = joined(texts);
        if (wordCount(text) > 2) this.#understood = text;
        if (text && !this.#options.signal.aborted) this.#options.onPartial?.({ text, language: LANGUAGE });
      },
      () => {},
    );
  }

  #cut(): void {
    const end = quietest(this.#samples, MIN_STRETCH_S * RECOGNIZER_RATE_HZ, MAX_STRETCH_S * RECOGNIZER_RATE_HZ);
    const stretch = this.#listen(this.#samples.slice(0, end));
    stretch.catch(() => {}); // `finish` tells
    this.#stretches.push(stretch);
    this.#samples.copyWithin(0, end, this.#length);
    this.#length -= end;
    this.#lookedAt = 0;
  }
}

/** Middle of the quietest 100 ms that begin in the range. */
function quietest(samples: Float32Array, from: number, to: number): number {
  const window = RECOGNIZER_RATE_HZ / 10;
  let best = from;
  let lowest = Infinity;
  for (let start = from; start + window <= to; start += window / 2) {
    let energy = 0;
    for (let i = start; i < start + window; i++) energy += samples[i]! ** 2;
    if (energy < lowest) {
      lowest = energy;
      best = start + window / 2;
    }
  }
  return best;
}

/** Much of what the network was taught on is old books; nobody writes "to-morrow" any more. */
const joined = (texts: readonly string[]): string =>
  texts
    .filter((text) => text !== '')
    .join(' ')
    .replace(/\b(to)-(?=(?:morrow|day|night)\b)/gi, '$1');
