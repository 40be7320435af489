/**
 * The performance: head, gaze, blinks and brows of a living face, speaking or not, put together from their fitted or learned sources, with
 * breath, nods and what an emotion adds. One call per tick; all randomness is counter-based, so the same seed and inputs give the same performance.
 * Controls are obeyed in full: headMotion 0 freezes the pose, expressiveness 0 lids and brows.
 */
import type { Gaze, HeadPose } from '../motion-frame.ts';
import { Attention, type AttentionOffsets } from './attention.ts';
import { BlinkSource } from './blinks.ts';
import { BrowSource, type Brows } from './brows.ts';
import { emotionOffset } from './emotion.ts';
import type { EyePrior } from './eye-prior.ts';
import { GazeSource } from './gaze.ts';
import type { HeadSource } from './noise-head.ts';
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
/** Share of the brows' play that stays when nothing is said. */
const QUIET_BROWS = 0.5;
/** How far a head strays by itself, whatever its amplitude: beyond this a picture of one side does not carry. */
const REACH_DEG = { yaw: 20, pitch: 13, roll: 12 };
const NOD_RAD_PER_S = 11;
const BREATH_HZ = 0.25;

export class IdlePerformance implements PerformanceSource {
  #seed: number;
  #blinks: BlinkSource;
  #brows: BrowSource;
  #gaze: GazeSource;
  #head: HeadSource;
  #attention: Attention;
  #talk = 0;
  /** Talks at all, pauses of a speaker included: what was fitted on speakers has their pauses in it. */
  #conversing = 0;
  #energy = 0;
  #nod = { position: 0, velocity: 0, push: 0, mean: 0 };
  #settle = 0;
  #recruited: Gaze = { yawRad: 0, pitchRad: 0 };
  #raises: { startTick: number; ticks: number; height: number }[] = [];
  #accents = 0;
  #before: HeadPose | undefined;

  /** @param head how the head turns. */
  constructor(seed: number, eyes: EyePrior, head: HeadSource) {
    this.#seed = seed;
    this.#head = head;
    this.#attention = new Attention(seed);
    this.#blinks = new BlinkSource(eyes.blinks, seed);
    this.#brows = new BrowSource(eyes.face, seed);
    this.#gaze = new GazeSource(eyes.gaze, seed);
  }

  get pending(): Promise<void> | undefined {
    return this.#head.pending;
  }

  next(input: PerformanceInput): Performance {
    const { tick, controls } = input;
    const emotion = emotionOffset(controls.emotion);
    const speaking = input.activity === 'speaking' ? 1 : 0;
    this.#talk = approach(this.#talk, speaking, 0.35);
    this.#conversing = approach(this.#conversing, speaking, speaking ? 0.35 : 2.5);
    this.#energy = approach(this.#energy, input.loudness * speaking, 0.12);
    if (input.emphasis > 0) this.#accent(input.emphasis, emotion.accentGain);
    if (input.isPhraseEnd) this.#settle = 1;
    this.#settle = approach(this.#settle, 0, 0.9);

    const attention = this.#attention.next(input);
    this.#nod.push += attention.nodPush;
    if (attention.raise > 0) this.#raiseBrows(tick, attention.raise, 0.5);
    const gaze = this.#gaze.next(input);
    const pose = this.#pose(input, gaze.target, emotion.headGain, attention);
    const talk = this.#conversing;
    const { isPhraseEnd } = input;
    const { saccadeDeg } = gaze;
    const headDegPerFrame = this.#headSpeed(pose);
    const blink = this.#blinks.next({ tick, talk, isPhraseEnd, saccadeDeg, headDegPerFrame });
    const brows = this.#brows.next({ pitchDeg: pose.pitchRad / DEG, talk, energy: this.#energy });
    pose.pitchRad += emotion.pitchRad;
    pose.rollRad += emotion.rollRad;
    pose.scale *= emotion.scale / controls.headDistance;
    const expressive = controls.expressiveness;
    return {
      pose,
      // The eyes hold their target while the head moves under them.
      gaze: {
        yawRad: limit(gaze.target.yawRad - pose.yawRad, 0.6),
        pitchRad: limit(gaze.target.pitchRad - pose.pitchRad + emotion.gazePitchRad + emotion.pitchRad, 0.5),
      },
      upperFace: {
        blink: expressive > 0 ? blink : 0,
        ...browWeights(
          brows,
          expressive * emotion.accentGain * (QUIET_BROWS + (1 - QUIET_BROWS) * talk),
          this.#raise(tick) * expressive,
        ),
      },
    };
  }

  /** Degrees in a frame of the fit. */
  #headSpeed(pose: HeadPose): number {
    const before = this.#before ?? pose;
    this.#before = { ...pose };
    const turn = Math.hypot(
      pose.yawRad - before.yawRad,
      pose.pitchRad - before.pitchRad,
      pose.rollRad - before.rollRad,
    );
    return (turn / DEG) * (PERFORMANCE_HZ / 25);
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

  /** A stressed syllable may bring a nod. */
  #accent(emphasis: number, accentGain: number): void {
    const accent = this.#accents++;
    if (uniform(this.#seed, 'nod', 2 * accent) < 0.75)
      this.#nod.push += emphasis * accentGain * (0.4 + 1.3 * uniform(this.#seed, 'nod', 2 * accent + 1)) * 1.5 * DEG;
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

/**
 * What the fitted brows are as shapes. Lowered brows come down as one, and raised ones differ by no more than they are raised: an inner brow
 * raised over a lowered outer one would read as worry.
 *
 * @param raise what listening adds.
 */
function browWeights(
  { outer, inner, lowerLid }: Brows,
  amount: number,
  raise: number,
): Omit<Performance['upperFace'], 'blink'> {
  const middle = (outer + inner) / 2;
  const up = Math.max(middle, 0);
  const apart = limit((inner - outer) / 2, up);
  return {
    browInnerUp: amount * (up + apart) + 0.7 * raise,
    browOuterUp: amount * (up - apart) + raise,
    browDown: Math.max(0, -amount * middle - 0.3 * raise),
    squint: amount * lowerLid,
  };
}

/** One step of a first-order low-pass. */
function approach(value: number, target: number, timeConstantS: number): number {
  return target + (value - target) * Math.exp(-1 / (PERFORMANCE_HZ * timeConstantS));
}

const limit = (value: number, bound: number): number => Math.min(bound, Math.max(-bound, value));

/** Linear around 0, never beyond ±bound. */
const softLimit = (value: number, bound: number): number => bound * Math.tanh(value / bound);
