/** WAV files of any kind, written by hand: also such as a decent writer would never make. */
export interface WavLayout {
  sampleRateHz: number;
  channels: number;
  /** 1 = integers of 16 bits, 3 = floats of 32. */
  format: 1 | 3;
}

/** @param samples interleaved. */
export function wavBytes(samples: ArrayLike<number>, { sampleRateHz, channels, format }: WavLayout): Buffer {
  const sampleBytes = format === 1 ? 2 : 4;
  const bytes = Buffer.alloc(44 + samples.length * sampleBytes);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(format, 20);
  bytes.writeUInt16LE(channels, 22);
  bytes.writeUInt32LE(sampleRateHz, 24);
  bytes.writeUInt32LE(sampleRateHz * channels * sampleBytes, 28);
  bytes.writeUInt16LE(channels * sampleBytes, 32);
  bytes.writeUInt16LE(8 * sampleBytes, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(samples.length * sampleBytes, 40);
  for (let i = 0; i < samples.length; i++) {
    if (format === 1) bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, samples[i])) * 32767), 44 + 2 * i);
    else bytes.writeFloatLE(samples[i], 44 + 4 * i);
  }
  return bytes;
}
