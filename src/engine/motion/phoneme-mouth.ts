/**
 * The mouth of speech with known phoneme times. In: chunks of sound with their phonemes, in order; out: what the mouth
 * does at any instant. Invariant: once the speech is known `LOOK_AHEAD_S` beyond an instant, more speech does not change it.
 */
import type { SpeechChunk, TimedPhoneme } from '../../media/speech.ts';
import { mouthAt, REACH_S, type Segment, segmentsOf } from './coarticulation.ts';
import { Loudness } from './loudness.ts';
import type { MouthCue, MouthSource } from './mouth-source.ts';
import { isVowel } from './phonemes.ts';

/** Lips move a little before they are heard; half a frame of hold at 25 fps is part of it. */
const LEAD_S = 0.03;
/** Two reaches, so that the open end of a silence is out of sight. */
export const LOOK_AHEAD_S = 2 * REACH_S + 0.1;
/** Speech counts as going on across gaps this short. */
const PHRASE_GAP_S = 0.12;
/** Silence after the last known sound lasts for good until told otherwise. */
const OPEN_END_S = 1e6;

export class PhonemeMouth implements MouthSource {
  #loudness: Loudness | undefined;
  #originS = 0;
  /** Times on the performer's clock. */
  #phonemes: TimedPhoneme[] = [];
  #segments: Segment[] = segmentsOf([], 0, OPEN_END_S);
  /** End of the last forgotten phoneme. */
  #forgottenS = 0;

  push(chunk: SpeechChunk, originS: number): void {
    if (!this.#loudness || originS !== this.#originS || this.#loudness.sampleRateHz !== chunk.sampleRateHz)
      this.#loudness = new Loudness(chunk.sampleRateHz);
    this.#originS = originS;
    this.#loudness.push(chunk.samples);
    const byUs = originS * 1e6;
    for (const phoneme of chunk.phonemes) {
      this.#phonemes.push({
        ...phoneme,
        startUs: phoneme.startUs + byUs,
        endUs: phoneme.endUs + byUs,
        ...(phoneme.releaseUs === undefined ? {} : { releaseUs: phoneme.releaseUs + byUs }),
      });
    }
    this.#segments = this.#segmentsNow();
  }

  at(timeS: number, windowS: number): MouthCue {
    const isSpeaking = this.#phonemes.some(
      ({ startUs, endUs }) => startUs / 1e6 <= timeS + 0.05 && endUs / 1e6 >= timeS - PHRASE_GAP_S,
    );
    return {
      mouth: mouthAt(this.#segments, timeS + LEAD_S, windowS),
      loudness: this.#loudnessAt(timeS + LEAD_S),
      isSpeaking,
      emphasis: this.#emphasis(timeS, timeS + windowS),
    };
  }

  clear(): void {
    this.#phonemes = [];
    this.#loudness = undefined;
    this.#segments = segmentsOf([], 0, OPEN_END_S);
  }

  forgetBefore(timeS: number): void {
    const beforeS = timeS - 2 * REACH_S;
    this.#loudness?.forgetBefore(beforeS - this.#originS);
    if (this.#phonemes.length < 2 || this.#phonemes[1].endUs / 1e6 > beforeS) return;
    const keepFrom = this.#phonemes.findIndex(({ endUs }) => endUs / 1e6 > beforeS);
    const dropped = this.#phonemes.splice(0, keepFrom < 0 ? this.#phonemes.length - 1 : keepFrom);
    this.#forgottenS = (dropped.at(-1)?.endUs ?? 0) / 1e6;
    this.#segments = this.#segmentsNow();
  }

  #segmentsNow(): Segment[] {
    return segmentsOf(this.#phonemes, this.#forgottenS, (this.#phonemes.at(-1)?.endUs ?? 0) / 1e6 + OPEN_END_S);
  }

  #loudnessAt(timeS: number): number {
    return this.#loudness?.at(timeS - this.#originS) ?? 0;
  }

  /** A primary stress that begins here counts by its loudness and length. */
  #emphasis(fromS: number, toS: number): number {
    const stressed = this.#segments.find(
      ({ stress, startS, phone }) => stress === 2 && startS >= fromS && startS < toS && isVowel(phone),
    );
    if (!stressed) return 0;
    const length = Math.min((stressed.endS - stressed.startS) / 0.16, 1);
    return length * Math.min(this.#loudnessAt((stressed.startS + stressed.endS) / 2), 1);
  }
}
