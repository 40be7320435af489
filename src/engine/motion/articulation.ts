/**
 * Sound → lips, jaw and tongue: the learned articulation network, streaming. In: mono PCM of any rate in chunks of any size.
 * Out: one frame every 20 ms with the nine channels of `phonemes.ts`, how far the mouth rests, and what was heard.
 * Invariants: the frames do not depend on chunking; a stream's state is its own, so that many share one model and one batch.
 */

import { smoothstep } from '../smoothstep.ts';
import { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
import {
  type ArticulationModel,
  FRAMES_PER_STEP,
  HOP_VALUES,
  type HopResult,
  type LookAheadSteps,
  SILENCE_FEATURE,
  STEPS_PER_HOP,
} from './articulation-model.ts';
import { CHANNEL_INDEX, CHANNELS } from './phonemes.ts';
import { MEL_BANDS, SpeechFeatures } from './speech-features.ts';

export { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
export { ArticulationModel, type LookAheadSteps } from './articulation-model.ts';

const STEP_US = 1e6 / ARTICULATION_HZ;
/** For a live microphone, where a step more would be a hop more (40 ms) of delay; where the sound is known ahead, 5 costs nothing. */
export const LIVE_LOOK_AHEAD: LookAheadSteps = 2;

/** One voice. Calls of `push`, `flush` and `reset` take effect in the order in which they are made. */
export class ArticulationStream {
  readonly #model: ArticulationModel;
  readonly #lookAhead: LookAheadSteps;
  readonly #isLive: boolean;
  #features: SpeechFeatures | undefined;
  #pending: Float32Array = new Float32Array(0);
  #past: Float32Array;
  /** Outputs so far; the first look-ahead ones belong to the time before the stream. */
  #outputs = 0;
  #rest = 1;
  #queue: Promise<unknown> = Promise.resolve();

  /** @param options.isLive the sound comes as it is spoken: hops meet those of other live streams in one batch. */
  constructor(model: ArticulationModel, options: { lookAhead?: LookAheadSteps; isLive?: boolean } = {}) {
    this.#model = model;
    this.#lookAhead = options.lookAhead ?? LIVE_LOOK_AHEAD;
    this.#isLive = options.isLive ?? false;
    this.#past = model.freshState(this.#lookAhead);
  }

  /** @param samples mono in [-1, 1]. A change of rate begins a new filter without a gap in the frames. */
  push(samples: Float32Array, sampleRateHz: number): Promise<ArticulationFrame[]> {
    return this.#inOrder(() => {
      const before = this.#features?.sampleRateHz === sampleRateHz ? new Float32Array(0) : this.#features?.flush();
      if (this.#features?.sampleRateHz !== sampleRateHz) this.#features = new SpeechFeatures(sampleRateHz);
      return this.#advance(joined(before ?? new Float32Array(0), this.#features.push(samples)));
    });
  }

  /** The frames that still lacked their look-ahead, as if silence followed. */
  flush(): Promise<ArticulationFrame[]> {
    return this.#inOrder(async () => {
      const tail = this.#features?.flush() ?? new Float32Array(0);
      const heardFrames = (this.#pending.length + tail.length) / MEL_BANDS;
      const steps = Math.ceil(heardFrames / FRAMES_PER_STEP) + this.#lookAhead;
      const hops = Math.ceil(steps / STEPS_PER_HOP);
      const padded = new Float32Array(hops * HOP_VALUES - this.#pending.length).fill(SILENCE_FEATURE);
      padded.set(tail);
      const frames = await this.#advance(padded);
      return frames.slice(0, frames.length - (hops * STEPS_PER_HOP - steps));
    });
  }

  /** Forgets everything, as after an interruption; time starts at 0 again. */
  reset(): Promise<void> {
    return this.#inOrder(async () => {
      this.#features = undefined;
      this.#pending = new Float32Array(0);
      this.#past = this.#model.freshState(this.#lookAhead);
      this.#outputs = 0;
      this.#rest = 1;
    });
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #advance(features: Float32Array): Promise<ArticulationFrame[]> {
    const mel = joined(this.#pending, features);
    const hops = Math.floor(mel.length / HOP_VALUES);
    const frames: ArticulationFrame[] = [];
    for (let hop = 0; hop < hops; hop++) {
      const result = await this.#model.step({
        mel: mel.subarray(hop * HOP_VALUES, (hop + 1) * HOP_VALUES),
        lookAhead: this.#lookAhead,
        past: this.#past,
        ...(this.#isLive ? { liveStream: this } : {}),
      });
      this.#past = result.next;
      for (let step = 0; step < STEPS_PER_HOP; step++) {
        const index = this.#outputs++ - this.#lookAhead;
        if (index >= 0) frames.push(this.#frame(index, result, step));
      }
    }
    this.#pending = mel.slice(hops * HOP_VALUES);
    return frames;
  }

  #frame(index: number, result: HopResult, step: number): ArticulationFrame {
    const classes = result.classes.slice(step * CLASS_COUNT, (step + 1) * CLASS_COUNT);
    const channels = result.curves.slice(step * CHANNELS.length, (step + 1) * CHANNELS.length);
    for (const { index, mean, gain } of RELIEF)
      channels[index] = Math.min(1, Math.max(0, mean + gain * (channels[index] - mean)));
    settleClosure(channels, classes);
    const silence = smoothstep(SILENCE_FROM, SILENCE_FULL, classes[SILENCE_CLASS]);
    this.#rest += (silence - this.#rest) * (silence > this.#rest ? REST_RISE : REST_FALL);
    return { timestampUs: Math.round((index + 0.5) * STEP_US), channels, rest: this.#rest, classes };
  }
}

