/**
 * The one place where a voice, a performance and the controls become motion frames, live and offline alike. In: what the voice does at
 * an instant; out: the frame. The performance runs at its own fixed rate, so that two picture rates agree at common instants.
 */
import type { AvatarControls } from '../controls.ts';
import type { MotionFrame } from '../motion-frame.ts';
import type { MouthState } from './coarticulation.ts';
import { composeFrame } from './compose-frame.ts';
import { ControlSmoother } from './control-smoother.ts';
import { FittedHead } from './fitted-head.ts';
import type { HeadPlanner } from './head-plan.ts';
import type { HeadPrior } from './head-prior.ts';
import { IdlePerformance } from './idle.ts';
import { LearnedHead } from './learned-head.ts';
import { loadEyePrior, loadHeadPrior } from './load-priors.ts';
import type { HeadSource } from './noise-head.ts';
import {
  type Caller,
  NO_CALLER,
  PERFORMANCE_HZ,
  type Performance,
  type PerformanceInput,
  type PerformanceSource,
} from './performance-source.ts';

/** What speech tells the face, whether its phonemes are known or its sound was analysed. Times are seconds of speech. */
export interface Voice {
  /** @param frameS length of a picture: no closure shown is shorter. */
  mouthAt(timeS: number, frameS: number): MouthState;
  /** 0…1.2, as the jaw follows it. */
  mouthLoudnessAt(timeS: number): number;
  loudnessAt(timeS: number): number;
  isSpeakingAt(timeS: number): boolean;
  /** Strength of a stress that begins in the performance tick at `timeS`, 0…1. */
  emphasisAt(timeS: number): number;
}

export interface PerformerOptions {
  fps: number;
  controls: AvatarControls;
  /** Who thinks ahead for the learned head; the fitted head when missing. */
  headPlanner?: HeadPlanner | undefined;
  /** Head, eyes and upper face as a whole; by default one of those heads with the fitted eyes and brows. */
  performance?: PerformanceSource;
}

interface Tick {
  performance: Performance;
  controls: AvatarControls;
}

export class FacePerformer {
  #frameS: number;
  #controls: ControlSmoother;
  #performance: PerformanceSource;
  #activity: Exclude<PerformanceInput['activity'], 'speaking'> = 'idle';
  #caller = NO_CALLER;
  #ticks: Tick[] = [];
  #tick = 0;
  #wasSpeaking = false;

  constructor({ fps, controls, headPlanner, performance }: PerformerOptions) {
    this.#frameS = 1 / fps;
    this.#controls = new ControlSmoother(controls);
    const head = (prior: HeadPrior): HeadSource =>
      headPlanner ? new LearnedHead(prior, controls.seed, headPlanner) : new FittedHead(prior, controls.seed);
    this.#performance = performance ?? new IdlePerformance(controls.seed, loadEyePrior(), head(loadHeadPrior()));
  }

  /** Who has time waits for this before the next frame. */
  get pending(): Promise<void> | undefined {
    return this.#performance.pending;
  }

  /** From the next frame on; what changes glides there within 200 ms. */
  setControls(controls: AvatarControls): void {
    this.#controls.set(controls);
  }

  /** What the face does while it says nothing. */
  setActivity(activity: 'idle' | 'listening' | 'thinking'): void {
    this.#activity = activity;
  }

  /** How the one who is listened to sounds, until it is told anew. */
  hearCaller(caller: Caller): void {
    this.#caller = caller;
  }

  /**
   * The frame at `timeS` of the performance; times must not decrease.
   *
   * @param mouth what the mouth does now.
   * @param voice the voice and how many seconds its time is ahead of the performance's.
   */
  frameAt(
    timeS: number,
    mouth: MouthState,
    mouthLoudness: number,
    voice?: { voice: Voice; offsetS: number },
  ): MotionFrame {
    const position = timeS * PERFORMANCE_HZ;
    const tick = Math.floor(position + 1e-9);
    while (this.#tick <= tick + 1) this.#step(voice);
    const offset = tick - (this.#tick - this.#ticks.length);
    const share = Math.max(position - tick, 0);
    const [now, next] = [this.#ticks[offset]!, this.#ticks[offset + 1]!];
    return composeFrame(Math.round(timeS * 1e6), {
      mouth,
      loudness: mouthLoudness,
      performance: between(now.performance, next.performance, share),
      controls: now.controls,
    });
  }

  get frameS(): number {
    return this.#frameS;
  }

  /** One performance tick; the last few are kept for interpolation. */
  #step(speech?: { voice: Voice; offsetS: number }): void {
    const voiceS = this.#tick / PERFORMANCE_HZ + (speech?.offsetS ?? 0);
    const isSpeaking = speech?.voice.isSpeakingAt(voiceS) ?? false;
    const controls = this.#controls.next();
    const performance = this.#performance.next({
      tick: this.#tick,
      activity: isSpeaking ? 'speaking' : this.#activity,
      loudness: speech?.voice.loudnessAt(voiceS) ?? 0,
      emphasis: speech?.voice.emphasisAt(voiceS) ?? 0,
      isPhraseEnd: this.#wasSpeaking && !isSpeaking,
      caller: this.#caller,
      controls,
    });
    this.#wasSpeaking = isSpeaking;
    this.#ticks.push({ performance, controls });
    if (this.#ticks.length > 4) this.#ticks.shift();
    this.#tick++;
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
