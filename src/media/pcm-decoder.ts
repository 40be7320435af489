/**
 * Raw PCM from programs → 48 kHz mono Float32. In: bytes of signed 16-bit little-endian samples, one or two channels, in chunks cut
 * anywhere, even inside a sample. Out: the same sound for the engine; the result does not depend on the cuts.
 */
import { AppError } from '../errors.ts';
import { Resampler } from './resampler.ts';

export interface PcmFormat {
  sampleRateHz: number;
  channels: number;
}

const ENGINE_RATE_HZ = 48_000;
const MIN_RATE_HZ = 8000;
const MAX_RATE_HZ = 96_000;
/** Every rate in use is a multiple; it keeps the filter small. */
const RATE_STEP_HZ = 25;

export class PcmDecoder {
  private readonly channels: number;
  private readonly resampler: Resampler;
  private rest = new Uint8Array(0);

  /** @throws AppError AUDIO_INVALID for a rate or channel count that is not spoken here. */
  constructor({ sampleRateHz, channels }: PcmFormat) {
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
    this.channels = channels;
    this.resampler = new Resampler(sampleRateHz, ENGINE_RATE_HZ, 1);
  }

  push(bytes: Uint8Array): Float32Array {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    const frameBytes = 2 * this.channels;
    const count = Math.floor(all.length / frameBytes);
    this.rest = all.slice(count * frameBytes);
    const view = new DataView(all.buffer);
    const mono = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let c = 0; c < this.channels; c++) sum += view.getInt16(i * frameBytes + 2 * c, true);
      mono[i] = sum / (32_768 * this.channels);
    }
    return this.resampler.push(mono);
  }

  /** The filter's rest. @throws AppError AUDIO_INVALID when the bytes end inside a sample: they were no such PCM. */
  flush(): Float32Array {
    if (this.rest.length > 0)
      throw new AppError('AUDIO_INVALID', 'The sound ends inside a sample; send whole 16-bit little-endian samples.');
    return this.resampler.flush();
  }
}
