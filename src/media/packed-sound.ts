/**
 * Packed sound in memory (MP3, AAC, M4A, WebM, Ogg, FLAC, AMR …) → 48 kHz mono. In: the bytes of a whole file; out: its sound, decoded by
 * FFmpeg, which sees these bytes and nothing else: no other file, no network.
 */
import { AppError } from '../errors.ts';
import { decodeAudio, openDecoder } from './audio-file.ts';
import {
  AVSEEK_CUR,
  AVSEEK_END,
  AVSEEK_SIZE,
  describeFfmpegError,
  FormatContext,
  IOContext,
  setOptions,
} from './ffmpeg.ts';
import { joinedSamples } from './joined-samples.ts';

const BUFFER_BYTES = 32 * 1024;
const OUTPUT_RATE_HZ = 48_000;
/** What a voice may send; playlists and pictures are not among it. */
const CONTAINERS =
  'mp3,aac,loas,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,flac,amr,amrnb,amrwb,au,aiff,wav,w64,caf,asf,wv,ape,tta,mpc,mpc8,flv,live_flv,mpeg,mpegts,ac3,eac3';

/**
 * @param name of the kind, for errors.
 * @throws AppError AUDIO_INVALID, NO_AUDIO; the signal's reason when aborted.
 */
export async function decodePackedSound(bytes: Uint8Array, name: string, signal?: AbortSignal): Promise<Float32Array> {
  const io = ioOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const format = new FormatContext();
    format.allocContext();
    setOptions(format, { protocol_whitelist: '', format_whitelist: CONTAINERS });
    format.pb = io;
    const opened = await format.openInput('');
    if (opened < 0)
      throw new AppError('AUDIO_INVALID', `The ${name} cannot be decoded (${describeFfmpegError(opened)}).`);
    await using source = await openDecoder(format, `the ${name}`);
    const parts: Float32Array[] = [];
    const wanted = { sampleRateHz: OUTPUT_RATE_HZ, mono: true, ...(signal ? { signal } : {}) };
    for await (const { samples } of decodeAudio(source, `the ${name}`, wanted)) parts.push(samples);
    return joinedSamples(parts);
  } finally {
    io.freeContext();
  }
}

function ioOf(bytes: Buffer): IOContext {
  let position = 0;
  const io = new IOContext();
  io.allocContextWithCallbacks(
    BUFFER_BYTES,
    0,
    (size) => {
      const piece = bytes.subarray(position, position + size);
      position += piece.length;
      return piece.length === 0 ? null : piece;
    },
    null,
    (offset, whence) => {
      if (whence === AVSEEK_SIZE) return BigInt(bytes.length);
      const from = whence === AVSEEK_CUR ? position : whence === AVSEEK_END ? bytes.length : 0;
      position = Math.max(0, Math.min(bytes.length, from + Number(offset)));
      return BigInt(position);
    },
  );
  return io;
}
