/** How samples lie in bytes. In: bytes and the name of an encoding; out: numbers in [-1, 1]. Samples that are not numbers are silence. */

export type SampleEncoding =
  | 's16le'
  | 's16be'
  | 'u8'
  | 's24le'
  | 's24be'
  | 's32le'
  | 'f32le'
  | 'f64le'
  | 'mulaw'
  | 'alaw';

interface Reader {
  bytes: number;
  read(view: DataView, at: number): number;
}

const finite = (sample: number): number => (Number.isFinite(sample) ? Math.max(-1, Math.min(1, sample)) : 0);

const READERS: Readonly<Record<SampleEncoding, Reader>> = {
  s16le: { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32_768 },
  s16be: { bytes: 2, read: (view, at) => view.getInt16(at, false) / 32_768 },
  u8: { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  s24le: { bytes: 3, read: (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8_388_608 },
  s24be: { bytes: 3, read: (view, at) => (view.getInt16(at, false) * 256 + view.getUint8(at + 2)) / 8_388_608 },
  s32le: { bytes: 4, read: (view, at) => view.getInt32(at, true) / 2_147_483_648 },
  f32le: { bytes: 4, read: (view, at) => finite(view.getFloat32(at, true)) },
  f64le: { bytes: 8, read: (view, at) => finite(view.getFloat64(at, true)) },
  mulaw: { bytes: 1, read: (view, at) => muLaw(view.getUint8(at)) },
  alaw: { bytes: 1, read: (view, at) => aLaw(view.getUint8(at)) },
};

export const sampleBytes = (encoding: SampleEncoding): number => READERS[encoding].bytes;

/** The samples of the bytes, as many as are whole; those of several channels lie side by side. */
export function readSamples(bytes: Uint8Array, encoding: SampleEncoding): Float32Array {
  const reader = READERS[encoding];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(Math.floor(bytes.length / reader.bytes));
  for (let i = 0; i < samples.length; i++) samples[i] = reader.read(view, i * reader.bytes);
  return samples;
}

/** ITU-T G.711. */
function muLaw(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = (((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4);
  return (inverted & 0x80 ? 0x84 - magnitude : magnitude - 0x84) / 32_768;
}

function aLaw(byte: number): number {
  const flipped = byte ^ 0x55;
  const exponent = (flipped & 0x70) >> 4;
  const mantissa = ((flipped & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return (flipped & 0x80 ? magnitude : -magnitude) / 32_768;
}
