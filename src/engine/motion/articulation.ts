/**
 * Sound → lips, jaw and tongue: the learned articulation network, streaming. In: mono PCM of any rate in chunks of any size.
 * Out: one frame every 20 ms with the nine channels of `phonemes.ts`, how far the mouth rests, and what was heard.
 * Invariants: the frames do not depend on chunking; a stream's state is its own, so that many share one model and one batch.
 */

import { loadBestModel, type Model, type Provider } from '../../inference.ts';
import { smoothstep } from '../smoothstep.ts';
import { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
import { CHANNEL_INDEX, CHANNELS } from './phonemes.ts';
import { MEL_BANDS, SpeechFeatures } from './speech-features.ts';

export { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';

const STEP_US = 1e6 / ARTICULATION_HZ;
/** Steps of sound after the judged one that the network has heard: 50, 70, 90 or 110 ms from the judged step's middle. */
export const LOOK_AHEAD_STEPS = [2, 3, 4, 5] as const;
export type LookAheadSteps = (typeof LOOK_AHEAD_STEPS)[number];
/** For a live microphone; where the sound is known ahead, 5 costs nothing. */
export const LIVE_LOOK_AHEAD: LookAheadSteps = 3;
/** Two mel frames make a step; two steps make a hop, the unit of computation. */
const FRAMES_PER_STEP = 2;
const STEPS_PER_HOP = 2;
const HOP_VALUES = STEPS_PER_HOP * FRAMES_PER_STEP * MEL_BANDS;
/** Features of digital silence: the logarithm of the power floor. */
const SILENCE_FEATURE = Math.log(1e-5);

interface HopRequest {
  mel: Float32Array;
  lookAhead: LookAheadSteps;
  past: Float32Array;
}

interface HopResult {
  /** STEPS_PER_HOP × classes. */
  classes: Float32Array;
  /** STEPS_PER_HOP × channels. */
  curves: Float32Array;
  next: Float32Array;
}

interface Waiting {
  request: HopRequest;
  resolve: (result: HopResult) => void;
  reject: (error: unknown) => void;
}

/**
 * The network, shared by all streams of a process. What arrives while it computes goes through together next: sessions are
 * batched without any of them ever waiting for another.
 */
export class ArticulationModel {
  readonly #model: Model;
  readonly #maxBatch: number;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  private constructor(model: Model, maxBatch: number) {
    this.#model = model;
    this.#maxBatch = maxBatch;
  }

  /**
   * @param options.provider 'cpu' when missing: a hop costs half a millisecond there, less than the way to a GPU and back; 'auto' or a
   * name pays where many streams share a device. It must compute what the CPU does, and the CPU takes over if it fails.
   * @throws AppError MODEL_MISSING, MODEL_CORRUPT or PROVIDER_UNAVAILABLE.
   */
  static async load(
    options: { provider?: Provider | 'auto'; directory?: string; maxBatch?: number } = {},
  ): Promise<ArticulationModel> {
    const { provider = 'cpu', maxBatch = 64, ...rest } = options;
    const [history, width] = STATE_SHAPE;
    const inputs = {
      mel: { data: new Float32Array(HOP_VALUES).fill(-4), dims: [1, STEPS_PER_HOP * FRAMES_PER_STEP, MEL_BANDS] },
      lookAhead: { data: Float32Array.of(0, 1, 0, 0), dims: [1, LOOK_AHEAD_STEPS.length] },
      past: { data: new Float32Array(history * width), dims: [1, history, width] },
    };
    const { model } = await loadBestModel('articulation', { inputs, tolerance: 1e-3 }, { provider, ...rest });
    return new ArticulationModel(model, maxBatch);
  }

  get provider(): Provider {
    return this.#model.provider;
  }

  /** State of a stream that has heard nothing yet. */
  freshState(): Float32Array {
    return new Float32Array(STATE_SHAPE[0] * STATE_SHAPE[1]);
  }

  /** One hop of one stream. */
  step(request: HopRequest): Promise<HopResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (!this.#isRunning) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    // Streams that were pushed in the same turn of the event loop meet in the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#maxBatch);
      try {
        const results = await this.#run(batch.map(({ request }) => request));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #run(requests: readonly HopRequest[]): Promise<HopResult[]> {
    const count = requests.length;
    const [history, width] = STATE_SHAPE;
    const stateSize = history * width;
    const mel = new Float32Array(count * HOP_VALUES);
    const lookAhead = new Float32Array(count * LOOK_AHEAD_STEPS.length);
    const past = new Float32Array(count * stateSize);
    for (const [i, request] of requests.entries()) {
      mel.set(request.mel, i * HOP_VALUES);
      lookAhead[i * LOOK_AHEAD_STEPS.length + LOOK_AHEAD_STEPS.indexOf(request.lookAhead)] = 1;
      past.set(request.past, i * stateSize);
    }
    const { classes, curves, next } = await this.#model.run({
      mel: { data: mel, dims: [count, STEPS_PER_HOP * FRAMES_PER_STEP, MEL_BANDS] },
      lookAhead: { data: lookAhead, dims: [count, LOOK_AHEAD_STEPS.length] },
      past: { data: past, dims: [count, history, width] },
    });
    const part = (all: Float32Array, i: number): Float32Array => {
      const size = all.length / count;
      return all.subarray(i * size, (i + 1) * size);
    };
    return requests.map((_, i) => ({
      classes: part(classes.data, i),
      curves: part(curves.data, i),
      next: part(next.data, i),
    }));
  }
}

