/**
 * Sound → lips, jaw and tongue: the learned articulation network, streaming. In: mono PCM of any rate in chunks of any size.
 * Out: one frame every 20 ms with the nine channels of `phonemes.ts`, how far the mouth rests, and what was heard.
 * Invariants: the frames do not depend on chunking; a stream's state is its own, so that many share one model and one batch.
 */

import { InOrder } from '../../media/in-order.ts';
import { ARTICULATION_CLASSES, type ArticulationFrame } from './articulation-frame.ts';
import { type ArticulationModel, LIVE_LOOK_AHEAD, STEPS_PER_HOP } from './articulation-model.ts';
import { FeatureQueue } from './feature-queue.ts';
import { CHANNELS } from './phonemes.ts';
import { SettledMouth } from './settled-mouth.ts';

export { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
export { ArticulationModel } from './articulation-model.ts';

/** One voice. Calls of `push`, `flush` and `reset` take effect in the order in which they are made. */
export class ArticulationStream {
  readonly #model: ArticulationModel;
  readonly #features = new FeatureQueue();
  #mouth = new SettledMouth();
  #past: Float32Array;
  /** Outputs so far; the first look-ahead ones belong to the time before the stream. */
  #outputs = 0;
  readonly #tasks = new InOrder();

  constructor(model: ArticulationModel) {
    this.#model = model;
    this.#past = model.freshState(LIVE_LOOK_AHEAD);
  }

  /** @param samples mono in [-1, 1]. A change of rate begins a new filter without a gap in the frames. */
  push(samples: Float32Array, sampleRateHz: number): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#features.push(samples, sampleRateHz);
      return this.#advance();
    });
  }

  /** The frames that still lacked their look-ahead, as if silence followed. */
  flush(): Promise<ArticulationFrame[]> {
    return this.#tasks.run(async () => {
      this.#features.finish();
      const steps = Math.ceil(this.#features.steps) + LIVE_LOOK_AHEAD;
      const surplus = -steps & (STEPS_PER_HOP - 1);
      this.#features.pad(LIVE_LOOK_AHEAD + surplus);
      const frames = await this.#advance();
      return frames.slice(0, frames.length - surplus);
    });
  }

  /** Forgets everything, as after an interruption; time starts at 0 again. */
  reset(): Promise<void> {
    return this.#tasks.run(async () => {
      this.#features.clear();
      this.#past = this.#model.freshState(LIVE_LOOK_AHEAD);
      this.#outputs = 0;
      this.#mouth = new SettledMouth();
    });
  }

  async #advance(): Promise<ArticulationFrame[]> {
    const frames: ArticulationFrame[] = [];
    while (this.#features.steps >= STEPS_PER_HOP) {
      const mel = this.#features.take(STEPS_PER_HOP);
      const request = { mel, lookAhead: LIVE_LOOK_AHEAD, past: this.#past, liveStream: this };
      const { classes, curves, next } = await this.#model.hear(request);
      this.#past = next;
      for (let step = 0; step < STEPS_PER_HOP; step++) {
        const index = this.#outputs++ - LIVE_LOOK_AHEAD;
        const part = (of: Float32Array, count: number) => of.slice(step * count, (step + 1) * count);
        if (index >= 0)
          frames.push(
            this.#mouth.frame(index, part(classes, ARTICULATION_CLASSES.length), part(curves, CHANNELS.length)),
          );
      }
    }
    return frames;
  }
}
