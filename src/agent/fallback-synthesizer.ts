/**
 * A voice that cannot fall silent: what the chosen synthesiser cannot say, the embedded one says. In and out as the port. Sound is bare
 * whoever speaks, so that a turn is of one kind. A voice that breaks off within a sentence is followed by the other one from the words that
 * were not heard: some are said twice rather than one not at all.
 */
import { AppError } from '../errors.ts';
import type { Clock } from '../media/clock.ts';
import type { SpeechChunk, TimedWord } from '../media/speech.ts';
import type { Health } from './health.ts';
import { plainText } from './plain-text.ts';
import { isSpoken } from './spoken-text.ts';
import {
  isSpeakable,
  type SpeechOptions,
  type SpeechSynthesizer,
  shiftChunk,
  splitSentences,
  type Voice,
} from './tts.ts';

/** A service that has just failed is left alone for so long: waiting for it again with every sentence would be unbearable. */
const REST_US = 30_000_000;
/** What the question itself is wrong about; no other voice would answer it better. */
const WRONG_QUESTIONS = new Set(['VOICE_UNKNOWN', 'TEXT_EMPTY', 'CONTROL_OUT_OF_RANGE', 'SSML_INVALID']);
/** Slower than voices speak: where it is not known which words were heard, too few count. */
const CHARACTERS_PER_S = 10;
/** A beginning shorter than this is said again whole. */
const MIN_HEARD_US = 600_000;

/** Sound before the first of these is silence. */
const AUDIBLE = 0.003;
/** No voice takes so long to begin. */
const MAX_LEAD_US = 5_000_000;
/** Nothing is spoken so slowly, a number digit by digit included. */
const MAX_US_PER_CHARACTER = 400_000;
const MAX_PAUSES_US = 10_000_000;

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
    let endUs = 0;
    const placed = (chunk: SpeechChunk, fromUs: number): SpeechChunk => {
      const there = shiftChunk(chunk, fromUs);
      endUs = Math.max(endUs, there.startUs + Math.round((there.samples.length / there.sampleRateHz) * 1e6));
      return { ...there, phonemes: [] };
    };
    // Sentence by sentence, so that it is known which one is to be said again.
    const sentences = [...splitSentences(plainText(text).text, options.language)].filter(isSpoken);
    for (const sentence of sentences.length > 0 ? sentences : [text]) {
      const fromUs = endUs;
      let rest: string | undefined = sentence;
      const words: TimedWord[] = [];
      let isHeard = false;
      if (this.#clock.nowUs() >= this.#restUntilUs) {
        try {
          for await (const chunk of this.#first.synthesize(sentence, options)) {
            isHeard ||= chunk.samples.some((sample) => Math.abs(sample) > AUDIBLE);
            words.push(...chunk.words);
            yield placed(chunk, fromUs);
            if (endUs - fromUs > (isHeard ? longest(sentence, options) : MAX_LEAD_US))
              throw new AppError(
                'TTS_UNAVAILABLE',
                `${this.name} sent ${isHeard ? 'sound without end' : 'only silence'} for a sentence.`,
              );
          }
          rest = undefined;
        } catch (error) {
          if (options.signal?.aborted || (error instanceof AppError && WRONG_QUESTIONS.has(error.code))) throw error;
          this.#restUntilUs = this.#clock.nowUs() + REST_US;
          this.#failed(failureOf(error, this.name));
          rest = isHeard ? unheard(sentence, endUs - fromUs, words, options) : sentence;
        }
      }
      if (rest === undefined) continue;
      // The first one's voices mean nothing to the second.
      const { voice: _, ...others } = options;
      const againUs = endUs;
      // Of a sentence in two voices the words of one alone would mislead.
      const isWhole = rest === sentence || words.length > 0;
      for await (const chunk of this.#second.synthesize(rest, others))
        yield placed(isWhole ? chunk : { ...chunk, words: [] }, againUs);
    }
  }

  check(signal: AbortSignal): Promise<Health> {
    return this.#first.check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#first[Symbol.asyncDispose](), this.#second[Symbol.asyncDispose]()]);
  }
}

const longest = (sentence: string, { ratePercent = 100 }: SpeechOptions): number =>
  MAX_PAUSES_US + (sentence.length * MAX_US_PER_CHARACTER * 100) / Math.min(100, ratePercent);

const failureOf = (error: unknown, name: string): AppError =>
  error instanceof AppError
    ? error
    : new AppError('TTS_UNAVAILABLE', `${name} failed (${error instanceof Error ? error.message : String(error)}).`, {
        cause: error,
      });

/**
 * What is left to say of a sentence; undefined where nothing is.
 *
 * @param words of its sound so far, where the voice tells them.
 */
function unheard(
  sentence: string,
  heardUs: number,
  words: readonly TimedWord[],
  { ratePercent = 100 }: SpeechOptions,
): string | undefined {
  if (heardUs < MIN_HEARD_US) return sentence;
  if (words.length > 0) {
    const rest = sentence.slice(
      endOfWords(
        sentence,
        words.filter(({ endUs }) => endUs <= heardUs),
      ),
    );
    return isSpeakable(rest) ? rest.trim() : undefined;
  }
  const reached = Math.floor((heardUs / 1e6) * CHARACTERS_PER_S * (ratePercent / 100));
  // From the beginning of a word; where there are no spaces, from any character.
  const from = /\s\S/u.test(sentence.trim()) ? sentence.slice(0, reached + 1).search(/\s\S*$/u) : reached;
  const rest = sentence.slice(Math.max(0, from)).trim();
  return isSpeakable(rest) ? rest : sentence;
}

function endOfWords(sentence: string, words: readonly TimedWord[]): number {
  let end = 0;
  for (const { text } of words) {
    const at = sentence.indexOf(text, end);
    if (at >= 0) end = at + text.length;
  }
  return end;
}
