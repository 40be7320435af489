/**
 * Opus (RFC 6716) for calls: 48 kHz mono Float32 in 20 ms packets ⇄ Opus packets, through libopus. Int16 and float formats of
 * the library stay in here. One instance per direction and call.
 */
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  Codec,
  CodecContext,
  check,
  Frame,
  Packet,
  Rational,
  setOptions,
} from './ffmpeg.ts';

export const OPUS_RATE_HZ = 48_000;
export const OPUS_PACKET_SAMPLES = 960;

export class OpusEncoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly frame = new Frame();
  private readonly packet = new Packet();
  private samplePosition = 0n;

  /** @param bitrateBps 32 kbit/s is transparent for speech. */
  constructor(bitrateBps = 32_000) {
    const codec = Codec.findEncoderByName('libopus' as never);
    if (!codec) throw new Error('this FFmpeg build has no libopus');
    this.context.allocContext3(codec);
    this.context.sampleRate = OPUS_RATE_HZ;
    this.context.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    this.context.sampleFormat = AV_SAMPLE_FMT_FLT;
    this.context.bitRate = BigInt(bitrateBps);
    this.context.timeBase = new Rational(1, OPUS_RATE_HZ);
    // In-band FEC carries a coarse copy of the packet before, so that a lost one is heard all the same.
    setOptions(this.context, {
      application: 'voip',
      frame_duration: '20',
      fec: '1',
      packet_loss: '5',
      // Half the time of the default, 10, for speech that measures the same (bands' levels within 0.1 dB).
      compression_level: '5',
    });
    check(this.context.open2Sync(codec, null), 'opus encoder');
    this.frame.alloc();
    this.frame.format = AV_SAMPLE_FMT_FLT;
    this.frame.sampleRate = OPUS_RATE_HZ;
    this.frame.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    this.frame.nbSamples = OPUS_PACKET_SAMPLES;
    check(this.frame.getBuffer(0), 'opus frame');
    this.packet.alloc();
  }

  /** @param samples exactly 960. @returns the packet; libopus holds none back. */
  encode(samples: Float32Array): Uint8Array {
    check(this.frame.makeWritable(), 'opus frame');
    const plane = this.frame.data![0]!;
    new Float32Array(plane.buffer, plane.byteOffset, OPUS_PACKET_SAMPLES).set(samples);
    this.frame.pts = this.samplePosition;
    this.samplePosition += BigInt(OPUS_PACKET_SAMPLES);
    check(this.context.sendFrameSync(this.frame), 'opus encode');
    check(this.context.receivePacketSync(this.packet), 'opus encode');
    const data = Uint8Array.from(this.packet.data!);
    this.packet.unref();
    return data;
  }

  [Symbol.dispose](): void {
    this.packet.free();
    this.frame.free();
    this.context.freeContext();
  }
}

export class OpusDecoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly frame = new Frame();
  private readonly packet = new Packet();

  constructor() {
    const codec = Codec.findDecoderByName('libopus' as never);
    if (!codec) throw new Error('this FFmpeg build has no libopus');
    this.context.allocContext3(codec);
    this.context.sampleRate = OPUS_RATE_HZ;
    this.context.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    check(this.context.open2Sync(codec, null), 'opus decoder');
    this.frame.alloc();
    this.packet.alloc();
  }

  /** @returns 48 kHz mono; empty for a packet that is not Opus, because what a stranger sends must not end a call. */
  decode(data: Uint8Array): Float32Array {
    this.packet.unref();
    this.packet.data = Buffer.from(data);
    if (this.context.sendPacketSync(this.packet) < 0) return new Float32Array(0);
    const parts: Float32Array[] = [];
    while (this.context.receiveFrameSync(this.frame) >= 0) {
      const plane = this.frame.data![0]!;
      const count = this.frame.nbSamples;
      const isFloat = this.frame.format === AV_SAMPLE_FMT_FLT || this.frame.format === AV_SAMPLE_FMT_FLTP;
      const channels = this.frame.format === AV_SAMPLE_FMT_FLTP ? 1 : this.frame.channels;
      const samples = new Float32Array(count);
      for (let i = 0; i < count; i++)
        samples[i] = isFloat ? plane.readFloatLE(i * channels * 4) : plane.readInt16LE(i * channels * 2) / 32768;
      parts.push(samples);
      this.frame.unref();
    }
    if (parts.length === 1) return parts[0]!;
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  [Symbol.dispose](): void {
    this.packet.free();
    this.frame.free();
    this.context.freeContext();
  }
}
