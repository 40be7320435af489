/**
 * What speech with known phoneme times tells the face: mouth, loudness and stresses at any instant. In: chunks of sound with their
 * phonemes, in order. Constant memory: what is passed is forgotten.
 */
import type { SpeechChunk, TimedPhoneme } from '../../media/speech.ts';
import { type MouthState, mouthAt, type Segment, segmentsOf } from './coarticulation.ts';
import type { Voice } from './face-performer.ts';
import { Loudness } from './loudness.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';
import { isVowel } from './phonemes.ts';

/** Lips move a little before they are heard; with half a frame of hold at 25 fps this puts them on the sound. */
const LEAD_S = 0.03;
/** Speech counts as going on across gaps this short. */
const PHRASE_GAP_S = 0.12;
/** After the last known sound it is silent for as long as nothing more is pushed. */
const OPEN_END_S = 1e6;

export class PhonemeVoice implements Voice {
  #loudness: Loudness | undefined;
  #phonemes: TimedPhoneme[] = [];
  #segments: Segment[] = [];
  #knownS = 0;
  /** Before this, `#phonemes` has been forgotten. */
  #forgottenS = 0;

  /** Up to where sound and phonemes are known. */
  get knownS(): number {
    return this.#knownS;
  }

  push(chunk: SpeechChunk): void {
    this.#loudness ??= new Loudness(chunk.sampleRateHz);
    this.#loudness.push(chunk.samples);
    this.#phonemes.push(...chunk.phonemes);
    this.#knownS = (chunk.startUs + (chunk.samples.length / chunk.sampleRateHz) * 1e6) / 1e6;
    this.#segments = segmentsOf(this.#phonemes, this.#forgottenS, this.#knownS + OPEN_END_S);
  }

  mouthAt(timeS: number, frameS: number): MouthState {
    return mouthAt(this.#segments, timeS + LEAD_S, frameS);
  }

  mouthLoudnessAt(timeS: number): number {
    return this.loudnessAt(timeS + LEAD_S);
  }

  loudnessAt(timeS: number): number {
    return this.#loudness?.at(timeS) ?? 0;
  }

  isSpeakingAt(timeS: number): boolean {
    return this.#phonemes.some(
      ({ startUs, endUs }) => startUs / 1e6 <= timeS + 0.05 && endUs / 1e6 >= timeS - PHRASE_GAP_S,
    );
  }

  /** A primary stress that begins within this tick counts by its loudness and length. */
  emphasisAt(timeS: number): number {
    const endS = timeS + 1 / PERFORMANCE_HZ;
    const stressed = this.#segments.find(
      ({ stress, startS, phone }) => stress === 2 && startS >= timeS && startS < endS && isVowel(phone),
    );
    if (!stressed) return 0;
    const length = Math.min((stressed.endS - stressed.startS) / 0.16, 1);
    return length * Math.min(this.loudnessAt((stressed.startS + stressed.endS) / 2), 1);
  }

  forgetBefore(timeS: number): void {
    const keepFrom = this.#phonemes.findIndex(({ endUs }) => endUs / 1e6 > timeS);
    const dropped = this.#phonemes.splice(0, keepFrom < 0 ? Math.max(this.#phonemes.length - 1, 0) : keepFrom);
    const last = dropped.at(-1);
    if (last) {
      this.#forgottenS = last.endUs / 1e6;
      this.#segments = segmentsOf(this.#phonemes, this.#forgottenS, this.#knownS + OPEN_END_S);
    }
    this.#loudness?.forgetBefore(timeS);
  }
}
