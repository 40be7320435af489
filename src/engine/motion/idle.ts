/**
 * The rule-based performance: head, gaze, blinks and brows of a living face, speaking or not. One call per tick; all
 * randomness is counter-based, so the same seed and inputs give the same performance. Figures are from measurements of
 * real clips (blinks, fixations, main sequence, spectrum of head motion). Controls are obeyed in full: headMotion 0 freezes the pose.
 */
import type { Gaze, HeadPose } from '../motion-frame.ts';
import { Attention, type AttentionOffsets } from './attention.ts';
import { BlinkSource } from './blinks.ts';
import { emotionOffset } from './emotion.ts';
import { GazeSource } from './gaze.ts';
import { type HeadSource, NoiseHead } from './noise-head.ts';
import {
  PERFORMANCE_HZ,
  type Performance,
  type PerformanceInput,
  type PerformanceSource,
} from './performance-source.ts';
import { smoothNoise, uniform } from './random.ts';

const DEG = Math.PI / 180;
/** Share of the motion that stays when nothing is said. */
const QUIET_GAIN = 0.42;
/** How far a head strays by itself, whatever its amplitude: beyond this a picture of one side does not carry. */
const REACH_DEG = { yaw: 20, pitch: 13, roll: 12 };
const NOD_RAD_PER_S = 11;
const BREATH_HZ = 0.25;

export class IdlePerformance implements PerformanceSource {
  #seed: number;
  #blinks: BlinkSource;
  #gaze: GazeSource;
  #head: HeadSource;
  #attention: Attention;
  #talk = 0;
  #energy = 0;
  #nod = { position: 0, velocity: 0, push: 0, mean: 0 };
  #settle = 0;
  #recruited: Gaze = { yawRad: 0, pitchRad: 0 };
  #raises: { startTick: number; ticks: number; height: number }[] = [];
  #accents = 0;

  /** @param head how the head turns; band-limited noise when missing. */
  constructor(seed: number, head: HeadSource = new NoiseHead(seed)) {
    this.#seed = seed;
    this.#head = head;
    this.#attention = new Attention(seed);
    this.#blinks = new BlinkSource(seed);
    this.#gaze = new GazeSource(seed);
  }

  get pending(): Promise<void> | undefined {
    return this.#head.pending;
  }

