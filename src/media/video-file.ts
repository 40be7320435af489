/**
 * Video files: I420 pictures and PCM in, a complete `.mp4` (H.264 + AAC) or `.webm` (VP9 + Opus) out.
 *
 * Pictures lie at n / fps, sound begins at 0 and stays in sync to the sample (the encoder's priming is cut by the
 * file's edit list or codec delay). The file appears under its name when it is finished and not before.
 */
import { AppError } from '../errors.ts';
import { describePictures, PictureTrack, SoundTrack } from './encoder-track.ts';
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  CodecContext,
  check,
  FormatContext,
  ffmpegFailure,
  findEncoder,
  type Packet,
  Rational,
  setOptions,
} from './ffmpeg.ts';
import type { FilmOptions, FilmWriter } from './film.ts';
import type { AudioFrame, ChannelCount } from './frames.ts';
import { createPartFile, type PartFile } from './part-file.ts';

export type Container = 'mp4' | 'webm';

export interface VideoRecipe {
  encoder: string;
  options: Readonly<Record<string, string>>;
  /** Told to the user when this recipe had to be taken. */
  notice?: string;
}

/** In order of preference; the first one that this FFmpeg build has and can open is taken. */
export const VIDEO_RECIPES: Readonly<Record<Container, readonly VideoRecipe[]>> = {
  mp4: [
    { encoder: 'libx264', options: { preset: 'veryfast', crf: '18' } },
    {
      encoder: 'libopenh264',
      options: { rc_mode: 'quality' },
      notice: 'This FFmpeg has no libx264; OpenH264 encodes instead, with a little less quality.',
    },
    {
      encoder: 'mpeg4',
      options: { flags: '+qscale', global_quality: '354' },
      notice: 'This FFmpeg has no H.264 encoder; the .mp4 holds MPEG-4 Part 2, which browsers do not play: use .webm.',
    },
  ],
  webm: [
    { encoder: 'libvpx-vp9', options: { deadline: 'realtime', 'cpu-used': '7', 'row-mt': '1', crf: '24', b: '0' } },
    {
      encoder: 'libvpx',
      options: { deadline: 'realtime', 'cpu-used': '-8', crf: '10', b: '2500000' },
      notice: 'This FFmpeg has no VP9 encoder; the .webm holds VP8.',
    },
  ],
};

/** Both encoders want Float32; 48 kHz is Opus' own rate and fine for AAC. */
const SOUND = {
  mp4: { encoder: 'aac', format: AV_SAMPLE_FMT_FLTP, bitsPerChannelBps: 96_000 },
  webm: { encoder: 'libopus', format: AV_SAMPLE_FMT_FLT, bitsPerChannelBps: 64_000 },
} as const;
const FILE_RATE_HZ = 48_000;
const KEYFRAME_INTERVAL_S = 4;

/** @throws AppError FILE_UNWRITABLE, ENCODER_UNAVAILABLE; its methods WRITE_FAILED when the disk is full. */
export async function createVideoFile(
  path: string,
  container: Container,
  options: FilmOptions,
  recipes: readonly VideoRecipe[] = VIDEO_RECIPES[container],
): Promise<FilmWriter> {
  const part = await createPartFile(path);
  const film = new Film(part, container);
  try {
    await film.open(options, recipes);
  } catch (error) {
    await film.close();
    await part.discard();
    throw error;
  }
  return {
    notices: film.notices,
    writePicture: (i420) => film.writePicture(i420),
    writeAudio: (frame) => film.writeAudio(frame),
    async finish() {
      await film.finish();
      await part.commit();
    },
    async abort() {
      await film.close();
      await part.discard();
    },
  };
}

class Film {
  readonly notices: string[] = [];
  readonly #container: Container;
  readonly #part: PartFile;
  readonly #format = new FormatContext();
  #pictures: PictureTrack | null = null;
  #sound: SoundTrack | null = null;
  #isOpen = true;

