/** Sound packed as services pack it, made by FFmpeg. In: samples; out: the bytes of a file, or undefined where this FFmpeg lacks the encoder. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  CodecContext,
  check,
  FormatContext,
  Frame,
  findEncoder,
  Packet,
  Rational,
} from '../../src/media/ffmpeg.ts';
import { pcm16 } from '../../src/media/wav-file.ts';

export interface Packing {
  encoder: string;
  /** FFmpeg's name of the container. */
  container: string;
  sampleRateHz?: number;
  /** What the encoder takes; planar floats unless said otherwise. */
  samples?: 'floats' | 's16' | 's16 planar';
  /** Of the container. */
  options?: Record<string, string>;
}

type SampleFormat = typeof AV_SAMPLE_FMT_FLTP;
/** 1 and 6: FFmpeg's numbers for 16 bits, interleaved and planar. */
const FORMATS = {
  floats: AV_SAMPLE_FMT_FLT as unknown as SampleFormat,
  s16: 1 as SampleFormat,
  's16 planar': 6 as SampleFormat,
};

/** @param samples mono, of the packing's rate (24 kHz). */
export async function packedSound(samples: Float32Array, packing: Packing): Promise<Buffer | undefined> {
  const { encoder, container, sampleRateHz = 24_000, options = {} } = packing;
  const codec = findEncoder(encoder);
  if (codec === null) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'visavis-packed-'));
  const path = join(folder, 'sound');
  const format = new FormatContext();
  const context = new CodecContext();
  try {
    check(format.allocOutputContext2(null, container, `file:${path}`), container);
    context.allocContext3(codec);
    context.sampleRate = sampleRateHz;
    context.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    context.sampleFormat = packing.samples ? FORMATS[packing.samples] : AV_SAMPLE_FMT_FLTP;
    context.timeBase = new Rational(1, sampleRateHz);
    if (encoder.includes('amr_nb')) context.bitRate = 12_200n;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    check(await context.open2(codec), encoder);
    const stream = format.newStream();
    check(stream.codecpar.fromContext(context), 'stream');
    stream.timeBase = context.timeBase;
    for (const [name, value] of Object.entries(options)) check(format.setOption(name, value), name);
    check(await format.openOutput(), 'open');
    check(await format.writeHeader(), 'header');
    const packet = new Packet();
    packet.alloc();
    const drain = async (): Promise<void> => {
      while (context.receivePacketSync(packet) >= 0) {
        packet.streamIndex = 0;
        packet.rescaleTs(context.timeBase, format.streams[0].timeBase);
        check(await format.interleavedWriteFrame(packet), 'packet');
        packet.unref();
      }
    };
    const size = context.frameSize || 1024;
    for (let at = 0; at < samples.length; at += size) {
      const frame = new Frame();
      frame.alloc();
      frame.format = context.sampleFormat;
      frame.sampleRate = sampleRateHz;
      frame.channelLayout = AV_CHANNEL_LAYOUT_MONO;
      frame.nbSamples = size;
      check(frame.getBuffer(), 'frame');
      const part = new Float32Array(size);
      part.set(samples.subarray(at, at + size));
      const bytes = packing.samples?.startsWith('s16') ? pcm16(part) : Buffer.from(part.buffer);
      (frame.data as Buffer[])[0].set(bytes);
      frame.pts = BigInt(at);
      check(await context.sendFrame(frame), 'encode');
      await drain();
      frame.free();
    }
    check(await context.sendFrame(null), 'end');
    await drain();
    check(await format.interleavedWriteFrame(null), 'end');
    check(await format.writeTrailer(), 'trailer');
    packet.free();
    await format.closeOutput();
    return readFileSync(path);
  } finally {
    context.freeContext();
    format.freeContext();
    rmSync(folder, { recursive: true, force: true });
  }
}
