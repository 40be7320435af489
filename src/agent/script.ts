/**
 * What the face is to say in one reply, and its sound. In: sentences with stage directions as they come; out: their sound, one part ahead of
 * who takes it, with the directions and captions at the moments where their words are. It knows how much of it was heard up to any moment,
 * and can go on from there.
 */
import type { SpeechChunk, TimedWord } from '../media/speech.ts';
import type { Line } from './sentences.ts';
import { isSpoken } from './spoken-text.ts';
import { within } from './ssml.ts';
import type { StageDirection } from './stage-directions.ts';
import { type SpeechOptions, type SpeechSynthesizer, shiftChunk } from './tts.ts';

/** Something to be done when the sound has come so far. */
export type Cue = { atUs: number } & (
  | { kind: 'direction'; direction: StageDirection }
  | { kind: 'caption'; text: string }
);

export interface SpokenPart {
  /** Times from the beginning of the whole script. */
  chunk: SpeechChunk;
  cues: Cue[];
}

interface SpokenSentence {
  text: string;
  /** No part of what is remembered. */
  isAside: boolean;
  startUs: number;
  /** Undefined while its sound still comes. */
  endUs: number | undefined;
  words: { startUs: number; endUs: number; endCharacter: number }[];
}

export interface ScriptParts {
  lines: AsyncIterable<Line> | Iterable<Line>;
  synthesizer: SpeechSynthesizer;
  voice: Omit<SpeechOptions, 'signal' | 'language'>;
  languageOf: (text: string) => string | undefined;
  /** The first sound of the first sentence is there, so long after its text. */
  onFirstSound?: (sinceText: number) => void;
  nowUs: () => number;
}

/** How fast a voice speaks that tells no word times, until its sentence is complete. */
const CHARACTERS_PER_S = 14;
/** A caption is not longer than two lines of a subtitle. */
const MAX_CAPTION_CHARS = 84;
/** So much farther from the middle a caption may part at a comma. */
const COMMA_REACH_CHARS = 14;
const PAUSE_RATE_HZ = 48_000;
/** Who goes on after an interruption begins with the word that was cut off; where no words are known, so much earlier. */
const REPEAT_US = 400_000;
const MIN_LEAD_US = 1_500_000;

export class Script {
  private readonly parts: ScriptParts;
  private readonly life = new AbortController();
  private readonly source: AsyncGenerator<SpokenPart>;
  /** The part that is being made while the one before is heard. */
  private pending: Promise<IteratorResult<SpokenPart, unknown>> | undefined;
  /** Parts that may have to be said again. */
  private kept: SpokenPart[] = [];
  private readonly sentences: SpokenSentence[] = [];
  private endUs = 0;
  private hasSounded = false;

  constructor(parts: ScriptParts) {
    this.parts = parts;
    this.source = this.generate();
  }

  /** The lips follow the sound, because the voice tells no phonemes. */
  get isBare(): boolean {
    return !this.parts.synthesizer.hasPhonemes;
  }

  /** Stops all work for what has not been said. */
  close(): void {
    this.life.abort();
    this.kept = [];
  }

  /**
   * The sound from a moment on; ends when the script does, or the signal aborts.
   *
   * @throws AppError as the synthesiser and the source of the lines do.
   */
  async *from(startUs: number, signal: AbortSignal): AsyncGenerator<SpokenPart> {
    for (const part of restFrom(this.kept, startUs > 0 ? this.resumePoint(startUs) : 0)) {
      if (signal.aborted) return;
      yield part;
    }
    while (!signal.aborted) {
      this.pending ??= this.source.next();
      this.pending.catch(() => {}); // whoever takes it is told
      const next = await untilAborted(this.pending, signal);
      if (next === undefined) return;
      this.pending = undefined;
      if (next.done) {
        this.pending = Promise.resolve(next);
        return;
      }
      this.kept.push(next.value);
      this.pending = this.source.next();
      this.pending.catch(() => {});
      yield next.value;
    }
  }

  /** So much has been played: what lies well before is not said again. */
  forgetBefore(us: number): void {
    const keepFromUs = us - MIN_LEAD_US;
    while (this.kept.length > 0 && endOf(this.kept[0]!.chunk) < keepFromUs) this.kept.shift();
  }

