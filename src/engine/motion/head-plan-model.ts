/**
 * The network of the learned head, shared by all sessions of a process: a plan is four runs. What is asked while it computes goes through
 * together next, in small batches, because a run holds up its thread.
 */
import { loadBestModel, type Model, type Provider, type TensorValue } from '../../inference.ts';
import { type HeadPlanRequest, PAST_FRAMES, PLAN_FRAMES, VOICE_VALUES } from './head-plan.ts';

const STEPS = 4;
const MAX_BATCH = 4;

interface Waiting {
  request: HeadPlanRequest;
  resolve: (plan: Float32Array) => void;
  reject: (error: unknown) => void;
}

export class HeadPlanModel {
  readonly #model: Model;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  /** For tests with a model of their own; else `load`. */
  constructor(model: Model) {
    this.#model = model;
  }

  /**
   * @param open of a thread, if it shall compute there.
   * @throws AppError MODEL_MISSING, MODEL_CORRUPT or PROVIDER_UNAVAILABLE.
   */
  static async load(
    options: { provider?: Provider | 'auto'; directory?: string } = {},
    open = loadBestModel,
  ): Promise<HeadPlanModel> {
    const { provider = 'cpu', ...rest } = options;
    const inputs = {
      plan: tensor(1, PLAN_FRAMES, 3),
      past: tensor(1, PAST_FRAMES, 3),
      audio: tensor(1, PAST_FRAMES + PLAN_FRAMES, VOICE_VALUES),
      pace: tensor(1, 1),
      time: tensor(1, 1),
    };
    const { model } = await open('head-flow', { inputs, tolerance: 1e-3 }, { provider, ...rest });
    return new HeadPlanModel(model);
  }

  plan(request: HeadPlanRequest): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (!this.#isRunning) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        const plans = await this.#run(batch.map(({ request }) => request));
        for (const [i, { resolve }] of batch.entries()) resolve(plans[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isRunning = false;
  }

  /** The flow from the fitted plan to a real one, in equal steps. */
  async #run(requests: readonly HeadPlanRequest[]): Promise<Float32Array[]> {
    const count = requests.length;
    const plan = stacked(
      requests.map(({ start }) => start),
      PLAN_FRAMES,
      3,
    );
    const past = stacked(
      requests.map(({ past }) => past),
      PAST_FRAMES,
      3,
    );
    const audio = stacked(
      requests.map(({ voice }) => voice),
      PAST_FRAMES + PLAN_FRAMES,
      VOICE_VALUES,
    );
    const pace = { data: Float32Array.from(requests, ({ logPace }) => logPace), dims: [count, 1] };
    const time = tensor(count, 1);
    for (let step = 0; step < STEPS; step++) {
      time.data.fill(step / STEPS);
      const { velocity } = await this.#model.run({ plan, past, audio, pace, time });
      for (const [i, value] of velocity!.data.entries()) plan.data[i]! += value / STEPS;
    }
    return requests.map((_, i) => plan.data.slice(i * PLAN_FRAMES * 3, (i + 1) * PLAN_FRAMES * 3));
  }
}

function tensor(...dims: number[]): TensorValue {
  return { data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims };
}

function stacked(parts: readonly Float32Array[], ...dims: number[]): TensorValue {
  const all = tensor(parts.length, ...dims);
  for (const [i, part] of parts.entries()) all.data.set(part, (i * all.data.length) / parts.length);
  return all;
}
