/**
 * Loudness of a voice relative to itself, as the jaw follows it. In: PCM in chunks of any size; out: a level 0…1.2 for
 * any time already heard. The reference is a slowly forgetting peak, so a quiet recording opens the mouth as well.
 */
const HOP_S = 0.01;
const REFERENCE_FLOOR = 0.01;
const REFERENCE_START = 0.06;
/** The reference halves in about 7 s. */
const REFERENCE_DECAY = 0.999;

export class Loudness {
  readonly sampleRateHz: number;
  #levels: number[] = [];
  /** Index of `#levels[0]`. */
  #firstHop = 0;
  #reference = REFERENCE_START;
  #sum = 0;
  #count = 0;
  #hops = 0;

  constructor(sampleRateHz: number) {
    this.sampleRateHz = sampleRateHz;
  }

  push(samples: Float32Array): void {
    for (const sample of samples) {
      this.#sum += Number.isFinite(sample) ? sample * sample : 0;
      this.#count++;
      // Hop boundaries lie at fixed times, also where a hop is not a whole number of samples.
      if (
        this.#count >=
        Math.round((this.#hops + 1) * HOP_S * this.sampleRateHz) - Math.round(this.#hops * HOP_S * this.sampleRateHz)
      )
        this.#closeHop();
    }
  }

  /** @param timeS may lie ahead of what was heard: then it is silent. */
  at(timeS: number): number {
    const position = timeS / HOP_S - 0.5;
    const hop = Math.floor(position);
    const u = position - hop;
    return (1 - u) * this.#smoothed(hop) + u * this.#smoothed(hop + 1);
  }

  /** Forgets what lies before `timeS`. */
  forgetBefore(timeS: number): void {
    const drop = Math.floor(timeS / HOP_S) - 8 - this.#firstHop;
    if (drop < 1000) return;
    this.#levels.splice(0, drop);
    this.#firstHop += drop;
  }

  #smoothed(hop: number): number {
    let sum = 0;
    for (let k = -3; k <= 3; k++) sum += (4 - Math.abs(k)) * (this.#levels[hop + k - this.#firstHop] ?? 0);
    return sum / 16;
  }

  #closeHop(): void {
    const rms = Math.sqrt(this.#sum / this.#count);
    this.#reference = Math.max(this.#reference * REFERENCE_DECAY, rms, REFERENCE_FLOOR);
    // Vowels of one voice lie about 5 dB below its peaks.
    this.#levels.push(Math.min(rms / (0.55 * this.#reference), 1.2));
    this.#sum = 0;
    this.#count = 0;
    this.#hops++;
  }
}