  /** The words that were heard up to a moment; the word that was under way counts if most of it was. */
  heardText(untilUs: number): string {
    let heard = '';
    for (const { text, isAside, startUs, endUs, words } of this.sentences) {
      if (startUs >= untilUs) break;
      if (isAside) continue;
      if (endUs !== undefined && (words.at(-1)?.endUs ?? endUs) <= untilUs) heard += `${text} `;
      else if (words.length > 0) {
        const last = words.findLast((word) => (word.startUs + word.endUs) / 2 <= untilUs);
        heard += text.slice(0, last?.endCharacter ?? 0);
      } else {
        const lengthUs = endUs === undefined ? (text.length / CHARACTERS_PER_S) * 1e6 : endUs - startUs;
        heard += wholeWords(text, ((untilUs - startUs) / lengthUs) * text.length);
      }
    }
    return heard.trim();
  }

  /** The beginning of the word that sounds at a moment, as good as it is known. */
  private resumePoint(us: number): number {
    const words = this.sentences.flatMap((sentence) => sentence.words);
    const word = words.findLast(({ startUs }) => startUs <= us);
    if (!word) return Math.max(0, us - REPEAT_US);
    return us - word.startUs < 2 * REPEAT_US ? word.startUs : us;
  }

  private async *generate(): AsyncGenerator<SpokenPart> {
    const { lines, synthesizer, voice, languageOf, nowUs } = this.parts;
    const { signal } = this.life;
    for await (const line of lines) {
      signal.throwIfAborted();
      if (line.kind === 'pause') {
        const samples = new Float32Array(Math.round((line.durationMs / 1000) * PAUSE_RATE_HZ));
        yield this.place({ samples, sampleRateHz: PAUSE_RATE_HZ, startUs: 0, phonemes: [], words: [] }, []);
        continue;
      }
      const textUs = nowUs();
      const sentence: SpokenSentence = {
        text: line.text,
        isAside: line.isAside ?? false,
        startUs: this.endUs,
        endUs: undefined,
        words: [],
      };
      /** Not yet placed in time. */
      let open = [
        ...captionsOf(line.text),
        ...line.directions.map(
          ({ atCharacter, direction }) => ({ atCharacter, kind: 'direction', direction }) as const,
        ),
      ];
      const place = (untilUs: number): Cue[] => {
        const timed = open.map((one) => ({ atUs: momentOf(sentence, one.atCharacter), one }));
        open = timed.filter(({ atUs }) => atUs > untilUs).map(({ one }) => one);
        return timed
          .filter(({ atUs }) => atUs <= untilUs)
          .map(({ atUs, one: { atCharacter: _, ...cue } }) => ({ atUs, ...cue }));
      };
      if (isSpoken(line.text)) {
        const language = line.options?.language ?? languageOf(line.text);
        const options = within(voice, line.options);
        const speech = synthesizer.synthesize(line.text, { ...options, ...(language ? { language } : {}), signal });
        for await (const chunk of speech) {
          signal.throwIfAborted();
          if (this.sentences.at(-1) !== sentence) this.sentences.push(sentence);
          if (!this.hasSounded) this.parts.onFirstSound?.(nowUs() - textUs);
          this.hasSounded = true;
          const part = this.place(chunk, []);
          addWords(sentence, part.chunk.words);
          part.cues = place(this.endUs);
          yield part;
        }
      }
      sentence.endUs = this.endUs;
      const late = place(Number.POSITIVE_INFINITY);
      if (late.length > 0)
        yield this.place(
          silence,
          late.map((cue) => ({ ...cue, atUs: Math.min(cue.atUs, this.endUs) })),
        );
    }
  }

  /** Puts a chunk behind what is there. */
  private place(chunk: SpeechChunk, cues: Cue[]): SpokenPart {
    const placed = shiftChunk(chunk, this.endUs - chunk.startUs);
    this.endUs = endOf(placed);
    return { chunk: placed, cues };
  }
}

const silence: SpeechChunk = {
  samples: new Float32Array(0),
  sampleRateHz: PAUSE_RATE_HZ,
  startUs: 0,
  phonemes: [],
  words: [],
};