  next(input: PerformanceInput): Performance {
    const { tick, controls } = input;
    const emotion = emotionOffset(controls.emotion);
    const speaking = input.activity === 'speaking' ? 1 : 0;
    this.#talk = approach(this.#talk, speaking, 0.35);
    this.#energy = approach(this.#energy, input.loudness * speaking, 0.12);
    if (input.emphasis > 0) this.#accent(input, emotion.accentGain);
    if (input.isPhraseEnd) this.#settle = 1;
    this.#settle = approach(this.#settle, 0, 0.9);

    const attention = this.#attention.next(input);
    this.#nod.push += attention.nodPush;
    if (attention.raise > 0) this.#raiseBrows(tick, attention.raise, 0.5);
    const gaze = this.#gaze.next(input);
    const pose = this.#pose(input, gaze.target, emotion.headGain, attention);
    pose.pitchRad += emotion.pitchRad;
    pose.rollRad += emotion.rollRad;
    pose.scale *= emotion.scale / controls.headDistance;
    const expressive = controls.expressiveness;
    const blink = this.#blinks.next({ tick, isPhraseEnd: input.isPhraseEnd, saccadeDeg: gaze.saccadeDeg });
    const raise = this.#raise(tick) * expressive * emotion.accentGain;
    const drift = smoothNoise(this.#seed, 'brow', 0, 0.35, tick / PERFORMANCE_HZ);
    return {
      pose,
      // The eyes hold their target while the head moves under them.
      gaze: {
        yawRad: limit(gaze.target.yawRad - pose.yawRad, 0.6),
        pitchRad: limit(gaze.target.pitchRad - pose.pitchRad + emotion.gazePitchRad + emotion.pitchRad, 0.5),
      },
      upperFace: {
        blink: expressive > 0 ? blink : 0,
        browInnerUp: Math.max(0, 0.7 * raise + 0.035 * expressive * drift),
        browOuterUp: Math.max(0, raise + 0.03 * expressive * drift),
        browDown: Math.max(0, -0.06 * expressive * drift - 0.3 * raise),
        squint: Math.max(0, 0.06 * expressive * this.#talk * (0.5 + drift)),
      },
    };
  }

  #pose({ tick, controls }: PerformanceInput, target: Gaze, headGain: number, attention: AttentionOffsets): HeadPose {
    const timeS = tick / PERFORMANCE_HZ;
    const amount = controls.headMotion;
    const gain = headGain * (QUIET_GAIN + (1 - QUIET_GAIN) * this.#talk);
    const head = this.#head.next({ tick, talk: this.#talk, energy: this.#energy });
    const nod = this.#stepNod();
    const yaw = gain * head.yawRad;
    const pitch =
      gain * head.pitchRad +
      attention.pitchRad +
      0.7 * DEG * attention.breath -
      nod -
      1.3 * DEG * this.#settle * (1 - this.#settle) * 4 * gain;
    const roll = gain * head.rollRad + attention.rollRad;
    const breath = Math.sin(2 * Math.PI * BREATH_HZ * timeS + 6 * uniform(this.#seed, 'style', 1));
    const drift = (octave: number): number => smoothNoise(this.#seed, 'shift', octave, 0.25, timeS);
    this.#recruit(target);
    return {
      yawRad: softLimit(amount * yaw, REACH_DEG.yaw * DEG) + this.#recruited.yawRad,
      pitchRad: softLimit(amount * (pitch + 0.15 * DEG * breath), REACH_DEG.pitch * DEG) + this.#recruited.pitchRad,
      rollRad: softLimit(amount * roll, REACH_DEG.roll * DEG),
      x: amount * (0.01 * drift(0) * gain + 0.12 * yaw),
      y: amount * (0.006 * drift(1) * gain - 0.003 * breath - 0.008 * attention.breath),
      scale: 1 + amount * (0.008 * drift(2) * gain + 0.0015 * breath + attention.nearer),
    };
  }

  /** The head follows a gaze that is more than 10° off by a third of the excess, within about 0.4 s. */
  #recruit(target: Gaze): void {
    const excess = (angle: number): number => 0.33 * Math.sign(angle) * Math.max(Math.abs(angle) - 10 * DEG, 0);
    this.#recruited.yawRad = approach(this.#recruited.yawRad, excess(target.yawRad), 0.18);
    this.#recruited.pitchRad = approach(this.#recruited.pitchRad, excess(target.pitchRad), 0.18);
  }

  /** A stressed syllable may bring a nod, and less often raised brows. */
  #accent({ tick, emphasis }: PerformanceInput, accentGain: number): void {
    const accent = this.#accents++;
    if (uniform(this.#seed, 'nod', 2 * accent) < 0.75)
      this.#nod.push += emphasis * accentGain * (0.4 + 1.3 * uniform(this.#seed, 'nod', 2 * accent + 1)) * 1.5 * DEG;
    const busy = this.#raises.some(({ startTick, ticks }) => tick < startTick + ticks);
    if (!busy && uniform(this.#seed, 'brow-raise', 3 * accent) < 0.3 * emphasis) {
      const [length, height] = [1, 2].map((n) => uniform(this.#seed, 'brow-raise', 3 * accent + n));
      this.#raiseBrows(tick, 0.14 + 0.24 * height!, 0.32 + 0.3 * length!);
    }
  }

  #raiseBrows(tick: number, height: number, lengthS: number): void {
    this.#raises = this.#raises.filter(({ startTick, ticks }) => tick < startTick + ticks);
    this.#raises.push({ startTick: tick, ticks: Math.round(lengthS * PERFORMANCE_HZ), height });
  }

  #raise(tick: number): number {
    let height = 0;
    for (const raise of this.#raises) {
      const u = (tick - raise.startTick) / raise.ticks;
      if (u > 0 && u < 1) height = Math.max(height, raise.height * Math.sin(Math.PI * Math.sqrt(u)) ** 2);
    }
    return height;
  }

  /** Critically damped answer to the accents: down within 0.1 s, back within 0.5 s. */
  #stepNod(): number {
    const dt = 1 / PERFORMANCE_HZ;
    const w = NOD_RAD_PER_S;
    this.#nod.velocity += Math.E * w * this.#nod.push;
    this.#nod.push = 0;
    this.#nod.velocity += dt * (-2 * w * this.#nod.velocity - w * w * this.#nod.position);
    this.#nod.position += dt * this.#nod.velocity;
    // Many nods must not bow the head: what lasts is taken out.
    this.#nod.mean = approach(this.#nod.mean, this.#nod.position, 1.4);
    return this.#nod.position - this.#nod.mean;
  }
}

/** One step of a first-order low-pass. */
function approach(value: number, target: number, timeConstantS: number): number {
  return target + (value - target) * Math.exp(-1 / (PERFORMANCE_HZ * timeConstantS));
}

const limit = (value: number, bound: number): number => Math.min(bound, Math.max(-bound, value));

/** Linear around 0, never beyond ±bound. */
const softLimit = (value: number, bound: number): number => bound * Math.tanh(value / bound);
