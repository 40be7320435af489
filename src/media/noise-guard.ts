/**
 * A guard against bytes that were taken for sound and are none. In: 48 kHz mono; out: the same, in which what is as loud and as white as only
 * packed or scrambled bytes are is held back, and refused when it goes on. Loud speech, shouting and clipped speech pass: one sample of
 * theirs tells of the next.
 */
import { AppError } from '../errors.ts';
import { joinedSamples } from './joined-samples.ts';

/** 21 ms. */
const WINDOW_SAMPLES = 1024;
/** Of full scale. Fricatives stay well below; bytes of a packed file reach 0.5. */
const LOUD_RMS = 0.22;
/** Between one sample and the next at the rate at which the sound was sent; voiced speech is above 0.6. */
const WHITE_CORRELATION = 0.3;
/** 0.43 s: a hiss in speech, shouted and clipped, is shorter. */
const MAX_WHITE_WINDOWS = 20;
/** At the end, after speech. */
const MAX_WHITE_WINDOWS_AT_END = 10;

export class NoiseGuard {
  private readonly lag: number;
  private held: Float32Array[] = [];
  private window = new Float32Array(WINDOW_SAMPLES);
  private filled = 0;
  /** Windows of noise in a row. */
  private white = 0;
  private hasPassed = false;

  /** @param sampleRateHz at which the sound was sent: made into 48 kHz, neighbours are alike by that alone. */
  constructor(sampleRateHz: number) {
    this.lag = Math.max(1, Math.round(48_000 / sampleRateHz));
  }

  /** @throws AppError AUDIO_INVALID */
  push(samples: Float32Array): Float32Array {
    const passed: Float32Array[] = [];
    for (let at = 0; at < samples.length; ) {
      const count = Math.min(WINDOW_SAMPLES - this.filled, samples.length - at);
      this.window.set(samples.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === WINDOW_SAMPLES) this.judge(passed);
    }
    return joinedSamples(passed);
  }

  /** @throws AppError AUDIO_INVALID where all that was held back is noise. */
  flush(): Float32Array {
    if (this.white > (this.hasPassed ? MAX_WHITE_WINDOWS_AT_END : 1)) throw noise();
    const rest = joinedSamples([...this.held, this.window.subarray(0, this.filled)]);
    this.held = [];
    this.filled = 0;
    return rest;
  }

  private judge(passed: Float32Array[]): void {
    const window = this.window;
    this.window = new Float32Array(WINDOW_SAMPLES);
    this.filled = 0;
    this.held.push(window);
    if (!isWhite(window, this.lag)) {
      passed.push(...this.held.splice(0));
      this.white = 0;
      this.hasPassed = true;
    } else if (++this.white >= MAX_WHITE_WINDOWS) throw noise();
  }
}

function isWhite(window: Float32Array, lag: number): boolean {
  let energy = 0;
  let product = 0;
  for (let i = lag; i < window.length; i++) {
    energy += window[i]! ** 2;
    product += window[i]! * window[i - lag]!;
  }
  return energy > LOUD_RMS ** 2 * (window.length - lag) && Math.abs(product) < WHITE_CORRELATION * energy;
}

const noise = (): AppError =>
  new AppError('AUDIO_INVALID', 'The sound is noise at full scale, not 16-bit PCM at the rate that is set.');
