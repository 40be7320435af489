/**
 * Sound as a service sends it, in bytes cut anywhere, whatever it is: raw PCM, WAV, MP3 and AAC are passed on as they come, other packed sound is
 * decoded when it is complete. In: bytes and the label they came with; out: 48 kHz mono. What is no sound is refused by its name.
 */
import { AppError } from '../errors.ts';
import { FrameStream } from './frame-stream.ts';
import { joinedSamples } from './joined-samples.ts';
import { NoiseGuard } from './noise-guard.ts';
import { decodePackedSound } from './packed-sound.ts';
import { PcmDecoder, type PcmFormat } from './pcm-decoder.ts';
import { readSamples } from './sample-encoding.ts';
import { type SoundKind, soundKind } from './sound-kind.ts';
import { PackedWav, WavStream } from './wav-stream.ts';

/** A sentence, however it is packed, is far smaller. */
const MAX_PACKED_BYTES = 32 * 1024 * 1024;
/** Enough to tell in which order the bytes of samples are. */
const ORDER_BYTES = 1024;
const MAX_SILENCE_BYTES = 64 * 1024;
/** What a person is shown of a text that came instead of sound. */
const MAX_QUOTE_CHARS = 160;

export class SoundStream implements Disposable {
  private readonly raw: PcmFormat;
  private readonly isOrderUnsure: boolean;
  private head: Buffer = Buffer.alloc(0);
  private packed: { name: string; parts: Buffer[]; bytes: number } | undefined;
  private frames: FrameStream | undefined;
  private wav: { stream: WavStream; seen: Buffer[] } | undefined;
  private decoder: PcmDecoder | undefined;
  private guard: NoiseGuard | undefined;

  /**
   * @param raw what the bytes are when nothing else is said, by themselves or by their label.
   * @param contentType of the answer, such as `audio/L16;rate=16000`.
   */
  constructor(raw: PcmFormat, contentType = '') {
    const label = readLabel(contentType);
    this.raw = { ...raw, ...label };
    this.isOrderUnsure = label.encoding === undefined || label.encoding === 's16be';
  }

  /** How much sound its bytes are is not known before they are decoded. */
  get isPacked(): boolean {
    return this.packed !== undefined || this.frames !== undefined;
  }

  /** @throws AppError AUDIO_INVALID saying what it is instead. */
  push(bytes: Uint8Array): Float32Array {
    if (this.decoder) return this.guarded(this.decoder.push(bytes));
    if (this.wav) return this.pushWav(bytes);
    if (this.frames) return this.frames.push(bytes);
    if (this.packed) {
      this.keep(bytes);
      return new Float32Array(0);
    }
    this.head = this.head.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.head, bytes]);
    const kind = soundKind(this.head, false);
    return kind ? this.begin(kind, false) : new Float32Array(0);
  }

  /** Nothing more comes. @throws AppError AUDIO_INVALID; the signal's reason when aborted. */
  async flush(signal?: AbortSignal): Promise<Float32Array> {
    const parts: Float32Array[] = [];
    if (this.head.length > 0) parts.push(this.begin(soundKind(this.head, true) ?? { kind: 'unmarked' }, true));
    if (this.packed) parts.push(await this.unpack(this.packed, signal));
    else if (this.frames) parts.push(this.frames.flush());
    else if (this.wav) parts.push(this.guarded(this.wav.stream.flush()), this.guard!.flush());
    else if (this.decoder) {
      parts.push(this.guarded(this.decoder.finish()));
      parts.push(this.guard!.flush());
    }
    return joinedSamples(parts);
  }

  /** Gives up what is held for a stream that ends early. */
  [Symbol.dispose](): void {
    this.frames?.[Symbol.dispose]();
  }

  private begin(kind: SoundKind, isWhole: boolean): Float32Array {
    const { head } = this;
    switch (kind.kind) {
      case 'other':
        throw new AppError('AUDIO_INVALID', `The sound is ${kind.name}, not WAV or 16-bit PCM${quoted(kind, head)}.`);
      case 'packed':
        this.head = Buffer.alloc(0);
        if (!isWhole && kind.isFramed) {
          this.frames = new FrameStream(kind.name === 'AAC' ? 'AAC' : 'MP3');
          return this.frames.push(head.subarray(kind.startsAt));
        }
        this.packed = { name: kind.name, parts: [], bytes: 0 };
        this.keep(head.subarray(kind.startsAt));
        return new Float32Array(0);
      case 'wav':
        this.head = Buffer.alloc(0);
        this.wav = { stream: new WavStream(), seen: [] };
        return this.pushWav(head.subarray(kind.startsAt));
      case 'unmarked': {
        // Silence tells no order.
        const isTelling =
          head.length >= ORDER_BYTES && (head.some((byte) => byte !== 0) || head.length > MAX_SILENCE_BYTES);
        if (this.isOrderUnsure && !isWhole && !isTelling) return new Float32Array(0);
        this.head = Buffer.alloc(0);
        const encoding = this.isOrderUnsure ? orderOf(head, this.raw) : this.raw.encoding;
        this.decoder = new PcmDecoder({ ...this.raw, ...(encoding ? { encoding } : {}) });
        this.guard = new NoiseGuard(this.raw.sampleRateHz);
        return this.guarded(this.decoder.push(head));
      }
    }
  }

  private guarded(samples: Float32Array): Float32Array {
    return this.guard!.push(samples);
  }

  private pushWav(bytes: Uint8Array): Float32Array {
    const { stream, seen } = this.wav!;
    // Until its format is known, FFmpeg may have to begin anew.
    if (!stream.hasFormat) seen.push(Buffer.from(bytes));
    try {
      const samples = stream.push(bytes);
      if (stream.sampleRateHz) this.guard ??= new NoiseGuard(stream.sampleRateHz);
      return this.guard ? this.guard.push(samples) : samples;
    } catch (error) {
      if (!(error instanceof PackedWav)) throw error;
      this.wav = undefined;
      this.packed = { name: error.message, parts: [], bytes: 0 };
      for (const part of seen) this.keep(part);
      return new Float32Array(0);
    }
  }

  private keep(bytes: Uint8Array): void {
    const { packed } = this;
    packed!.parts.push(Buffer.from(bytes));
    packed!.bytes += bytes.length;
    if (packed!.bytes > MAX_PACKED_BYTES)
      throw new AppError('AUDIO_INVALID', `The sound is ${packed!.name} of more than 32 MB; send shorter pieces.`);
  }

  private async unpack(
    { name, parts }: { name: string; parts: Buffer[] },
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    try {
      return await decodePackedSound(Buffer.concat(parts), name, signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof AppError)
        throw new AppError('AUDIO_INVALID', `The sound is ${name} that cannot be decoded, not WAV or 16-bit PCM.`, {
          cause: error,
        });
      throw error;
    }
  }
}

