/**
 * Raw PCM from a program. In: bytes of 16-bit little-endian samples, cut anywhere; out: 48 kHz mono. A file that is sent in its place, packed
 * or with a header, is refused by its name before anything of it sounds, noise at full scale as soon as it is known for that.
 */
import { AppError } from '../errors.ts';
import { joinedSamples } from './joined-samples.ts';
import { NoiseGuard } from './noise-guard.ts';
import { PcmDecoder, type PcmFormat } from './pcm-decoder.ts';
import { soundKind } from './sound-kind.ts';

export class ProgramPcm {
  private readonly decoder: PcmDecoder;
  private readonly guard: NoiseGuard;
  /** Until it is known what it is. */
  private head: Buffer | undefined = Buffer.alloc(0);

  /** @throws AppError AUDIO_INVALID for a rate or channel count that is not spoken here. */
  constructor(format: PcmFormat) {
    this.decoder = new PcmDecoder(format);
    this.guard = new NoiseGuard(format.sampleRateHz);
  }

  /** What the sender should know of sound that was taken all the same. */
  get warning(): string | undefined {
    return this.decoder.hasCancelled
      ? 'The two channels cancel each other (one is the other turned over); the louder one is spoken.'
      : undefined;
  }

  /** @throws AppError AUDIO_INVALID saying what it is instead. */
  push(bytes: Uint8Array): Float32Array {
    if (!this.head) return this.guard.push(this.decoder.push(bytes));
    this.head = Buffer.concat([this.head, bytes]);
    return this.begin(false);
  }

  /** @throws AppError AUDIO_INVALID; also when the bytes end inside a sample. */
  flush(): Float32Array {
    return joinedSamples([this.begin(true), this.guard.push(this.decoder.flush()), this.guard.flush()]);
  }

  private begin(isWhole: boolean): Float32Array {
    const { head } = this;
    if (!head || head.length === 0) return new Float32Array(0);
    const kind = soundKind(head, isWhole);
    if (!kind) return new Float32Array(0);
    if (kind.kind === 'wav')
      throw new AppError('AUDIO_INVALID', 'The sound is a WAV file; send its samples without the header.');
    if (kind.kind !== 'unmarked')
      throw new AppError(
        'AUDIO_INVALID',
        `The sound is ${kind.name}, not raw 16-bit PCM; decode it before sending it.`,
      );
    this.head = undefined;
    return this.guard.push(this.decoder.push(head));
  }
}
