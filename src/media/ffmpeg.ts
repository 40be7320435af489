/**
 * The one door to FFmpeg (node-av). Everything that decodes, encodes or muxes imports FFmpeg's objects from here.
 *
 * Options are set with `setOption` and never passed to `open2` as a Dictionary: node-av frees that one twice and the
 * process dies at its end. FFmpeg's own chatter is off: what matters reaches the user as an AppError.
 */
import { getSystemErrorMap } from 'node:util';
import { AV_LOG_QUIET } from 'node-av/constants';
import {
  Codec,
  type CodecContext,
  FFmpegError,
  type FormatContext,
  Log,
  type SoftwareResampleContext,
} from 'node-av/lib';

export {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_MP3,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AVCHROMA_LOC_LEFT,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_BT709,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_CUR,
  AVSEEK_END,
  AVSEEK_SIZE,
} from 'node-av/constants';
export {
  Codec,
  CodecContext,
  CodecParser,
  FormatContext,
  Frame,
  IOContext,
  Packet,
  Rational,
  SoftwareResampleContext,
} from 'node-av/lib';

Log.setLevel(AV_LOG_QUIET);

/** Throws FFmpeg's own words for a negative result; returns the others. */
export function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${FFmpegError.strerror(result)}`);
  return result;
}

export function describeFfmpegError(result: number): string {
  return FFmpegError.strerror(result);
}

/** With the system's code where it was the system that refused: FFmpeg negates its numbers, as Node does (not on Windows). */
export function ffmpegFailure(result: number): NodeJS.ErrnoException {
  const code = getSystemErrorMap().get(result)?.[0];
  return Object.assign(new Error(describeFfmpegError(result)), code === undefined ? {} : { code });
}

type OptionTarget = CodecContext | FormatContext | SoftwareResampleContext;

/** @throws when an option does not exist: a misspelt one would otherwise be lost in silence. */
export function setOptions(target: OptionTarget, options: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(options)) check(target.setOption(name, value), `option ${name}`);
}

/** An encoder by FFmpeg's name for it; null where this build lacks it. */
export function findEncoder(name: string): Codec | null {
  return Codec.findEncoderByName(name as Parameters<typeof Codec.findEncoderByName>[0]);
}
