/** WAV files, 16 bits: PCM chunks in, a complete file out. The header's sizes are filled in at the end. */
import { type FileHandle, open } from 'node:fs/promises';
import type { ChannelCount } from './frames.ts';

const HEADER_BYTES = 44;
const MAX_UINT32 = 0xffff_ffff;

export class WavWriter {
  readonly #file: FileHandle;
  readonly #sampleRateHz: number;
  readonly #channels: ChannelCount;
  #dataBytes = 0;

  private constructor(file: FileHandle, sampleRateHz: number, channels: ChannelCount) {
    this.#file = file;
    this.#sampleRateHz = sampleRateHz;
    this.#channels = channels;
  }

  static async create(path: string, sampleRateHz: number, channels: ChannelCount): Promise<WavWriter> {
    const file = await open(path, 'w');
    await file.writeFile(new Uint8Array(HEADER_BYTES));
    return new WavWriter(file, sampleRateHz, channels);
  }

  /** @param samples interleaved, [-1, 1]; louder ones are clipped. */
  async write(samples: Float32Array): Promise<void> {
    const bytes = pcm16(samples);
    await this.#file.writeFile(bytes); // all of it, where `write` may stop at a full disk without a word
    this.#dataBytes += bytes.length;
  }

  /** Fills the header in and closes the file. Beyond 4 GB readers take the sizes for "to the end of the file". */
  async close(): Promise<void> {
    const header = wavHeader(this.#dataBytes, this.#sampleRateHz, this.#channels);
    await this.#file.write(header, 0, HEADER_BYTES, 0);
    await this.#file.close();
  }
}

/** Signed 16-bit little-endian samples; louder ones than [-1, 1] are clipped. */
export function pcm16(samples: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length * 2);
  for (let i = 0; i < samples.length; i++) {
    bytes.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768))), i * 2);
  }
  return bytes;
}

/** A whole file in memory. @param samples mono. */
export function wavFile(samples: Float32Array, sampleRateHz: number): Buffer {
  return Buffer.concat([wavHeader(samples.length * 2, sampleRateHz, 1), pcm16(samples)]);
}

function wavHeader(dataBytes: number, sampleRateHz: number, channels: ChannelCount): Buffer {
  const frameBytes = 2 * channels;
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(Math.min(MAX_UINT32, HEADER_BYTES - 8 + dataBytes), 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(Math.min(MAX_UINT32, dataBytes), 40);
  return header;
}
