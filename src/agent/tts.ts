/**
 * The port every speech synthesiser stands behind: text in, sound out in chunks of a sentence or less, with phoneme and word times where the
 * synthesiser knows them, so that a text of any length needs the memory of one sentence.
 */
import { AppError } from '../errors.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { Health } from './health.ts';
import { wellFormedTag } from './language-names.ts';
import { endsSentence } from './sentence-ends.ts';

export interface SpeechOptions {
  /** Voice name, identifier or language tag as `voices()` lists them; the adapter's default when missing. */
  voice?: string;
  /** BCP 47 tag of the text, where known: a voice that cannot speak it gives way to one that can. */
  language?: string;
  /** Speed, 100 = the voice's own. 50 … 250. */
  ratePercent?: number;
  /** Height of the voice, 100 = its own. 0 … 198. */
  pitchPercent?: number;
  /** Loudness, 100 = the voice's own. 0 … 400; synthesisers that cannot leave it. */
  volumePercent?: number;
  signal?: AbortSignal;
}

export interface Voice {
  id: string;
  name: string;
  /** BCP 47 tags, best first. */
  languages: string[];
  /** The identifier of the same voice as a woman's, where that one is a man's. */
  woman?: string;
}

export interface SpeechSynthesizer extends AsyncDisposable {
  readonly name: string;
  /** False: no chunk ever has phonemes, and the lips follow the sound. */
  readonly hasPhonemes: boolean;
  voices(): Promise<Voice[]>;
  /**
   * Speaks the text sentence by sentence; work is done only when the next chunk is asked for.
   *
   * @throws AppError TEXT_EMPTY, VOICE_UNKNOWN, CONTROL_OUT_OF_RANGE, TTS_UNAVAILABLE; the signal's reason when aborted.
   */
  synthesize(text: string, options?: SpeechOptions): AsyncIterable<SpeechChunk>;
  check(signal: AbortSignal): Promise<Health>;
}

/** @throws AppError CONTROL_OUT_OF_RANGE */
export const checkedRate = ({ ratePercent = 100 }: SpeechOptions): number => inRange('rate', ratePercent, 50, 250);
/** @throws AppError CONTROL_OUT_OF_RANGE */
export const checkedPitch = ({ pitchPercent = 100 }: SpeechOptions): number => inRange('pitch', pitchPercent, 0, 198);

/** @throws AppError CONTROL_OUT_OF_RANGE */
export const checkedVolume = ({ volumePercent = 100 }: SpeechOptions): number =>
  inRange('volume', volumePercent, 0, 400);

function inRange(control: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new AppError(
    'CONTROL_OUT_OF_RANGE',
    `The speech ${control} is ${value} %; it must lie between ${min} and ${max} %.`,
  );
}

/** @throws AppError TEXT_EMPTY when there is nothing to say. */
export function requireText(text: string): string {
  if (isSpeakable(text)) return text;
  throw new AppError(
    'TEXT_EMPTY',
    'The text has no letter or digit to speak; give at least one word (--text or --text-file).',
  );
}

const MAX_SENTENCE_CHARS = 300;

/**
 * Sentences of a text, none longer than 300 characters (cut at a clause mark, else at a space, else anywhere between
 * characters as the reader sees them). Only pieces with something to speak in them; lazily, so any length is fine.
 */
export function* splitSentences(text: string, language = 'en'): Generator<string> {
  const segmenter = new Intl.Segmenter(wellFormedTag(language), { granularity: 'sentence' });
  // Intl.Segmenter is quadratic on very long strings without a break, so it sees one paragraph window at a time.
  let rest = 0;
  while (rest < text.length) {
    const window = text.slice(rest, rest + 4000);
    const segments = [...segmenter.segment(window)];
    const isLastWindow = rest + window.length >= text.length;
    const complete = isLastWindow || segments.length === 1 ? segments : segments.slice(0, -1);
    let open = '';
    for (const [i, { segment }] of complete.entries()) {
      open += segment;
      if (goesOn(open, complete[i + 1]?.segment ?? '')) continue;
      yield* cutLong(open);
      open = '';
    }
    yield* cutLong(open);
    rest += complete.reduce((sum, { segment }) => sum + segment.length, 0);
  }
}

