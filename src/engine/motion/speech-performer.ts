/**
 * One face, alive for as long as it is asked: idle, listening, thinking and speaking are one continuous performance.
 * In: speech as it comes, controls, activity. Out: one motion frame per call. The offline driver is this same class.
 */
import type { SpeechChunk } from '../../media/speech.ts';
import { type AvatarControls, resolveControls } from '../controls.ts';
import type { MotionFrame } from '../motion-frame.ts';
import type { MouthState } from './coarticulation.ts';
import { composeFrame } from './compose-frame.ts';
import { ControlSmoother } from './control-smoother.ts';
import { IdlePerformance } from './idle.ts';
import type { MouthSource } from './mouth-source.ts';
import { PERFORMANCE_HZ, type Performance, type PerformanceSource } from './performance-source.ts';
import { PhonemeMouth } from './phoneme-mouth.ts';
import { smoothstep } from './retarget.ts';

/** Mouth's way from what it did to speech that begins without notice, and to rest after an interruption. */
const ONSET_S = 0.08;
const INTERRUPTION_S = 0.1;

export interface SpeechPerformerOptions {
  fps: number;
  controls: AvatarControls;
  /** Head, eyes and upper face; the rule-based one when missing. */
  performance?: PerformanceSource;
  /** Timed phonemes when missing. */
  mouth?: MouthSource;
}

interface Tick {
  performance: Performance;
  controls: AvatarControls;
}

export class SpeechPerformer {
  #fps: number;
  #controls: AvatarControls;
  #smoother: ControlSmoother;
  #performance: PerformanceSource;
  #mouth: MouthSource;
  #frame = 0;
  #tick = 0;
  /** The last few ticks, for interpolation. */
  #ticks: Tick[] = [];
  #activity: 'idle' | 'listening' | 'thinking' = 'idle';
  #wasSpeaking = false;
  /** The utterance that chunks belong to: where its time 0 lies on our clock, and how far it is known. */
  #utterance: { originS: number; knownS: number } | undefined;
  #speechEndS = 0;
  #lastMouth: MouthState | undefined;
  #fade: { from: MouthState; startS: number; lengthS: number } | undefined;

  constructor({ fps, controls, performance, mouth }: SpeechPerformerOptions) {
    this.#fps = fps;
    this.#controls = controls;
    this.#smoother = new ControlSmoother(controls);
    this.#performance = performance ?? new IdlePerformance(controls.seed);
    this.#mouth = mouth ?? new PhonemeMouth();
  }

  /** Time of the next frame, seconds from the first. */
  get timeS(): number {
    return this.#frame / this.#fps;
  }

  /** Up to where the utterance in progress is known, on our clock; the present when there is none. */
  get knownS(): number {
    return this.#utterance?.knownS ?? this.timeS;
  }

  /** The first chunk of an utterance is heard from the next frame on; chunk times count from the utterance's start. */
  pushSpeech(chunk: SpeechChunk): void {
    if (!this.#utterance) {
      const originS = Math.max(this.timeS, this.#speechEndS) - chunk.startUs / 1e6;
      this.#utterance = { originS, knownS: originS };
      if (this.#lastMouth) this.#fade = { from: this.#lastMouth, startS: this.timeS, lengthS: ONSET_S };
    }
    const { originS } = this.#utterance;
    this.#mouth.push(chunk, originS);
    this.#utterance.knownS = originS + chunk.startUs / 1e6 + chunk.samples.length / chunk.sampleRateHz;
  }

  /** No more chunks: what was pushed is said to its end. */
  endSpeech(): void {
    this.#speechEndS = this.knownS;
    this.#utterance = undefined;
  }

  /** Drops what is left to say; the mouth is closed within 120 ms, without a jump. */
  interrupt(): void {
    this.#utterance = undefined;
    this.#speechEndS = this.timeS;
    this.#mouth.clear();
    if (this.#lastMouth) this.#fade = { from: this.#lastMouth, startS: this.timeS, lengthS: INTERRUPTION_S };
  }

  /** Applied smoothly, within 200 ms. @throws AppError CONTROL_OUT_OF_RANGE */
  setControls(controls: Partial<AvatarControls>): void {
    this.#controls = resolveControls({ ...this.#controls, ...controls });
    this.#smoother.set(this.#controls);
  }

  /** What the face does while it does not speak. */
  setActivity(activity: 'idle' | 'listening' | 'thinking'): void {
    this.#activity = activity;
  }

  next(): MotionFrame {
    const timeS = this.timeS;
    const position = timeS * PERFORMANCE_HZ;
    const tick = Math.floor(position + 1e-9);
    while (this.#tick <= tick + 1) this.#step();
    const offset = tick - (this.#tick - this.#ticks.length);
    const [now, following] = [this.#ticks[offset], this.#ticks[offset + 1]];
    const cue = this.#mouth.at(timeS, 1 / this.#fps);
    this.#lastMouth = this.#faded(cue.mouth, timeS);
    const frame = composeFrame(Math.round(timeS * 1e6), {
      mouth: this.#lastMouth,
      loudness: cue.loudness,
      performance: between(now.performance, following.performance, Math.max(position - tick, 0)),
      controls: now.controls,
    });
    this.#frame++;
    this.#mouth.forgetBefore(timeS);
    return frame;
  }

  #step(): void {
    const cue = this.#mouth.at(this.#tick / PERFORMANCE_HZ, 1 / PERFORMANCE_HZ);
    const controls = this.#smoother.next();
    const performance = this.#performance.next({
      tick: this.#tick,
      activity: cue.isSpeaking ? 'speaking' : this.#activity,
      loudness: cue.loudness,
      emphasis: cue.emphasis,
      isPhraseEnd: this.#wasSpeaking && !cue.isSpeaking,
      controls,
    });
    this.#wasSpeaking = cue.isSpeaking;
    this.#ticks.push({ performance, controls });
    if (this.#ticks.length > 4) this.#ticks.shift();
    this.#tick++;
  }

  #faded(mouth: MouthState, timeS: number): MouthState {
    if (!this.#fade) return mouth;
    const { from, startS, lengthS } = this.#fade;
    // The frame that is being made is already one step on the way.
    const share = smoothstep(0, 1, (timeS - startS + 1 / this.#fps) / lengthS);
    if (share >= 1) this.#fade = undefined;
    return {
      channels: mouth.channels.map((value, c) => from.channels[c] + share * (value - from.channels[c])),
      rest: from.rest + share * (mouth.rest - from.rest),
    };
  }
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