const endOf = (chunk: SpeechChunk): number =>
  chunk.startUs + Math.round((chunk.samples.length / chunk.sampleRateHz) * 1e6);

/** When a character of the sentence sounds. */
function momentOf({ text, startUs, endUs, words }: SpokenSentence, atCharacter: number): number {
  if (atCharacter === 0) return startUs;
  if (words.length > 0) {
    const word = words.find(({ endCharacter }) => endCharacter > atCharacter);
    if (word) return word.startUs;
    if (endUs === undefined) return Number.POSITIVE_INFINITY;
    return words.at(-1)!.endUs;
  }
  const lengthUs = endUs === undefined ? (text.length / CHARACTERS_PER_S) * 1e6 : endUs - startUs;
  return startUs + (atCharacter / Math.max(1, text.length)) * lengthUs;
}

/** Finds the synthesiser's words again in the text, in order. */
function addWords(sentence: SpokenSentence, words: readonly TimedWord[]): void {
  const text = sentence.text.toLowerCase();
  for (const { text: word, startUs, endUs } of words) {
    const from = sentence.words.at(-1)?.endCharacter ?? 0;
    const at = text.indexOf(word.toLowerCase(), from);
    // A word that is spoken otherwise than written (12 → twelve) ends where it would by its length.
    const endCharacter = at < 0 ? Math.min(text.length, from + word.length + 1) : at + word.length;
    sentence.words.push({ startUs, endUs, endCharacter });
  }
  // The mark after a word belongs to it.
  const last = sentence.words.at(-1);
  if (last) last.endCharacter += /^[\p{P}]*/u.exec(sentence.text.slice(last.endCharacter))![0].length;
}

/** The sentence in lines, each shown from its first word on. */
function captionsOf(text: string): { atCharacter: number; kind: 'caption'; text: string }[] {
  const captions: { atCharacter: number; kind: 'caption'; text: string }[] = [];
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const length = captionLength(rest);
    captions.push({ atCharacter: at, kind: 'caption', text: rest.slice(0, length).trim() });
    at += length;
  }
  return captions;
}

/** Of the first caption: all are about as long, so that no last word stands alone; a comma is the better place to part. */
function captionLength(text: string): number {
  if (text.length <= MAX_CAPTION_CHARS) return text.length;
  const even = text.length / Math.ceil(text.length / MAX_CAPTION_CHARS);
  const gaps = [...text.slice(0, MAX_CAPTION_CHARS + 1).matchAll(/([\p{P}]?)\s/gu)].map(
    ({ index, 0: gap, 1: mark }) => ({
      length: index + gap.length,
      distance: Math.abs(index - even) - (mark ? COMMA_REACH_CHARS : 0),
    }),
  );
  return gaps.toSorted((a, b) => a.distance - b.distance)[0]?.length ?? MAX_CAPTION_CHARS;
}

function wholeWords(text: string, characters: number): string {
  if (characters >= text.length) return text;
  const head = text.slice(0, Math.max(0, Math.floor(characters)));
  // Where words are not divided by spaces, characters count.
  return /\s/u.test(text) ? head.slice(0, Math.max(0, head.search(/\s\S*$/u))) : head;
}

/** What of these parts lies after a moment. */
function restFrom(parts: readonly SpokenPart[], fromUs: number): SpokenPart[] {
  return parts
    .filter(({ chunk }) => endOf(chunk) > fromUs)
    .map(({ chunk, cues }) => {
      if (chunk.startUs >= fromUs) return { chunk, cues };
      const skip = Math.round(((fromUs - chunk.startUs) / 1e6) * chunk.sampleRateHz);
      return {
        chunk: {
          ...chunk,
          samples: chunk.samples.slice(skip),
          startUs: fromUs,
          phonemes: chunk.phonemes.filter(({ endUs }) => endUs > fromUs),
          words: chunk.words.filter(({ endUs }) => endUs > fromUs),
        },
        // What was shown and done before holds again.
        cues: cues.map((cue) => ({ ...cue, atUs: Math.max(cue.atUs, fromUs) })),
      };
    });
}

/** @returns undefined when the signal aborts first. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let stop = (): void => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
