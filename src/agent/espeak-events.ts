/**
 * espeak-ng's raw events of one utterance, with its sound → timed phonemes and words. Pure.
 *
 * espeak marks a stop at its burst and counts the closure before it to the previous sound; here the closure belongs to
 * the stop, or every closed mouth would come late. Events without a name are pauses where the sound is silent and a
 * lengthening of the previous sound where it is not. Language switches such as `(en)` are not sounds.
 */
import type { TimedPhoneme, TimedWord } from '../media/speech.ts';

export interface EspeakEvent {
  type: string;
  /** Milliseconds from the start of the utterance. */
  audio_position: number;
  /** 1-based, in characters. */
  text_position: number;
  word_length: number;
  id?: string | number;
}

const STOPS = /^[pbtdkgɡqɢcɟʈɖɓɗɠ]/u;
const MAX_CLOSURE_MS = 90;
const SILENT_DB = -60;

/** @returns phonemes and words in order, times in µs from the start of `samples`. */
export function speechFromEvents(
  events: readonly EspeakEvent[],
  samples: Float32Array,
  sampleRateHz: number,
  text: string,
): { phonemes: TimedPhoneme[]; words: TimedWord[] } {
  const endUs = Math.round((samples.length / sampleRateHz) * 1e6);
  const phonemes: TimedPhoneme[] = [];
  const marks = events.filter((event) => event.type === 'phoneme' && !/^\(.*\)$/.test(String(event.id ?? '')));
  for (const [i, mark] of marks.entries()) {
    const startUs = mark.audio_position * 1000;
    const nextUs = Math.min(i + 1 < marks.length ? marks[i + 1].audio_position * 1000 : endUs, endUs);
    const name = String(mark.id ?? '');
    const previous = phonemes.at(-1);
    if (name === '') {
      const isLengthening = nextUs > startUs && levelDb(samples, sampleRateHz, startUs, nextUs) > SILENT_DB + 20;
      if (isLengthening && previous?.endUs === startUs) previous.endUs = nextUs;
      continue;
    }
    const ipa = name.replace(/[ˈˌ]/gu, '');
    if (/^[ːˑ˥˦˧˨˩\d]+$/u.test(ipa) && previous) {
      // Length and tone belong to the vowel before.
      previous.endUs = nextUs;
      continue;
    }
    phonemes.push({ ipa, startUs, endUs: nextUs, stress: name.includes('ˈ') ? 2 : name.includes('ˌ') ? 1 : 0 });
    if (STOPS.test(ipa)) moveToClosure(phonemes, samples, sampleRateHz);
  }
  return {
    phonemes: phonemes.filter((p) => p.endUs > p.startUs),
    words: wordsFromEvents(events, phonemes, text, endUs),
  };
}

/** Moves the last phoneme's onset back over the silence before it. */
function moveToClosure(phonemes: TimedPhoneme[], samples: Float32Array, sampleRateHz: number): void {
  const stop = phonemes[phonemes.length - 1];
  const previous = phonemes.at(-2);
  const stepUs = 2000;
  const earliestUs = Math.max(stop.startUs - MAX_CLOSURE_MS * 1000, previous ? previous.startUs + stepUs : 0, 0);
  const markedUs = stop.startUs;
  while (
    stop.startUs - stepUs >= earliestUs &&
    levelDb(samples, sampleRateHz, stop.startUs - stepUs, stop.startUs) < SILENT_DB
  ) {
    stop.startUs -= stepUs;
  }
  // A stop that is voiced through has its murmur after the mark: there the burst comes about half-way.
  const isHummed = markedUs - stop.startUs < 12_000;
  stop.releaseUs = isHummed ? markedUs + Math.round(0.55 * (stop.endUs - markedUs)) : markedUs;
  if (previous && previous.endUs > stop.startUs) previous.endUs = stop.startUs;
}

function levelDb(samples: Float32Array, sampleRateHz: number, fromUs: number, toUs: number): number {
  const from = Math.round((fromUs / 1e6) * sampleRateHz);
  const to = Math.min(Math.round((toUs / 1e6) * sampleRateHz), samples.length);
  if (to <= from) return Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let i = from; i < to; i++) sum += samples[i] * samples[i];
  return 10 * Math.log10(sum / (to - from) + 1e-12);
}

function wordsFromEvents(
  events: readonly EspeakEvent[],
  phonemes: readonly TimedPhoneme[],
  text: string,
  endUs: number,
): TimedWord[] {
  const characters = [...text];
  const words = events.filter((event) => event.type === 'word');
  const timed = words.map((word, i) => {
    const startUs = word.audio_position * 1000;
    const nextUs = i + 1 < words.length ? words[i + 1].audio_position * 1000 : endUs;
    // A word ends with its last sound, not where the next word begins.
    const lastSound = phonemes.findLast((phoneme) => phoneme.startUs < nextUs && phoneme.startUs >= startUs);
    return {
      text: characters.slice(word.text_position - 1, word.text_position - 1 + word.word_length).join(''),
      startUs,
      endUs: Math.min(lastSound?.endUs ?? nextUs, nextUs),
    };
  });
  return timed.filter(({ text: spoken }) => spoken !== '');
}
