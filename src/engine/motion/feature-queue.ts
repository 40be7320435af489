/**
 * Features that wait to be heard. In: mono PCM of any rate in chunks of any size, also of changing rates; out: pieces of whatever length the
 * listener wants. Invariant: what comes out does not depend on chunking.
 */
import { SILENCE_FEATURE, STEP_VALUES } from './articulation-model.ts';
import { SpeechFeatures } from './speech-features.ts';

export class FeatureQueue {
  #features: SpeechFeatures | undefined;
  #all: Float32Array = new Float32Array(0);
  /** What lies before has been taken. */
  #start = 0;

  /** Steps of 20 ms that wait; the last one may have only half of its sound. */
  get steps(): number {
    return (this.#all.length - this.#start) / STEP_VALUES;
  }

  /** @param samples mono in [-1, 1]. A change of rate begins a new filter without a gap in the features. */
  push(samples: Float32Array, sampleRateHz: number): void {
    if (this.#features?.sampleRateHz !== sampleRateHz) {
      this.finish();
      this.#features = new SpeechFeatures(sampleRateHz);
    }
    this.#append(this.#features.push(samples));
  }

  /** No more sound comes: what the filter still held back. */
  finish(): void {
    if (this.#features) this.#append(this.#features.flush());
    this.#features = undefined;
  }

  /** Silence follows, up to a whole number of steps and so many more. */
  pad(steps: number): void {
    const missing = Math.ceil(this.steps) + steps - this.steps;
    this.#append(new Float32Array(Math.round(missing * STEP_VALUES)).fill(SILENCE_FEATURE));
  }

  /** The first `steps`, of which `dropped` (all when missing) are given up. */
  take(steps: number, dropped = steps): Float32Array {
    const taken = this.#all.subarray(this.#start, this.#start + steps * STEP_VALUES);
    this.#start += dropped * STEP_VALUES;
    return taken;
  }

  clear(): void {
    this.#features = undefined;
    this.#all = new Float32Array(0);
    this.#start = 0;
  }

  #append(features: Float32Array): void {
    const left = this.#all.subarray(this.#start);
    this.#all = new Float32Array(left.length + features.length);
    this.#all.set(left);
    this.#all.set(features, left.length);
    this.#start = 0;
  }
}