/** "Dr. Smith", "z. B. hier", "am 3. Mai", "example.org/?q=1": no sentence ends there. */
function goesOn(text: string, next: string): boolean {
  if (next === '' || text.length > MAX_SENTENCE_CHARS) return false;
  // Within an address or a number there is no space.
  if (/[.!?:][^\s]*$/.test(text) && !/\s$/.test(text) && /^[!-~]/.test(next)) return true;
  const before = text.trimEnd();
  return before.endsWith('.') && /^[\p{L}\p{N}]/u.test(next) && endsSentence(before, next, true) === false;
}

function* cutLong(sentence: string): Generator<string> {
  // Pictographs are for the eye; a synthesiser would read out their names.
  let left = sentence
    .replace(/\p{Extended_Pictographic}|\u200d|\ufe0f/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
  while (left.length > MAX_SENTENCE_CHARS) {
    const head = left.slice(0, MAX_SENTENCE_CHARS);
    const cut = lastCut(head, /[,;:–—](?=\s)|[،、，；：]/gu) || lastCut(head, / /g) || lastGrapheme(head);
    if (isSpeakable(left.slice(0, cut))) yield left.slice(0, cut).trim();
    left = left.slice(cut).trim();
  }
  if (isSpeakable(left)) yield left;
}

/** Signs alone are nothing to say. */
export const isSpeakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/** End of the last match in the second half of the text, 0 if there is none. */
function lastCut(text: string, mark: RegExp): number {
  let cut = 0;
  for (const match of text.matchAll(mark)) if (match.index > text.length / 2) cut = match.index + match[0].length;
  return cut;
}

function lastGrapheme(text: string): number {
  const graphemes = [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)];
  return graphemes.length > 1 ? (graphemes.at(-1)?.index ?? text.length) : text.length;
}

/**
 * Puts a rest before and after speech, so that the mouth has time to open and the face to come to rest.
 *
 * @returns the same chunks, later by `leadMs`, with a silent chunk at both ends.
 */
export async function* withRests(
  chunks: AsyncIterable<SpeechChunk>,
  leadMs: number,
  tailMs: number,
): AsyncGenerator<SpeechChunk> {
  let endUs = 0;
  let sampleRateHz = 0;
  let shiftUs = 0;
  for await (const chunk of chunks) {
    if (sampleRateHz === 0) {
      sampleRateHz = chunk.sampleRateHz;
      const lead = silence(leadMs, sampleRateHz, 0);
      shiftUs = durationUs(lead);
      yield lead;
    }
    const shifted = shiftChunk(chunk, shiftUs);
    endUs = shifted.startUs + durationUs(shifted);
    yield shifted;
  }
  if (sampleRateHz > 0) yield silence(tailMs, sampleRateHz, endUs);
}

const durationUs = (chunk: SpeechChunk): number => (chunk.samples.length / chunk.sampleRateHz) * 1e6;

function silence(ms: number, sampleRateHz: number, startUs: number): SpeechChunk {
  const samples = new Float32Array(Math.round((ms / 1000) * sampleRateHz));
  return { samples, sampleRateHz, startUs, phonemes: [], words: [] };
}

/** The same chunk, later. */
export function shiftChunk(chunk: SpeechChunk, byUs: number): SpeechChunk {
  return {
    ...chunk,
    startUs: chunk.startUs + byUs,
    phonemes: chunk.phonemes.map((phoneme) => ({
      ...phoneme,
      startUs: phoneme.startUs + byUs,
      endUs: phoneme.endUs + byUs,
      ...(phoneme.releaseUs === undefined ? {} : { releaseUs: phoneme.releaseUs + byUs }),
    })),
    words: chunk.words.map((word) => ({ ...word, startUs: word.startUs + byUs, endUs: word.endUs + byUs })),
  };
}
