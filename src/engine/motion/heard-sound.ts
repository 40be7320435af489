/**
 * What a voice tells the face when only its sound is known: mouth, loudness and stresses at any instant. In: the sound and the frames
 * that the network heard in it, both in order; out: the same questions answered as by `PhonemeVoice`. Constant memory: what is passed is
 * forgotten. Free of the network itself, so that it runs where none should.
 */
import { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
import type { MouthState } from './coarticulation.ts';
import type { Voice } from './face-performer.ts';
import { Loudness } from './loudness.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';
import { CHANNEL_INDEX, CHANNELS, isVowel, PHONE_CLASSES } from './phonemes.ts';

/** Speech counts as going on across gaps this short. */
const PHRASE_GAP_S = 0.12;
const VOWELS = ARTICULATION_CLASSES.map((name) => {
  const phone = PHONE_CLASSES.get(name);
  if (!phone) throw new Error(`models/phonemes.json lacks the class "${name}" of the articulation network`);
  return isVowel(phone);
});

export class HeardSound implements Voice {
  #loudness: Loudness | undefined;
  #frames: ArticulationFrame[] = [];
  /** Index in the stream of `#frames[0]`. */
  #first = 0;
  #heardS = 0;
  #isFinished = false;

  /** Up to where mouth and loudness are known: behind the sound by the look-ahead while it goes on. */
  get knownS(): number {
    return this.#isFinished ? this.#heardS : (this.#first + this.#frames.length - 1) / ARTICULATION_HZ;
  }

  /** Frames that are still kept. */
  get heldFrames(): number {
    return this.#frames.length;
  }

  /**
   * @param samples mono in [-1, 1]; the rate must not change within one voice.
   * @param frames those that became known with it, of earlier sound by the look-ahead.
   */
  add(samples: Float32Array, sampleRateHz: number, frames: readonly ArticulationFrame[]): void {
    this.#loudness ??= new Loudness(sampleRateHz);
    this.#loudness.push(samples);
    this.#heardS += samples.length / sampleRateHz;
    this.#frames.push(...frames);
  }

  /** The sound has ended: with the last frames everything up to its end is known. */
  complete(frames: readonly ArticulationFrame[]): void {
    this.#frames.push(...frames);
    this.#isFinished = true;
  }

  mouthAt(timeS: number, frameS: number): MouthState {
    // A picture stands for the time until the next one: it shows that time's middle, and any closure within it.
    const middleS = timeS + frameS / 2;
    const mouth = this.#between(middleS);
    const close = CHANNEL_INDEX.close;
    const reach = Math.max(0, frameS / 2 - 0.5 / ARTICULATION_HZ);
    const strongest = Math.max(mouth.channels[close], this.#closeAt(middleS - reach), this.#closeAt(middleS + reach));
    if (strongest > mouth.channels[close]) {
      const yielded = (1 - strongest) / Math.max(1 - mouth.channels[close], 1e-3);
      for (const opener of ['lower', 'upper', 'roll'] as const) mouth.channels[CHANNEL_INDEX[opener]] *= yielded;
      mouth.channels[close] = strongest;
    }
    return mouth;
  }

  mouthLoudnessAt(timeS: number): number {
    return this.loudnessAt(timeS + 0.02);
  }

  loudnessAt(timeS: number): number {
    return this.#loudness?.at(timeS) ?? 0;
  }

  isSpeakingAt(timeS: number): boolean {
    const from = this.#indexAt(timeS - PHRASE_GAP_S);
    const to = this.#indexAt(timeS + 0.05);
    for (let i = from; i <= to; i++) if ((this.#frames[i - this.#first]?.rest ?? 1) < 0.5) return true;
    return false;
  }

  /**
   * A vowel that began two ticks ago (of this one neither the vowel nor how loud it becomes is known yet) and grew clearly louder than what was
   * before counts by its loudness.
   */
  emphasisAt(timeS: number): number {
    const step = 1 / PERFORMANCE_HZ;
    const beginS = timeS - 2 * step;
    if (this.#vowelAt(beginS - step / 2) >= 0.5 || this.#vowelAt(beginS + step / 2) < 0.5) return 0;
    const rise = this.loudnessAt(beginS + 0.08) - this.loudnessAt(beginS - 0.12);
    return Math.min(1, Math.max(0, 1.6 * (rise - 0.25)));
  }

  /** Nothing before `timeS` will be asked for again. */
  forgetBefore(timeS: number): void {
    const drop = this.#indexAt(timeS - PHRASE_GAP_S - 0.1) - this.#first;
    if (drop > 200) {
      this.#frames.splice(0, drop);
      this.#first += drop;
    }
    this.#loudness?.forgetBefore(timeS - 0.2);
  }

  #indexAt(timeS: number): number {
    return Math.floor(timeS * ARTICULATION_HZ);
  }

  /** Outside of what is known the mouth rests. */
  #frameAt(index: number): MouthState {
    return this.#frames[index - this.#first] ?? RESTING;
  }

  #between(timeS: number): MouthState {
    const position = timeS * ARTICULATION_HZ - 0.5;
    const index = Math.floor(position);
    const share = position - index;
    const [a, b] = [this.#frameAt(index), this.#frameAt(index + 1)];
    const channels = a.channels.map((value, c) => value + share * (b.channels[c] - value));
    return { channels, rest: a.rest + share * (b.rest - a.rest) };
  }

  #closeAt(timeS: number): number {
    return this.#between(timeS).channels[CHANNEL_INDEX.close];
  }

  #vowelAt(timeS: number): number {
    const classes = this.#frames[this.#indexAt(timeS) - this.#first]?.classes;
    return classes?.reduce((sum, probability, i) => (VOWELS[i] ? sum + probability : sum), 0) ?? 0;
  }
}

const RESTING: MouthState = { channels: new Float32Array(CHANNELS.length), rest: 1 };
