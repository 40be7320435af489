/**
 * Sound as a service sends it, in bytes cut anywhere: a WAV file whose sizes may not be known yet, or raw 16-bit PCM. In: bytes; out: 48 kHz
 * mono. Sound that is packed in another way is refused by name.
 */
import { AppError } from '../errors.ts';
import { PcmDecoder, type PcmFormat } from './pcm-decoder.ts';

const MAX_HEADER_BYTES = 64 * 1024;
const WAVE_PCM = 1;
const WAVE_EXTENSIBLE = 0xfffe;
const OTHERS: Record<string, string> = { ID3: 'MP3', OggS: 'Ogg', fLaC: 'FLAC', '{': 'JSON', '<': 'HTML' };

export class PcmStream {
  private readonly raw: PcmFormat;
  private decoder: PcmDecoder | undefined;
  private head: Uint8Array = new Uint8Array(0);

  /** @param raw what the bytes are when no WAV header comes first. */
  constructor(raw: PcmFormat) {
    this.raw = raw;
  }

  /** @throws AppError AUDIO_INVALID saying what it is instead. */
  push(bytes: Uint8Array): Float32Array {
    if (this.decoder) return this.decoder.push(bytes);
    this.head = joined(this.head, bytes);
    if (this.head.length < 4) return new Float32Array(0);
    if (text(this.head, 0, 4) !== 'RIFF') {
      refuseOthers(this.head);
      return this.start(this.raw, 0);
    }
    const found = readWavHeader(this.head);
    if (found) return this.start(found.format, found.dataAt);
    if (this.head.length > MAX_HEADER_BYTES) throw new AppError('AUDIO_INVALID', 'The WAV file has no data chunk.');
    return new Float32Array(0);
  }

  /** @throws AppError AUDIO_INVALID when the bytes end inside a sample or before the sound. */
  flush(): Float32Array {
    if (this.decoder) return this.decoder.flush();
    if (this.head.length === 0) return new Float32Array(0);
    throw new AppError('AUDIO_INVALID', 'The sound ends before it has begun.');
  }

  private start(format: PcmFormat, at: number): Float32Array {
    this.decoder = new PcmDecoder(format);
    const rest = this.head.slice(at);
    this.head = new Uint8Array(0);
    return this.decoder.push(rest);
  }
}

/** Undefined while the header is not complete. */
function readWavHeader(bytes: Uint8Array): { format: PcmFormat; dataAt: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: PcmFormat | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = text(bytes, at, 4);
    const size = view.getUint32(at + 4, true);
    if (id === 'data') {
      if (!format) throw new AppError('AUDIO_INVALID', 'The WAV file has no format chunk.');
      return { format, dataAt: at + 8 };
    }
    if (id === 'fmt ') {
      if (at + 24 > bytes.length) return undefined;
      const kind = view.getUint16(at + 8, true);
      const bits = view.getUint16(at + 22, true);
      if ((kind !== WAVE_PCM && kind !== WAVE_EXTENSIBLE) || bits !== 16)
        throw new AppError('AUDIO_INVALID', `The WAV file has ${bits}-bit samples of kind ${kind}; send 16-bit PCM.`);
      format = { channels: view.getUint16(at + 10, true), sampleRateHz: view.getUint32(at + 12, true) };
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}

function refuseOthers(bytes: Uint8Array): void {
  for (const [mark, name] of Object.entries(OTHERS))
    if (text(bytes, 0, mark.length) === mark && (mark.length > 1 || isText(bytes)))
      throw new AppError('AUDIO_INVALID', `The sound is ${name}, not WAV or 16-bit PCM.`);
}

/** Nothing but printable ASCII: sound never looks so. */
const isText = (bytes: Uint8Array): boolean => bytes.subarray(0, 64).every((byte) => byte >= 9 && byte < 127);

const text = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