  constructor(part: PartFile, container: Container) {
    this.#container = container;
    this.#part = part;
    check(this.#format.allocOutputContext2(null, container, `file:${part.path}`), 'output file');
  }

  async open(options: FilmOptions, recipes: readonly VideoRecipe[]): Promise<void> {
    const { context, notice } = openVideoEncoder(options, recipes);
    if (notice !== undefined) this.notices.push(notice);
    this.#pictures = new PictureTrack(context, (packet) => this.#mux(packet, context, 0));
    if (options.audio !== null) {
      const sound = openSoundEncoder(SOUND[this.#container], options.audio.channels);
      this.#sound = new SoundTrack(sound, options.audio.sampleRateHz, (packet) => this.#mux(packet, sound, 1));
    }
    for (const track of [this.#pictures, this.#sound]) {
      if (track === null) continue;
      const stream = this.#format.newStream();
      check(stream.codecpar.fromContext(track.context), 'stream');
      stream.timeBase = track.context.timeBase;
      if (track === this.#pictures) stream.avgFrameRate = context.framerate;
    }
    if (this.#container === 'mp4') setOptions(this.#format, { movflags: '+faststart' });
    this.#checkWrite(await this.#format.openOutput());
    this.#checkWrite(await this.#format.writeHeader());
  }

  async writePicture(i420: Uint8Array): Promise<void> {
    await this.#pictures?.push(i420);
  }

  async writeAudio(frame: AudioFrame): Promise<void> {
    await this.#sound?.push(frame.samples);
  }

  async finish(): Promise<void> {
    await this.#pictures?.flush();
    await this.#sound?.flush();
    this.#checkWrite(await this.#format.interleavedWriteFrame(null));
    this.#checkWrite(await this.#format.writeTrailer());
    await this.close();
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#pictures?.close();
    await this.#sound?.close();
    await this.#format.closeOutput();
    this.#format.freeContext();
  }

  /** What goes wrong from here on is the disk's doing: full, or gone. */
  #checkWrite(result: number): void {
    if (result < 0) throw this.#part.failed(ffmpegFailure(result));
  }

  #mux(packet: Packet, context: CodecContext, streamIndex: number): void {
    packet.streamIndex = streamIndex;
    packet.rescaleTs(context.timeBase, this.#format.streams[streamIndex].timeBase);
    this.#checkWrite(this.#format.interleavedWriteFrameSync(packet));
  }
}

function openVideoEncoder(
  { widthPx, heightPx, fps }: FilmOptions,
  recipes: readonly VideoRecipe[],
): { context: CodecContext; notice: string | undefined } {
  for (const { encoder, options, notice } of recipes) {
    const codec = findEncoder(encoder);
    if (codec === null) continue;
    const context = new CodecContext();
    context.allocContext3(codec);
    context.width = widthPx;
    context.height = heightPx;
    describePictures(context);
    context.framerate = new Rational(Math.round(fps * 1000), 1000);
    context.timeBase = context.framerate.inv();
    context.gopSize = Math.round(fps * KEYFRAME_INTERVAL_S);
    // The caller's own work fills the other cores; more threads would only cost quality.
    context.threadCount = 1;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    setOptions(context, options);
    if (context.open2Sync(codec) >= 0) return { context, notice };
    context.freeContext();
  }
  const names = recipes.map((recipe) => recipe.encoder).join(', ');
  throw new AppError(
    'ENCODER_UNAVAILABLE',
    `This FFmpeg has no video encoder of ${names}; write a folder of PNGs instead.`,
  );
}

function openSoundEncoder(sound: (typeof SOUND)[Container], channels: ChannelCount): CodecContext {
  const codec = findEncoder(sound.encoder);
  if (codec === null) {
    throw new AppError(
      'ENCODER_UNAVAILABLE',
      `This FFmpeg has no ${sound.encoder} encoder; write a folder of PNGs instead.`,
    );
  }
  const context = new CodecContext();
  context.allocContext3(codec);
  context.sampleRate = FILE_RATE_HZ;
  context.channelLayout = channels === 1 ? AV_CHANNEL_LAYOUT_MONO : AV_CHANNEL_LAYOUT_STEREO;
  context.sampleFormat = sound.format;
  context.bitRate = BigInt(sound.bitsPerChannelBps * channels);
  context.timeBase = new Rational(1, FILE_RATE_HZ);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  check(context.open2Sync(codec), 'sound encoder');
  return context;
}
