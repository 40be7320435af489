/**
 * The articulation network itself, shared by all streams of a process. In: one hop (40 ms of features and a stream's state) at a time, or a
 * window of a recording. Out: what was heard and the state to go on with. Invariants: sessions are computed together without one ever waiting
 * for another longer than computing it alone would take, and never a hop; shapes come from a small fixed set whose input tensors are made once.
 */
import { loadBestModel, type Model, type Provider, type TensorValue } from '../../inference.ts';
import { ARTICULATION_HZ } from './articulation-frame.ts';
import { MEL_BANDS } from './speech-features.ts';

/**
 * Steps of sound after the judged one that the network can have heard: 50, 70, 90 or 110 ms from the judged step's middle. 'whole': 5, and every
 * step of one request knows all the others.
 */
const LOOK_AHEADS = [2, 3, 4, 5, 'whole'] as const;
/** For live sound, where a step more would be a hop more (40 ms) of delay. */
export const LIVE_LOOK_AHEAD = 2 as const;
/** The look-aheads that are in use: each costs some of the start. */
export type LookAhead = typeof LIVE_LOOK_AHEAD | 'whole';
/** Of 'whole'. */
export const WHOLE_STEPS = 5;
/** Two mel frames make a step; two steps make a hop, the unit of computation. */
const FRAMES_PER_STEP = 2;
export const STEPS_PER_HOP = 2;
export const STEP_VALUES = FRAMES_PER_STEP * MEL_BANDS;
export const HOP_VALUES = STEPS_PER_HOP * STEP_VALUES;
export const HOP_MS = (1000 * STEPS_PER_HOP) / ARTICULATION_HZ;

/** All that a stream remembers; fixed by the exported network: 90 steps × 192 of its convolutions, and of its ear 6 mel frames, 4 layers × 32 steps × 576, and 8 steps × 192. */
const STATE_VALUES = 90 * 192 + 6 * MEL_BANDS + 4 * 32 * 576 + 8 * 192;
/** Features of digital silence: the logarithm of the power floor. */
export const SILENCE_FEATURE = Math.log(1e-5);
/** What goes before a stream: so much silence, 960 ms, more than its ear looks back on. Without any past the network takes a room's own noise for the first sound. */
const SILENT_STEPS = 48;
/** The CPU rounds to 8 bits on the way, a GPU need not. */
const TOLERANCE = 2e-2;
/** Batches are padded to one of these, so that a device prepares itself for few shapes. */
const BATCH_SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64] as const;
export const MAX_BATCH = 64;
/** A live hop waits for others at most so long: a quarter of the time until the next one. */
const MAX_WAIT_MS = HOP_MS / 4;
/** A live stream that has not asked for so long is not waited for. */
const ABSENT_MS = 2.5 * HOP_MS;

export interface HearRequest {
  /** One hop, or any number of steps. */
  mel: Float32Array;
  lookAhead: LookAhead;
  past: Float32Array;
  /** Who asks, where hops come as the sound does; others may then be waited for. Missing: the sound is known ahead. */
  liveStream?: object;
}

export interface Heard {
  /** Steps × classes. */
  classes: Float32Array;
  /** Steps × channels. */
  curves: Float32Array;
  next: Float32Array;
}

interface Waiting {
  request: HearRequest;
  deadlineMs: number;
  resolve: (result: Heard) => void;
  reject: (error: unknown) => void;
}

type Inputs = Record<'mel' | 'lookAhead' | 'past', TensorValue>;

export class ArticulationModel {
  /** Why a provider was passed over or given up; grows when one dies. */
  readonly notes: readonly string[];
  readonly #model: Model;
  readonly #waiting: Waiting[] = [];
  /** By rows and steps. */
  readonly #inputs = new Map<string, Inputs>();
  readonly #fresh = new Map<LookAhead, Float32Array>();
  /** When each live stream asked last. */
  readonly #live = new Map<object, number>();
  /** What computing one hop alone takes. */
  #aloneMs = 0.5;
  #isRunning = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** For tests with a model of their own; else `load`. */
  constructor(model: Model, notes: readonly string[] = []) {
    this.#model = model;
    this.notes = notes;
  }

  /**
   * @param options.provider 'cpu' when missing: a hop costs a millisecond or so there, less than the way to a GPU and back; 'auto' or a
   * name pays where many streams share a device. It must compute what the CPU does, and the CPU takes over if it fails.
   * @param open of a thread, if it shall compute there.
   * @throws AppError MODEL_MISSING, MODEL_CORRUPT or PROVIDER_UNAVAILABLE.
   */
  static async load(
    options: { provider?: Provider | 'auto'; directory?: string } = {},
    open = loadBestModel,
  ): Promise<ArticulationModel> {
    const { provider = 'cpu', ...rest } = options;
    const inputs = emptyInputs(1, STEPS_PER_HOP);
    inputs.mel.data.fill(-4);
    inputs.lookAhead.data[1] = 1;
    const { model, notes } = await open('articulation', { inputs, tolerance: TOLERANCE }, { provider, ...rest });
    const articulation = new ArticulationModel(model, notes);
    await articulation.#hearSilence();
    return articulation;
  }

