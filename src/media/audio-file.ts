/**
 * Sound from a file: anything FFmpeg reads, any rate, any channel layout, any length.
 *
 * In: a path. Out: a stream of AudioFrames, mono or stereo, at the file's own rate or a wished one, first sample at 0
 * (encoder priming removed). Memory stays constant. Samples are finite and in [-1, 1]. Every error names the file.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../errors.ts';
import {
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  Codec,
  CodecContext,
  check,
  describeFfmpegError,
  FormatContext,
  Frame,
  Packet,
  setOptions,
} from './ffmpeg.ts';
import type { AudioFrame } from './frames.ts';
import { MAX_CHANNELS, SoundMixer } from './sound-mixer.ts';

/** Frames that come out hold at least this much sound, so that tiny packets cost little. */
const MIN_FRAME_S = 0.02;
/** A file whose first sounds are all unreadable is called corrupt after this many packets. */
const MAX_BAD_PACKETS_AT_START = 200;
/** Beyond these a header lies, and a few bytes of it would become hours of sound. */
const MIN_RATE_HZ = 1000;
const MAX_RATE_HZ = 384_000;

export interface AudioFileInfo {
  codecName: string;
  sampleRateHz: number;
  channels: number;
  /** What the container says; null when it does not. */
  durationUs: number | null;
}

export interface AudioFileOptions {
  /** Default: the file's own rate. */
  sampleRateHz?: number;
  /** Mix down to one channel; otherwise a mono file stays mono and everything else becomes stereo. */
  mono?: boolean;
  /** Told once, in one sentence, when the channels to be mixed cancel each other. */
  onWarning?: ((sentence: string) => void) | undefined;
  signal?: AbortSignal;
}

/** Opens the file, decodes its first sound and closes it. @throws as `readAudioFile`. */
export async function probeAudioFile(path: string): Promise<AudioFileInfo> {
  await using source = await openAudio(path);
  const { value } = await decodeAudio(source, path, {}).next();
  if (value === undefined) throw noSound(path);
  return source.info;
}

/**
 * @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE (a folder), NO_AUDIO (no audio stream), AUDIO_INVALID (not a media
 * file, corrupt, or without a single sample); the signal's reason when aborted.
 */
export async function* readAudioFile(path: string, options: AudioFileOptions = {}): AsyncGenerator<AudioFrame> {
  await using source = await openAudio(path);
  let sampleCount = 0;
  for await (const frame of decodeAudio(source, path, options)) {
    yield frame;
    sampleCount += frame.samples.length;
  }
  if (sampleCount === 0) throw noSound(path);
}

export interface AudioSource extends AsyncDisposable {
  format: FormatContext;
  decoder: CodecContext;
  streamIndex: number;
  info: AudioFileInfo;
}

async function openAudio(path: string): Promise<AudioSource> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new AppError('FILE_NOT_FOUND', `There is no audio file ${path}; check the path.`);
  if (found.isDirectory()) {
    throw new AppError('FILE_UNREADABLE', `${path} is a folder; give the path of an audio file.`);
  }
  if (found.isFile() && found.size === 0) {
    throw new AppError('AUDIO_INVALID', `${path} is empty (0 bytes); give a file with sound in it.`);
  }

  const format = new FormatContext();
  format.allocContext();
  // A playlist must not make us open what its author names elsewhere.
  setOptions(format, { protocol_whitelist: 'file' });
  const opened = await format.openInput(`file:${resolve(path)}`);
  if (opened < 0) {
    throw new AppError(
      'AUDIO_INVALID',
      `${path} is not a sound file that can be read (${describeFfmpegError(opened)}); convert it to WAV and try again.`,
    );
  }
  return await openDecoder(format, path);
}

/**
 * @param format opened; closed when this fails, and with the source.
 * @param name for errors.
 */
