/**
 * Sound that is known ahead → lips, jaw and tongue. In and out as with `ArticulationStream`, but the network hears six seconds at a time and knows
 * of each instant what comes after it, four tenths of a second at least: it is right more often (see `models/articulation.md`), and later. Windows overlap and
 * their answers are blended, so that no seam shows; frames do not depend on chunking; memory is that of one window.
 */
import { InOrder } from '../../media/in-order.ts';
import type { ArticulationFrame } from './articulation-frame.ts';
import { type ArticulationModel, WHOLE_STEPS } from './articulation-model.ts';
import { FeatureQueue } from './feature-queue.ts';
import { ANSWER_VALUES, type Answer, answersOf, SettledMouth } from './settled-mouth.ts';

const WINDOW_STEPS = 300;
/** Near its ends a window says nothing, then more and more: with its neighbour's the weights make one. */
const MUTE_STEPS = 16;
const BLEND_STEPS = 16;
const ADVANCE_STEPS = WINDOW_STEPS - 2 * MUTE_STEPS - BLEND_STEPS;
/** The first window begins so long before the sound. */
const LEAD_STEPS = 30;

export class ArticulationRecording {
  readonly #model: ArticulationModel;
  readonly #features = new FeatureQueue();
  readonly #mouth = new SettledMouth();
  /** First step of the next window. */
  #windowStep = -LEAD_STEPS;
  /** Weighted sums of answers, and weights, from the next frame on. */
  #sums: { values: Answer; weight: number }[] = [];
  #frames = 0;
  /** Steps of sound, once it has ended. */
  #endStep = Number.POSITIVE_INFINITY;
  readonly #tasks = new InOrder();

  constructor(model: ArticulationModel) {
    this.#model = model;
    this.#features.pad(LEAD_STEPS);
  }

  /** @param samples mono in [-1, 1]. A change of rate begins a new filter without a gap in the frames. */
  push(samples: Float32Array, sampleRateHz: number): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#features.push(samples, sampleRateHz);
      return this.#advance();
    });
  }

  /** The frames up to the end of the sound, as if silence followed. */
  flush(): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#features.finish();
      this.#endStep = this.#windowStep + Math.ceil(this.#features.steps);
      this.#features.pad(2 * WINDOW_STEPS);
      return this.#advance();
    });
  }

  async #advance(): Promise<ArticulationFrame[]> {
    const frames: ArticulationFrame[] = [];
    while (this.#frames < this.#endStep && this.#features.steps >= WINDOW_STEPS + WHOLE_STEPS) {
      await this.#hearWindow();
      this.#windowStep += ADVANCE_STEPS;
      // From there on the next window has a say too.
      const settledStep = Math.min(this.#windowStep + MUTE_STEPS, this.#endStep);
      while (this.#frames < settledStep) {
        const { values, weight } = this.#sums.shift()!;
        const mean = values.map((value) => value / weight);
        frames.push(this.#mouth.frame(this.#frames++, mean));
      }
    }
    return frames;
  }

  async #hearWindow(): Promise<void> {
    const mel = this.#features.peek(0, WINDOW_STEPS + WHOLE_STEPS);
    const past = this.#model.freshState('whole');
    const answers = answersOf(await this.#model.hear({ mel, lookAhead: 'whole', past })).slice(WHOLE_STEPS);
    this.#features.drop(ADVANCE_STEPS);
    for (let i = MUTE_STEPS; i < WINDOW_STEPS - MUTE_STEPS; i++) {
      const at = this.#windowStep + i - this.#frames;
      if (at < 0) continue;
      const weight = Math.min(1, (Math.min(i, WINDOW_STEPS - 1 - i) - MUTE_STEPS + 0.5) / BLEND_STEPS);
      this.#sums[at] ??= { values: new Float32Array(ANSWER_VALUES), weight: 0 };
      const sum = this.#sums[at];
      sum.weight += weight;
      for (let k = 0; k < ANSWER_VALUES; k++) sum.values[k] += weight * answers[i][k];
    }
  }
}