  get provider(): Provider {
    return this.#model.provider;
  }

  /** State of a stream that begins after silence. */
  freshState(lookAhead: LookAhead): Float32Array {
    return this.#fresh.get(lookAhead)?.slice() ?? new Float32Array(STATE_VALUES);
  }

  async #hearSilence(): Promise<void> {
    const mel = new Float32Array(SILENT_STEPS * STEP_VALUES).fill(SILENCE_FEATURE);
    const past = new Float32Array(STATE_VALUES);
    const hear = async (lookAhead: LookAhead): Promise<void> => {
      this.#fresh.set(lookAhead, (await this.hear({ mel, lookAhead, past })).next);
    };
    await Promise.all([hear(LIVE_LOOK_AHEAD), hear('whole')]);
  }

  /** One hop of one stream, or a window of a recording. */
  hear(request: HearRequest): Promise<Heard> {
    const nowMs = performance.now();
    if (request.liveStream) this.#live.set(request.liveStream, nowMs);
    return new Promise((resolve, reject) => {
      const deadlineMs = nowMs + (request.liveStream ? this.#waitMs(nowMs) : 0);
      this.#waiting.push({ request, deadlineMs, resolve, reject });
      this.#schedule();
    });
  }

  /** Waiting pays only as far as it saves computing: with few streams around hardly at all. */
  #waitMs(nowMs: number): number {
    for (const [stream, askedMs] of this.#live) if (nowMs - askedMs > ABSENT_MS) this.#live.delete(stream);
    return Math.min(MAX_WAIT_MS, (this.#live.size - 1) * this.#aloneMs);
  }

  #schedule(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const isComplete = this.#waiting.length >= Math.min(Math.max(this.#live.size, 1), MAX_BATCH);
    const leftMs = Math.min(...this.#waiting.map(({ deadlineMs }) => deadlineMs)) - performance.now();
    if (isComplete || leftMs <= 0) {
      this.#isRunning = true;
      // Streams that were pushed in the same turn of the event loop meet in one batch.
      void Promise.resolve().then(() => this.#drain());
    } else this.#timer = setTimeout(() => this.#schedule(), leftMs);
  }

  async #drain(): Promise<void> {
    const batch = this.#nextBatch();
    const startMs = performance.now();
    try {
      const results = await this.#run(batch.map(({ request }) => request));
      if (batch.length === 1 && batch[0].request.mel.length === HOP_VALUES)
        this.#aloneMs += 0.2 * (performance.now() - startMs - this.#aloneMs);
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#isRunning = false;
    this.#schedule();
  }

  /** Those who have waited longest, as far as they bring equally much sound. */
  #nextBatch(): Waiting[] {
    const { length } = this.#waiting[0].request.mel;
    const batch = this.#waiting.filter(({ request }) => request.mel.length === length).slice(0, MAX_BATCH);
    for (const one of batch) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    return batch;
  }

  async #run(requests: readonly HearRequest[]): Promise<Heard[]> {
    const size = BATCH_SIZES.find((candidate) => candidate >= requests.length)!;
    const { length } = requests[0].mel;
    const steps = length / STEP_VALUES;
    const shape = `${size} × ${steps}`;
    let inputs = this.#inputs.get(shape);
    if (!inputs) {
      inputs = emptyInputs(size, steps);
      this.#inputs.set(shape, inputs);
    }
    inputs.lookAhead.data.fill(0);
    for (const [i, { mel, lookAhead, past }] of requests.entries()) {
      inputs.mel.data.set(mel, i * length);
      inputs.lookAhead.data[i * LOOK_AHEADS.length + LOOK_AHEADS.indexOf(lookAhead)] = 1;
      inputs.past.data.set(past, i * STATE_VALUES);
    }
    const { classes, curves, next } = await this.#model.run(inputs);
    const part = (all: Float32Array, i: number): Float32Array => {
      const values = all.length / size;
      // Padding must not keep a whole batch alive: a stream keeps its own state only.
      return size === 1 ? all : all.slice(i * values, (i + 1) * values);
    };
    return requests.map((_, i) => ({
      classes: part(classes.data, i),
      curves: part(curves.data, i),
      next: part(next.data, i),
    }));
  }
}

function emptyInputs(size: number, steps: number): Inputs {
  const tensor = (...dims: number[]): TensorValue => ({
    data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
    dims,
  });
  return {
    mel: tensor(size, steps * FRAMES_PER_STEP, MEL_BANDS),
    lookAhead: tensor(size, LOOK_AHEADS.length),
    past: tensor(size, STATE_VALUES),
  };
}
