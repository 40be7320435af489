/**
 * Streaming sample-rate converter: a polyphase windowed-sinc filter over the exact ratio of the two rates.
 *
 * In: interleaved PCM in chunks of any size. Out: interleaved PCM at the other rate; sample k lies at exactly k / toHz,
 * so nothing is delayed. Invariants: the output does not depend on how the input was cut into chunks, and it is within full scale: the
 * filter swings beyond its loudest input by up to a factor of 2.4, and what is no number is silence.
 */

/** Zero crossings of the sinc on each side, at the lower of the two rates: flat to 0.86 of its Nyquist frequency. */
const HALF_WIDTH = 32;
const CUTOFF = 0.93;
/** Kaiser window with about 70 dB of stop-band attenuation. */
const KAISER_BETA = 7;

export class Resampler {
  readonly #channels: number;
  /** toHz / fromHz as a reduced fraction. */
  readonly #up: number;
  readonly #down: number;
  /** Input samples on each side of an output sample. */
  readonly #reach: number;
  /** One row of 2 × reach taps per phase. */
  readonly #taps: Float32Array;
  /** Interleaved input that is still needed; begins `reach - 1` samples before the first input sample. */
  #buffer: Float32Array;
  #inputCount = 0;
  #outputCount = 0;
  /** Next output's position: buffer frame of the sample just before it, and the phase past that sample. */
  #frame = 0;
  #phase = 0;

  /** Rates in whole Hz, above 0. */
  constructor(fromHz: number, toHz: number, channels: number) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.#channels = channels;
    this.#up = toHz / divisor;
    this.#down = fromHz / divisor;
    const bandwidth = Math.min(1, toHz / fromHz);
    this.#reach = Math.ceil(HALF_WIDTH / bandwidth);
    this.#taps = fromHz === toHz ? new Float32Array(0) : makeTaps(this.#up, this.#reach, bandwidth * CUTOFF);
    this.#buffer = new Float32Array(0);
    this.reset();
  }

  /** @param input interleaved; its length is a multiple of the channel count. Kept or changed by nobody afterwards. */
  push(input: Float32Array): Float32Array {
    this.#inputCount += input.length / this.#channels;
    const samples = input.every(isWithinScale) ? input : input.map(limited);
    if (this.#up === this.#down) {
      this.#outputCount = this.#inputCount;
      return samples;
    }
    return this.#convert(samples, Number.POSITIVE_INFINITY);
  }

  /** The rest of the sound, as if silence followed. In all ⌈input samples × toHz / fromHz⌉ samples have come out. */
  flush(): Float32Array {
    if (this.#up === this.#down) return new Float32Array(0);
    const total = Math.ceil((this.#inputCount * this.#up) / this.#down);
    return this.#convert(new Float32Array(this.#reach * this.#channels), total - this.#outputCount);
  }

  reset(): void {
    this.#buffer = new Float32Array((this.#reach - 1) * this.#channels);
    this.#inputCount = 0;
    this.#outputCount = 0;
    this.#frame = this.#reach - 1;
    this.#phase = 0;
  }

  #convert(input: Float32Array, limit: number): Float32Array {
    const channels = this.#channels;
    const reach = this.#reach;
    const tapCount = 2 * reach;
    const buffer = new Float32Array(this.#buffer.length + input.length);
    buffer.set(this.#buffer);
    buffer.set(input, this.#buffer.length);
    const frames = buffer.length / channels;

    // Outputs whose last tap, at frame + reach, is in the buffer.
    const ready = Math.max(0, Math.ceil(((frames - reach - this.#frame) * this.#up - this.#phase) / this.#down));
    const count = Math.min(limit, ready);
    const output = new Float32Array(count * channels);
    let frame = this.#frame;
    let phase = this.#phase;
    for (let k = 0; k < count; k++) {
      const row = phase * tapCount;
      const first = (frame - reach + 1) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let t = 0, at = first + c; t < tapCount; t++, at += channels) sum += this.#taps[row + t] * buffer[at];
        output[k * channels + c] = limited(sum);
      }
      phase += this.#down;
      frame += Math.floor(phase / this.#up);
      phase %= this.#up;
    }
    const keepFrom = frame - reach + 1;
    this.#buffer = buffer.slice(Math.min(frames, keepFrom) * channels);
    this.#frame = frame - Math.min(frames, keepFrom);
    this.#phase = phase;
    this.#outputCount += count;
    return output;
  }
}

const isWithinScale = (sample: number): boolean => sample >= -1 && sample <= 1;
const limited = (sample: number): number => (isWithinScale(sample) ? sample : sample > 1 ? 1 : sample < -1 ? -1 : 0);

/** Row p, tap t: the filter at distance t − (reach − 1) − p / up input samples from the output sample. */
function makeTaps(up: number, reach: number, cutoff: number): Float32Array {
  const tapCount = 2 * reach;
  const taps = new Float32Array(up * tapCount);
  const windowScale = 1 / besselI0(KAISER_BETA);
  for (let p = 0; p < up; p++) {
    let sum = 0;
    const row = new Float64Array(tapCount);
    for (let t = 0; t < tapCount; t++) {
      const distance = t - (reach - 1) - p / up;
      const edge = distance / reach;
      const window = Math.abs(edge) >= 1 ? 0 : besselI0(KAISER_BETA * Math.sqrt(1 - edge * edge)) * windowScale;
      const angle = Math.PI * cutoff * distance;
      row[t] = window * (angle === 0 ? 1 : Math.sin(angle) / angle);
      sum += row[t];
    }
    // Unity gain at 0 Hz in every phase: a constant stays exactly constant.
    for (let t = 0; t < tapCount; t++) taps[p * tapCount + t] = row[t] / sum;
  }
  return taps;
}

/** Modified Bessel function of the first kind, order 0. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
