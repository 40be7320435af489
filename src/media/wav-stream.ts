/**
 * A WAV file as it arrives, in bytes cut anywhere. In: bytes from `RIFF` on; out: 48 kHz mono of its data alone: chunks before and after are
 * skipped by their sizes, a size that is not known yet (0, −1, more than comes) reaches to the end, an unfinished sample is dropped.
 */
import { AppError } from '../errors.ts';
import { joinedSamples } from './joined-samples.ts';
import { PcmDecoder, type PcmFormat } from './pcm-decoder.ts';
import type { SampleEncoding } from './sample-encoding.ts';

/** Where a chunk before the sound is longer, it is no header. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
const UNKNOWN_SIZES = new Set([0, 0xffff_ffff]);
/** What programs put behind the sound: a size of 0 before one of these is meant. */
const FOLLOWING = new Set(['LIST', 'id3 ', 'ID3 ', 'C2PA', 'fact', 'cue ', 'bext', 'iXML', 'JUNK', 'PAD ', 'smpl']);
const EXTENSIBLE = 0xfffe;
/** What ends sound whose size was not known: another file, or what programs put behind the sound. */
const AFTER_SOUND = /RIFF[\s\S]{4}WAVEfmt |LIST[\s\S]{4}(?:INFO|adtl)|[Ii][Dd]3 [\s\S]{4}ID3/;
const AFTER_SOUND_BYTES = 16;

const ENCODINGS: Readonly<Record<string, SampleEncoding>> = {
  '1/8': 'u8',
  '1/16': 's16le',
  '1/24': 's24le',
  '1/32': 's32le',
  '3/32': 'f32le',
  '3/64': 'f64le',
  '6/8': 'alaw',
  '7/8': 'mulaw',
};

/** Kinds that FFmpeg unpacks. */
export class PackedWav extends Error {}

export class WavStream {
  private rest: Buffer = Buffer.alloc(0);
  private format: PcmFormat | undefined;
  private decoder: PcmDecoder | undefined;
  /** Of the data chunk that is being read. */
  private leftBytes = 0;
  /** Of the chunk that is being left out. */
  private skipBytes = 0;
  private longDataBytes: number | undefined;
  private hasEnded = false;

  /** Undefined before the header has come. */
  get sampleRateHz(): number | undefined {
    return this.format?.sampleRateHz;
  }

  get hasFormat(): boolean {
    return this.format !== undefined;
  }

