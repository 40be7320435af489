/**
 * The reference driver: speech with known phoneme times → motion frames. In: chunks of sound with their phonemes, in
 * order; out: frames at any rate. Streaming in constant memory. Invariant: frames depend on speech, controls and seed
 * alone, not on how the speech was cut into chunks; at common instants two frame rates agree.
 */
import type { SpeechChunk, TimedPhoneme } from '../../media/speech.ts';
import type { AvatarControls } from '../controls.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { mouthAt, REACH_S, type Segment, segmentsOf } from './coarticulation.ts';
import { composeFrame } from './compose-frame.ts';
import { ControlSmoother } from './control-smoother.ts';
import { IdlePerformance } from './idle.ts';
import { Loudness } from './loudness.ts';
import { PERFORMANCE_HZ, type Performance, type PerformanceSource } from './performance-source.ts';
import { isVowel } from './phonemes.ts';

/** Lips move a little before they are heard; with half a frame of hold at 25 fps this puts them on the sound. */
const LEAD_S = 0.03;
/** A frame is final once the speech is known this far ahead: two reaches, so that an open silence cannot change it. */
const LOOK_AHEAD_S = 2 * REACH_S + 0.1;
/** Speech counts as going on across gaps this short. */
const PHRASE_GAP_S = 0.12;

export interface SpeechMotionOptions {
  fps: number;
  controls: AvatarControls;
  /** Head, eyes and upper face; the rule-based one when missing. */
  performance?: PerformanceSource;
}

interface Tick {
  performance: Performance;
  controls: AvatarControls;
}

export class SpeechMotion {
  #fps: number;
  #controls: ControlSmoother;
  #performance: PerformanceSource;
  #loudness: Loudness | undefined;
  #phonemes: TimedPhoneme[] = [];
  #segments: Segment[] = [];
  /** Up to where sound and phonemes are known. */
  #knownS = 0;
  /** Before this, `#phonemes` has been forgotten. */
  #forgottenS = 0;
  #frame = 0;
  #ticks: Tick[] = [];
  #tick = 0;
  #wasSpeaking = false;

  constructor({ fps, controls, performance }: SpeechMotionOptions) {
    this.#fps = fps;
    this.#controls = new ControlSmoother(controls);
    this.#performance = performance ?? new IdlePerformance(controls.seed);
  }

  /** From the next frame on; what changes glides there within 200 ms. */
  setControls(controls: AvatarControls): void {
    this.#controls.set(controls);
  }

  /** @returns the frames that this chunk made final. */
  push(chunk: SpeechChunk): MotionFrame[] {
    this.#loudness ??= new Loudness(chunk.sampleRateHz);
    this.#loudness.push(chunk.samples);
    this.#phonemes.push(...chunk.phonemes);
    this.#knownS = (chunk.startUs + (chunk.samples.length / chunk.sampleRateHz) * 1e6) / 1e6;
    return this.#framesUntil(this.#knownS - LOOK_AHEAD_S);
  }

  /** @returns the frames up to the end of the sound; the driver is used up. */
  finish(): MotionFrame[] {
    return this.#framesUntil(this.#knownS - 1e-6);
  }

  #framesUntil(endS: number): MotionFrame[] {
    const frames: MotionFrame[] = [];
    this.#segments = segmentsOf(this.#phonemes, this.#forgottenS, this.#knownS + 1);
    for (; this.#frame / this.#fps <= endS; this.#frame++) frames.push(this.#frameAt(this.#frame / this.#fps));
    this.#forget(this.#frame / this.#fps - 1);
    return frames;
  }

  #frameAt(timeS: number): MotionFrame {
    const position = timeS * PERFORMANCE_HZ;
    const tick = Math.floor(position + 1e-9);
    while (this.#tick <= tick + 1) this.#step();
    const offset = tick - (this.#tick - this.#ticks.length);
    const share = Math.max(position - tick, 0);
    const [now, next] = [this.#ticks[offset], this.#ticks[offset + 1]];
    return composeFrame(Math.round(timeS * 1e6), {
      mouth: mouthAt(this.#segments, timeS + LEAD_S, 1 / this.#fps),
      loudness: this.#loudness?.at(timeS + LEAD_S) ?? 0,
      performance: between(now.performance, next.performance, share),
      controls: now.controls,
    });
  }

  /** One performance tick; the last few are kept for interpolation. */
  #step(): void {
    const timeS = this.#tick / PERFORMANCE_HZ;
    const isSpeaking = this.#isSpeaking(timeS);
    const controls = this.#controls.next();
    const performance = this.#performance.next({
      tick: this.#tick,
      activity: isSpeaking ? 'speaking' : 'idle',
      loudness: this.#loudness?.at(timeS) ?? 0,
      emphasis: this.#emphasis(timeS),
      isPhraseEnd: this.#wasSpeaking && !isSpeaking,
      controls,
    });
    this.#wasSpeaking = isSpeaking;
    this.#ticks.push({ performance, controls });
    if (this.#ticks.length > 4) this.#ticks.shift();
    this.#tick++;
  }

  #isSpeaking(timeS: number): boolean {
    return this.#phonemes.some(
      ({ startUs, endUs }) => startUs / 1e6 <= timeS + 0.05 && endUs / 1e6 >= timeS - PHRASE_GAP_S,
    );
  }

  /** A primary stress that begins within this tick counts by its loudness and length. */
  #emphasis(timeS: number): number {
    const endS = timeS + 1 / PERFORMANCE_HZ;
    const stressed = this.#segments.find(
      ({ stress, startS, phone }) => stress === 2 && startS >= timeS && startS < endS && isVowel(phone),
    );
    if (!stressed) return 0;
    const length = Math.min((stressed.endS - stressed.startS) / 0.16, 1);
    return length * Math.min(this.#loudness?.at((stressed.startS + stressed.endS) / 2) ?? 0, 1);
  }

  #forget(beforeS: number): void {
    const keepFrom = this.#phonemes.findIndex(({ endUs }) => endUs / 1e6 > beforeS);
    const dropped = this.#phonemes.splice(0, keepFrom < 0 ? Math.max(this.#phonemes.length - 1, 0) : keepFrom);
    const last = dropped.at(-1);
    if (last) this.#forgottenS = last.endUs / 1e6;
    this.#loudness?.forgetBefore(beforeS);
  }
}

/** Frames for speech that arrives in chunks. */
export async function* motionFromSpeech(
  chunks: AsyncIterable<SpeechChunk> | Iterable<SpeechChunk>,
  options: SpeechMotionOptions,
): AsyncGenerator<MotionFrame> {
  const driver = new SpeechMotion(options);
  for await (const chunk of chunks) yield* driver.push(chunk);
  yield* driver.finish();
}

function between(a: Performance, b: Performance, share: number): Performance {
  if (share === 0) return a;
  return {
    pose: mixed(a.pose, b.pose, share),
    gaze: mixed(a.gaze, b.gaze, share),
    upperFace: mixed(a.upperFace, b.upperFace, share),
  };
}

function mixed<T extends { [K in keyof T]: number }>(a: T, b: T, share: number): T {
  const keys = Object.keys(a) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + share * (b[key] - a[key])])) as T;
}
