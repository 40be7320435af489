/**
 * Features that wait to be heard. In: mono PCM of any rate in chunks of any size, also of changing rates; out: pieces of whatever length the
 * listener wants. Invariant: what comes out does not depend on chunking.
 */
import { SILENCE_FEATURE, STEP_VALUES } from './articulation-model.ts';
import { SpeechFeatures } from './speech-features.ts';

export class FeatureQueue {
  #features: SpeechFeatures | undefined;
  /** Room for more than there is, so that few additions have to move what waits. What has been looked at is never written to. */
  #all = new Float32Array(0);
  #start = 0;
  #end = 0;

  /** Steps of 20 ms that wait; the last one may have only half of its sound. */
  get steps(): number {
    return (this.#end - this.#start) / STEP_VALUES;
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

  /** So many steps, from the `first` that waits on; they stay. */
  peek(first: number, steps: number): Float32Array {
    const start = this.#start + first * STEP_VALUES;
    return this.#all.subarray(start, start + steps * STEP_VALUES);
  }

  /** Gives up the first `steps`. */
  drop(steps: number): void {
    this.#start += steps * STEP_VALUES;
  }

  #append(features: Float32Array): void {
    if (this.#end + features.length > this.#all.length) {
      const left = this.#all.subarray(this.#start, this.#end);
      this.#all = new Float32Array(2 * (left.length + features.length));
      this.#all.set(left);
      this.#end = left.length;
      this.#start = 0;
    }
    this.#all.set(features, this.#end);
    this.#end += features.length;
  }
}