/** Steps of history of all blocks together × width; fixed by the exported network. */
const STATE_SHAPE = [90, 192] as const;

/** One voice. Calls of `push`, `flush` and `reset` take effect in the order in which they are made. */
export class ArticulationStream {
  readonly #model: ArticulationModel;
  readonly #lookAhead: LookAheadSteps;
  #features: SpeechFeatures | undefined;
  #pending: Float32Array = new Float32Array(0);
  #past: Float32Array;
  /** Outputs so far; the first look-ahead ones belong to the time before the stream. */
  #outputs = 0;
  #rest = 1;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(model: ArticulationModel, options: { lookAhead?: LookAheadSteps } = {}) {
    this.#model = model;
    this.#lookAhead = options.lookAhead ?? LIVE_LOOK_AHEAD;
    this.#past = model.freshState();
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
      this.#past = this.#model.freshState();
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
    settleClosure(channels, classes);
    const silence = classes[SILENCE_CLASS];
    this.#rest += (silence - this.#rest) * (silence > this.#rest ? REST_RISE : REST_FALL);
    return { timestampUs: Math.round((index + 0.5) * STEP_US), channels, rest: this.#rest, classes };
  }
}

const CLASS_COUNT = ARTICULATION_CLASSES.length;
const SILENCE_CLASS = ARTICULATION_CLASSES.indexOf('sil');
const BILABIAL_CLASSES = ['p', 'b', 'm'].map((name) => ARTICULATION_CLASSES.indexOf(name));
/** Evidence at which the lips begin to close, and are shut; half-way lies the best trade of missed against false closures. */
const CLOSURE_FROM = 0.44;
const CLOSURE_FULL = 0.66;
/** A pause closes the mouth within about 100 ms; a sound opens it at once. */
const REST_RISE = 0.3;
const REST_FALL = 0.75;

/** Lips that nearly meet, meet: the curve and the heard class decide together. Openers give way. */
function settleClosure(channels: Float32Array, classes: Float32Array): void {
  const heard = BILABIAL_CLASSES.reduce((sum, index) => sum + classes[index], 0);
  const curve = channels[CHANNEL_INDEX.close];
  const closed = smoothstep(CLOSURE_FROM, CLOSURE_FULL, (curve + heard) / 2);
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