  /** @throws AppError AUDIO_INVALID; PackedWav where the samples are packed. */
  push(bytes: Uint8Array): Float32Array {
    this.rest = this.rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.rest, bytes]);
    const parts: Float32Array[] = [];
    while (this.step(parts)) {}
    return joinedSamples(parts);
  }

  /** The filter's rest. @throws AppError AUDIO_INVALID when the file ends before its sound. */
  flush(): Float32Array {
    if (this.decoder) {
      const rest = this.leftBytes === Number.POSITIVE_INFINITY ? this.decoder.push(this.rest) : new Float32Array(0);
      return joinedSamples([rest, this.decoder.finish()]);
    }
    throw new AppError('AUDIO_INVALID', 'The WAV file ends before its sound has begun.');
  }

  /** @returns whether it got on. */
  private step(parts: Float32Array[]): boolean {
    const { rest } = this;
    if (this.hasEnded) {
      this.rest = Buffer.alloc(0);
      return false;
    }
    if (this.skipBytes > 0) return this.take(Math.min(this.skipBytes, rest.length), 'skipBytes');
    if (this.leftBytes === Number.POSITIVE_INFINITY) return this.takeUnbounded(parts);
    if (this.leftBytes > 0) {
      const size = Math.min(this.leftBytes, rest.length);
      if (size > 0) parts.push(this.decoder!.push(rest.subarray(0, size)));
      return this.take(size, 'leftBytes');
    }
    // A zero byte makes an odd size even; some writers leave it out.
    if (this.decoder && rest.length > 0 && rest[0] === 0) return this.take(1);
    if (rest.length < 8) return false;
    const id = rest.toString('latin1', 0, 4);
    const size = rest.readUInt32LE(4);
    // A service may send one file after the other.
    if (id === 'RIFF' || id === 'RF64' || id === 'BW64') return rest.length >= 12 && this.take(12);
    if (id === 'data') return this.beginData(size);
    const isBeforeSound = this.decoder === undefined;
    if (isBeforeSound && size > MAX_CHUNK_BYTES) throw new AppError('AUDIO_INVALID', 'The WAV file has no data chunk.');
    if (id === 'fmt ' || id === 'ds64') {
      const padded = 8 + size + (size % 2);
      if (rest.length < padded) return false;
      if (id === 'fmt ') this.readFormat(rest.subarray(8, 8 + size));
      else this.longDataBytes = size >= 16 ? Number(rest.readBigUInt64LE(16)) : undefined;
      return this.take(padded);
    }
    // What is behind the sound and no chunk is left out.
    if (!isBeforeSound && !/^[ -~]{4}$/.test(id)) {
      this.hasEnded = true;
      return true;
    }
    this.skipBytes = size + (size % 2);
    return this.take(8);
  }

  /** Sound up to whatever ends it; what may be the beginning of that waits. */
  private takeUnbounded(parts: Float32Array[]): boolean {
    const text = this.rest.toString('latin1');
    const end = AFTER_SOUND.exec(text)?.index;
    const open = /[RLIi]/g;
    open.lastIndex = Math.max(0, text.length - AFTER_SOUND_BYTES + 1);
    const size = end ?? open.exec(text)?.index ?? text.length;
    if (size > 0) parts.push(this.decoder!.push(this.rest.subarray(0, size)));
    if (end !== undefined) this.leftBytes = 0;
    return this.take(size) && end !== undefined;
  }

  private take(bytes: number, counter?: 'skipBytes' | 'leftBytes'): boolean {
    if (bytes === 0) return false;
    this.rest = this.rest.subarray(bytes);
    if (counter) this[counter] -= bytes;
    return true;
  }

  private beginData(size: number): boolean {
    if (!this.format) throw new AppError('AUDIO_INVALID', 'The WAV file has no format chunk.');
    const declared = size === 0xffff_ffff && this.longDataBytes !== undefined ? this.longDataBytes : size;
    if (declared === 0) {
      // The next four bytes tell whether there is no sound or its size was not known.
      if (this.rest.length < 12) return false;
      if (FOLLOWING.has(this.rest.toString('latin1', 8, 12))) {
        this.decoder ??= new PcmDecoder(this.format);
        return this.take(8);
      }
    }
    this.decoder ??= new PcmDecoder(this.format);
    if (UNKNOWN_SIZES.has(declared) || declared > Number.MAX_SAFE_INTEGER) this.leftBytes = Number.POSITIVE_INFINITY;
    else this.leftBytes = declared;
    return this.take(8);
  }

  private readFormat(fields: Buffer): void {
    if (fields.length < 16) throw new AppError('AUDIO_INVALID', 'The WAV file has a damaged format chunk.');
    const tag = fields.readUInt16LE(0);
    // The extensible kind names the real one at the start of its identifier.
    const kind = tag === EXTENSIBLE && fields.length >= 26 ? fields.readUInt16LE(24) : tag === EXTENSIBLE ? 1 : tag;
    const bits = fields.readUInt16LE(14);
    const encoding = ENCODINGS[`${kind}/${bits}`];
    const format = { channels: fields.readUInt16LE(2), sampleRateHz: fields.readUInt32LE(4) };
    if (encoding === undefined || format.channels > 2) throw new PackedWav(`WAV of kind ${kind} with ${bits} bits`);
    const isOther =
      this.decoder !== undefined &&
      (this.format?.encoding !== encoding ||
        this.format.channels !== format.channels ||
        this.format.sampleRateHz !== format.sampleRateHz);
    if (isOther) throw new AppError('AUDIO_INVALID', 'The WAV file changes its format midway.');
    this.format = { ...format, encoding };
  }
}
