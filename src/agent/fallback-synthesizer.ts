/**
 * A voice that cannot fall silent: what the chosen synthesiser cannot say, the embedded one says. In and out as the port. Sound is bare
 * whoever speaks, so that a turn is of one kind; once something of a text has sounded, nobody takes over in its middle.
 */
import { AppError } from '../errors.ts';
import type { Clock } from '../media/clock.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { Health } from './health.ts';
import type { SpeechOptions, SpeechSynthesizer, Voice } from './tts.ts';

/** A service that has just failed is left alone for so long: waiting for it again with every sentence would be unbearable. */
const REST_US = 30_000_000;

export class FallbackSynthesizer implements SpeechSynthesizer {
  readonly hasPhonemes = false;
  readonly #first: SpeechSynthesizer;
  readonly #second: SpeechSynthesizer;
  readonly #clock: Clock;
  readonly #failed: (error: AppError) => void;
  #restUntilUs = Number.NEGATIVE_INFINITY;

  /** @param failed told of each failure that the second voice covers. */
  constructor(first: SpeechSynthesizer, second: SpeechSynthesizer, clock: Clock, failed: (error: AppError) => void) {
    this.#first = first;
    this.#second = second;
    this.#clock = clock;
    this.#failed = failed;
  }

  get name(): string {
    return this.#first.name;
  }

  voices(): Promise<Voice[]> {
    return this.#first.voices();
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    if (this.#clock.nowUs() >= this.#restUntilUs) {
      let hasSounded = false;
      try {
        for await (const chunk of this.#first.synthesize(text, options)) {
          hasSounded = true;
          yield chunk;
        }
        return;
      } catch (error) {
        if (hasSounded || !(error instanceof AppError) || error.code !== 'TTS_UNAVAILABLE') throw error;
        this.#restUntilUs = this.#clock.nowUs() + REST_US;
        this.#failed(error);
      }
    }
    // The first one's voices mean nothing to the second.
    const { voice: _, ...rest } = options;
    for await (const chunk of this.#second.synthesize(text, rest)) yield { ...chunk, phonemes: [] };
  }

  check(signal: AbortSignal): Promise<Health> {
    return this.#first.check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#first[Symbol.asyncDispose](), this.#second[Symbol.asyncDispose]()]);
  }
}