export async function openDecoder(format: FormatContext, name: string): Promise<AudioSource> {
  let decoder: CodecContext | null = null;
  try {
    await format.findStreamInfo();
    const streamIndex = format.findBestStream(AVMEDIA_TYPE_AUDIO);
    if (streamIndex < 0) {
      // FFmpeg sees some kind of picture in nearly any bytes; it says itself how sure it is, 0 … 100.
      const isVideo = format.probeScore > 25 && format.findBestStream(AVMEDIA_TYPE_VIDEO) >= 0;
      const what = isVideo ? 'is a video without sound' : 'has no sound in it that can be read';
      throw new AppError('NO_AUDIO', `${name} ${what}; give a file with an audio stream.`);
    }
    const stream = format.streams[streamIndex];
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (codec === null) {
      throw new AppError('AUDIO_INVALID', `${name} uses an audio codec that cannot be decoded; convert it to WAV.`);
    }
    decoder = new CodecContext();
    decoder.allocContext3(codec);
    check(decoder.parametersToContext(stream.codecpar), 'audio parameters');
    // Lets the decoder drop the encoder's priming samples by their time stamps.
    decoder.pktTimebase = stream.timeBase;
    decoder.threadCount = 1;
    if (decoder.open2Sync(codec) < 0 || stream.codecpar.sampleRate <= 0 || stream.codecpar.channels <= 0) {
      throw new AppError('AUDIO_INVALID', `The sound in ${name} is damaged and cannot be decoded; try another copy.`);
    }
    const seconds = Number(stream.duration) * stream.timeBase.toDouble();
    const durationUs = seconds > 0 ? Math.round(seconds * 1e6) : Math.max(0, Number(format.duration));
    const context = decoder;
    return {
      format,
      decoder,
      streamIndex,
      info: {
        codecName: codec.name ?? 'unknown',
        sampleRateHz: stream.codecpar.sampleRate,
        channels: stream.codecpar.channels,
        durationUs: durationUs > 0 ? durationUs : null,
      },
      async [Symbol.asyncDispose]() {
        context.freeContext();
        await format.closeInput();
      },
    };
  } catch (error) {
    decoder?.freeContext();
    await format.closeInput();
    throw error;
  }
}

/** @param path or another name, for errors. */
export async function* decodeAudio(
  source: AudioSource,
  path: string,
  options: AudioFileOptions,
): AsyncGenerator<AudioFrame> {
  const { format, decoder, streamIndex, info } = source;
  const channels = options.mono || info.channels === 1 ? 1 : 2;
  const sampleRateHz = options.sampleRateHz ?? info.sampleRateHz;
  using packet = new Packet();
  using decoded = new Frame();
  packet.alloc();
  decoded.alloc();
  using mixer = new SoundMixer(channels, sampleRateHz);

  const chunks: Float32Array[] = [];
  let pendingSamples = 0;
  let emittedSamples = 0;
  const emit = (): AudioFrame => {
    const samples = new Float32Array(pendingSamples);
    let at = 0;
    for (const chunk of chunks) {
      samples.set(chunk, at);
      at += chunk.length;
    }
    chunks.length = 0;
    pendingSamples = 0;
    const timestampUs = Math.round((emittedSamples / channels / sampleRateHz) * 1e6);
    emittedSamples += samples.length;
    return { kind: 'audio', samples, sampleRateHz, channels, timestampUs };
  };
  const take = (chunk: Float32Array) => {
    if (chunk.length === 0) return;
    chunks.push(chunk);
    pendingSamples += chunk.length;
  };

  let badPackets = 0;
  for (let atEnd = false; !atEnd; ) {
    options.signal?.throwIfAborted();
    const read = await format.readFrame(packet);
    atEnd = read < 0;
    if (read < 0 && read !== AVERROR_EOF && emittedSamples + pendingSamples === 0) {
      throw damaged(path);
    }
    if (!atEnd && packet.streamIndex !== streamIndex) {
      packet.unref();
      continue;
    }
    const sent = decoder.sendPacketSync(atEnd ? null : packet);
    if (!atEnd) packet.unref();
    // One damaged packet is skipped, as players do; a file of nothing else is not sound.
    if (sent < 0 && !atEnd && ++badPackets >= MAX_BAD_PACKETS_AT_START && emittedSamples + pendingSamples === 0) {
      throw damaged(path);
    }
    while (decoder.receiveFrameSync(decoded) >= 0) {
      checkFormat(decoded, path);
      take(mixer.convert(decoded));
      decoded.unref();
    }
    if (atEnd) take(mixer.flush());
    if (pendingSamples >= MIN_FRAME_S * sampleRateHz * channels || (atEnd && pendingSamples > 0)) yield emit();
  }
  if (emittedSamples === 0 && badPackets > 0) throw damaged(path);
  if (mixer.hasCancelled)
    options.onWarning?.(
      `The channels of ${path} cancel each other (one is another turned over); the louder one is taken.`,
    );
}

/** It may change within a stream. @throws AppError AUDIO_INVALID. */
function checkFormat({ sampleRate, channelLayout: { nbChannels } }: Frame, path: string): void {
  if (nbChannels > MAX_CHANNELS)
    throw new AppError('AUDIO_INVALID', `${path} has ${nbChannels} channels; mix it down to stereo and try again.`);
  if (sampleRate < MIN_RATE_HZ || sampleRate > MAX_RATE_HZ)
    throw new AppError(
      'AUDIO_INVALID',
      `${path} has ${sampleRate} samples a second; convert it to between ${MIN_RATE_HZ} and ${MAX_RATE_HZ}.`,
    );
}

function damaged(path: string): AppError {
  return new AppError('AUDIO_INVALID', `The sound in ${path} is damaged and cannot be decoded; try another copy.`);
}

function noSound(path: string): AppError {
  return new AppError('AUDIO_INVALID', `${path} holds no sound (zero length); give a file with sound in it.`);
}
