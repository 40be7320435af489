/**
 * PCM of any rate → log-mel features, streaming: 80 bands, one frame every 10 ms of 16 kHz sound, each frame ending at its
 * own last sample. The numbers are those of training/motion/features.py (within 1e-4) and do not depend on chunking.
 */
import { Resampler } from '../../media/resampler.ts';

export const FEATURE_RATE_HZ = 16_000;
export const MEL_BANDS = 80;
const HOP = 160;
const WINDOW = 400;
const FFT_SIZE = 512;
const LOW_HZ = 50;
const HIGH_HZ = 7600;
/** Added to the power before the logarithm: the features of digital silence are log(1e-5). */
const POWER_FLOOR = 1e-5;

export class SpeechFeatures {
  readonly #sampleRateHz: number;
  readonly #resampler: Resampler;
  readonly #fft = new RealFft(FFT_SIZE);
  /** The last WINDOW − HOP samples and what has come since. */
  #pending = new Float32Array(WINDOW - HOP);

  /** @param sampleRateHz rate of the mono samples that `push` takes, in whole Hz. */
  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
    this.#resampler = new Resampler(sampleRateHz, FEATURE_RATE_HZ, 1);
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  /**
   * @param samples mono in [-1, 1]; samples that are no number count as silence.
   * @returns frames × 80, row-major; frame i of the stream ends at sample 160 (i + 1) of the 16 kHz sound.
   */
  push(samples: Float32Array): Float32Array {
    return this.#analyse(this.#resampler.push(withoutNonNumbers(samples)));
  }

  /** What the resampler still held back, completed with silence to a whole frame. */
  flush(): Float32Array {
    const tail = this.#resampler.flush();
    const behind = (this.#pending.length - (WINDOW - HOP) + tail.length) % HOP;
    const padded = new Float32Array(tail.length + (behind > 0 ? HOP - behind : 0));
    padded.set(tail);
    return this.#analyse(padded);
  }

  #analyse(samples: Float32Array): Float32Array {
    const sound = new Float32Array(this.#pending.length + samples.length);
    sound.set(this.#pending);
    sound.set(samples, this.#pending.length);
    const count = Math.max(0, Math.floor((sound.length - WINDOW) / HOP) + 1);
    const frames = new Float32Array(count * MEL_BANDS);
    for (let i = 0; i < count; i++) {
      const power = this.#fft.power(sound, i * HOP);
      for (const [band, { first, weights }] of MEL_FILTERS.entries()) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * power[first + k];
        frames[i * MEL_BANDS + band] = Math.log(sum + POWER_FLOOR);
      }
    }
    this.#pending = sound.slice(count * HOP);
    return frames;
  }
}

function withoutNonNumbers(samples: Float32Array): Float32Array {
  return samples.every(Number.isFinite) ? samples : samples.map((value) => (Number.isFinite(value) ? value : 0));
}

/** Triangles of peak 1, equally spaced on the HTK mel scale; each band's non-zero weights and the bin of the first. */
const MEL_FILTERS: readonly { first: number; weights: Float64Array }[] = makeMelFilters();

function makeMelFilters(): { first: number; weights: Float64Array }[] {
  const toMel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
  const toHz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);
  const low = toMel(LOW_HZ);
  const step = (toMel(HIGH_HZ) - low) / (MEL_BANDS + 1);
  return Array.from({ length: MEL_BANDS }, (_, band) => {
    const [left, centre, right] = [0, 1, 2].map((edge) => toHz(low + (band + edge) * step));
    const weights: number[] = [];
    let first = 0;
    for (let bin = 0; bin <= FFT_SIZE / 2; bin++) {
      const hz = (bin * FEATURE_RATE_HZ) / FFT_SIZE;
      const weight = Math.min((hz - left) / (centre - left), (right - hz) / (right - centre));
      if (weight <= 0) continue;
      if (weights.length === 0) first = bin;
      weights.push(weight);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}

/** Power spectrum of a Hann-windowed piece of sound: a complex transform of half the size on even and odd samples. */
class RealFft {
  readonly #half: number;
  readonly #hann: Float64Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #power: Float64Array;

  constructor(size: number) {
    this.#half = size / 2;
    this.#hann = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
    this.#cos = Float64Array.from({ length: this.#half }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: this.#half }, (_, i) => Math.sin((2 * Math.PI * i) / size));
    this.#re = new Float64Array(this.#half);
    this.#im = new Float64Array(this.#half);
    this.#power = new Float64Array(this.#half + 1);
  }

  /** size / 2 + 1 powers of the WINDOW samples from `start` on; valid until the next call. */
  power(sound: Float32Array, start: number): Float64Array {
    const half = this.#half;
    const re = this.#re;
    const im = this.#im;
    const at = (i: number): number => (i < WINDOW ? sound[start + i] * this.#hann[i] : 0);
    for (let i = 0, reversed = 0; i < half; i++) {
      re[reversed] = at(2 * i);
      im[reversed] = at(2 * i + 1);
      let bit = half >> 1;
      for (; reversed & bit; bit >>= 1) reversed ^= bit;
      reversed ^= bit;
    }
    this.#transform();
    for (let k = 0; k <= half; k++) {
      const a = k % half;
      const b = (half - k) % half;
      const evenRe = (re[a] + re[b]) / 2;
      const evenIm = (im[a] - im[b]) / 2;
      const oddRe = (im[a] + im[b]) / 2;
      const oddIm = (re[b] - re[a]) / 2;
      const cos = k === half ? -1 : this.#cos[k];
      const sin = k === half ? 0 : this.#sin[k];
      this.#power[k] = (evenRe + oddRe * cos + oddIm * sin) ** 2 + (evenIm + oddIm * cos - oddRe * sin) ** 2;
    }
    return this.#power;
  }

  /** In-place radix-2 transform of `half` points whose input is already in bit-reversed order. */
  #transform(): void {
    const half = this.#half;
    const re = this.#re;
    const im = this.#im;
    for (let length = 2; length <= half; length *= 2) {
      const stride = (2 * half) / length;
      for (let block = 0; block < half; block += length) {
        for (let k = 0; k < length / 2; k++) {
          const cos = this.#cos[k * stride];
          const sin = this.#sin[k * stride];
          const p = block + k;
          const q = p + length / 2;
          const qRe = re[q] * cos + im[q] * sin;
          const qIm = im[q] * cos - re[q] * sin;
          re[q] = re[p] - qRe;
          im[q] = im[p] - qIm;
          re[p] += qRe;
          im[p] += qIm;
        }
      }
    }
  }
}