const CLASS_COUNT = ARTICULATION_CLASSES.length;
const SILENCE_CLASS = ARTICULATION_CLASSES.indexOf('sil');
const indicesOf = (names: string): number[] => [...names].map((name) => ARTICULATION_CLASSES.indexOf(name));
const BILABIAL_CLASSES = indicesOf('pbm');
const LABIODENTAL_CLASSES = indicesOf('fv');
/**
 * A network that is not sure answers with the mean, so its curves are flatter than what they were taught: by so much, in training speech. What
 * lies off a channel's mean in speech is moved further off accordingly.
 */
const RELIEF: readonly { index: number; mean: number; gain: number }[] = (
  [
    ['jaw', 0.34, 1.2],
    ['round', 0.165, 1.6],
    ['pucker', 0.155, 1.45],
    ['stretch', 0.21, 1.2],
    ['tongue', 0.35, 1.35],
  ] as const
).map(([channel, mean, gain]) => ({ index: CHANNEL_INDEX[channel], mean, gain }));
/** Evidence at which the lips begin to close, and are shut; half-way lies the best trade of missed against false closures. */
const CLOSURE_FROM = 0.44;
const CLOSURE_FULL = 0.66;
/** Probability of silence at which the mouth begins to rest, and rests: breath and the room's own noise leave the network in some doubt. */
const SILENCE_FROM = 0.3;
const SILENCE_FULL = 0.7;
/** A pause closes the mouth within about 100 ms; a sound opens it at once. */
const REST_RISE = 0.3;
const REST_FALL = 0.75;

/** Lips that nearly meet, meet, and so do teeth and lip: the curve and the heard class decide together. Openers give way. */
function settleClosure(channels: Float32Array, classes: Float32Array): void {
  const heard = (indices: readonly number[]): number => indices.reduce((sum, index) => sum + classes[index], 0);
  const settled = (curve: number, indices: readonly number[]): number =>
    smoothstep(CLOSURE_FROM, CLOSURE_FULL, (curve + heard(indices)) / 2);
  const curve = channels[CHANNEL_INDEX.close];
  const closed = settled(curve, BILABIAL_CLASSES);
  const { roll } = CHANNEL_INDEX;
  channels[roll] = Math.max(channels[roll], settled(channels[roll], LABIODENTAL_CLASSES));
  channels[CHANNEL_INDEX.close] = Math.max(Math.min(curve, 0.35), closed);
  for (const opener of ['lower', 'upper', 'roll'] as const) channels[CHANNEL_INDEX[opener]] *= 1 - closed;
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  if (a.length === 0) return b;
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
