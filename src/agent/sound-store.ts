/** Sound of unknown length in one growing array. In: samples; out: all of them so far, up to a limit beyond which nothing is kept. */
export class SoundStore {
  readonly #limit: number;
  #samples = new Float32Array(16_384);
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(samples: Float32Array): void {
    const taken = samples.subarray(0, Math.max(0, this.#limit - this.length));
    if (this.length + taken.length > this.#samples.length) {
      const grown = new Float32Array(Math.max(2 * this.#samples.length, this.length + taken.length));
      grown.set(this.#samples.subarray(0, this.length));
      this.#samples = grown;
    }
    this.#samples.set(taken, this.length);
    this.length += taken.length;
  }

  /** A view, good until the next `push`. */
  samples(): Float32Array {
    return this.#samples.subarray(0, this.length);
  }
}
