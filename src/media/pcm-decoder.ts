/**
 * Raw PCM → 48 kHz mono Float32. In: bytes of samples (signed 16-bit little-endian unless said otherwise), in chunks cut anywhere, even inside
 * a sample. Out: the same sound for the engine; the result does not depend on the cuts.
 */
import { AppError } from '../errors.ts';
import { MonoMix } from './mono-mix.ts';
import { Resampler } from './resampler.ts';
import { readSamples, type SampleEncoding, sampleBytes } from './sample-encoding.ts';

export interface PcmFormat {
  sampleRateHz: number;
  channels: number;
  /** 's16le' where nothing else is said. */
  encoding?: SampleEncoding;
}

export const ENGINE_RATE_HZ = 48_000;
const MIN_RATE_HZ = 8000;
const MAX_RATE_HZ = 96_000;
/** Every rate in use is a multiple; it keeps the filter small. */
const RATE_STEP_HZ = 25;

export class PcmDecoder {
  private readonly encoding: SampleEncoding;
  private readonly channels: number;
  private readonly mono: MonoMix;
  private readonly resampler: Resampler;
  private rest: Uint8Array = new Uint8Array(0);

  /** @throws AppError AUDIO_INVALID for a rate or channel count that is not spoken here. */
  constructor({ sampleRateHz, channels, encoding = 's16le' }: PcmFormat) {
    const isRate =
      Number.isInteger(sampleRateHz) &&
      sampleRateHz >= MIN_RATE_HZ &&
      sampleRateHz <= MAX_RATE_HZ &&
      sampleRateHz % RATE_STEP_HZ === 0;
    if (!isRate)
      throw new AppError(
        'AUDIO_INVALID',
        `Sample rate ${sampleRateHz} is not usable; send ${MIN_RATE_HZ} to ${MAX_RATE_HZ} Hz in multiples of ${RATE_STEP_HZ}.`,
      );
    if (channels !== 1 && channels !== 2)
      throw new AppError('AUDIO_INVALID', `${channels} channels are not usable; send 1 or 2.`);
    this.encoding = encoding;
    this.channels = channels;
    this.mono = new MonoMix(channels, sampleRateHz);
    this.resampler = new Resampler(sampleRateHz, ENGINE_RATE_HZ, 1);
  }

  /** The two channels of what came so far cancel each other, and the louder one was taken. */
  get hasCancelled(): boolean {
    return this.mono.hasCancelled;
  }

  push(bytes: Uint8Array): Float32Array {
    return this.resampler.push(this.samples(bytes));
  }

  /** Bytes of an unfinished sample wait for the next chunk. */
  private samples(bytes: Uint8Array): Float32Array {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const frameBytes = sampleBytes(this.encoding) * this.channels;
    const whole = all.length - (all.length % frameBytes);
    this.rest = all.slice(whole);
    return this.mono.push(readSamples(all.subarray(0, whole), this.encoding));
  }

  /** The filter's rest. @throws AppError AUDIO_INVALID when the bytes end inside a sample: they were no such PCM. */
  flush(): Float32Array {
    if (this.rest.length > 0)
      throw new AppError('AUDIO_INVALID', 'The sound ends inside a sample; send whole 16-bit little-endian samples.');
    return this.resampler.flush();
  }

  /** The filter's rest; bytes of an unfinished sample are dropped. */
  finish(): Float32Array {
    this.rest = new Uint8Array(0);
    return this.resampler.flush();
  }
}