/** `audio/L16;rate=16000;channels=1` and its kin. */
function readLabel(contentType: string): Partial<PcmFormat> {
  const label = contentType.toLowerCase();
  const number = (name: string): number | undefined => {
    const found = new RegExp(`[;,\\s](?:${name})\\s*=\\s*"?(?:\\(int\\))?(\\d+)`).exec(label)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const sampleRateHz = number('rate|sample[-_]?rate|samplerate(?:hz)?');
  const channels = number('channels?|ch');
  const encoding = encodingOf(label);
  // These have no other rate.
  const isTelephone = /^audio\/(?:basic|pcm[au])\b/.test(label);
  return {
    ...(sampleRateHz !== undefined ? { sampleRateHz } : isTelephone ? { sampleRateHz: 8000 } : {}),
    ...(channels !== undefined ? { channels } : {}),
    ...(encoding !== undefined ? { encoding } : {}),
  };
}

function encodingOf(label: string): PcmFormat['encoding'] {
  if (/^audio\/(?:basic|pcmu|x-mulaw|mulaw)\b|[=/]mu-?law/.test(label)) return 'mulaw';
  if (/^audio\/(?:pcma|x-alaw|alaw)\b|[=/]a-?law/.test(label)) return 'alaw';
  if (/f32le|encoding=float|pcm_f32|^audio\/(?:x-)?float\b/.test(label)) return 'f32le';
  const bits =
    /^audio\/l(8|24)\b/.exec(label)?.[1] ??
    /[;,\s](?:bits?|bit[-_]?(?:depth|rate)|width)\s*=\s*"?(8|24)\b/.exec(label)?.[1];
  if (bits === '8') return 'u8';
  if (bits === '24') return /^audio\/l24\b|big-?endian|endian=big/.test(label) ? 's24be' : 's24le';
  // By its definition in network order; many services send it in the other, which the bytes tell.
  if (/^audio\/l16\b|s16be|big-?endian|endian=big/.test(label)) return 's16be';
  return undefined;
}

/** Of a sample's two bytes the one that changes less from sample to sample is the high one. */
function orderOf(bytes: Buffer, { channels, encoding }: PcmFormat): PcmFormat['encoding'] {
  const told = bytes.subarray(Math.max(0, bytes.findIndex((byte) => byte !== 0) & ~3));
  if (encoding === undefined && areFloats(told)) return 'f32le';
  if (encoding === undefined && areBytes(told)) return 'u8';
  const little = roughness(readSamples(told, 's16le'), channels);
  const big = roughness(readSamples(told, 's16be'), channels);
  if (little === big) return encoding;
  // The order that was announced has to be clearly wrong.
  if (encoding === 's16be') return little < 0.7 * big ? 's16le' : 's16be';
  return big < 0.5 * little ? 's16be' : encoding;
}

/** Nearly all are numbers between silence and full scale: of 16-bit samples in their place hardly any would be. */
function areFloats(bytes: Buffer): boolean {
  const samples = Array.from({ length: bytes.length >> 2 }, (_, i) => Math.abs(bytes.readFloatLE(4 * i)));
  const sounding = samples.filter((sample) => sample !== 0);
  return (
    sounding.length >= 16 && sounding.filter((sample) => sample > 1e-7 && sample <= 1.5).length > 0.97 * sounding.length
  );
}

/** Each byte is near the one before it and around the middle: the low bytes of 16-bit samples leap. */
function areBytes(bytes: Buffer): boolean {
  let leaps = 0;
  let level = 0;
  for (let i = 1; i < bytes.length; i++) {
    leaps += Math.abs(bytes[i]! - bytes[i - 1]!);
    level += Math.abs(bytes[i]! - 128);
  }
  return bytes.length >= 64 && leaps < 14 * bytes.length && level < 48 * bytes.length;
}

function roughness(samples: Float32Array, channels: number): number {
  let sum = 0;
  for (let i = channels; i < samples.length; i++) sum += Math.abs(samples[i]! - samples[i - channels]!);
  return sum;
}

/** An error that came as an answer has words for what is wrong. */
function quoted({ name }: { name: string }, head: Buffer): string {
  if (name !== 'JSON' && name !== 'text') return '';
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replace(/\s+/g, ' ')
    .trim();
  const message = /"(?:message|detail|error|msg)"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(text)?.[1] ?? text;
  return `: ${message.slice(0, MAX_QUOTE_CHARS).replace(/[.;]+$/, '')}`;
}
