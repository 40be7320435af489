/**
 * MP3 and AAC as they arrive: frames that each tell where they end, decoded as soon as they are complete. In: bytes cut anywhere, from the first
 * frame's mark on; out: 48 kHz mono. Damaged frames are left out, as players do.
 */
import { AppError } from '../errors.ts';
import { AV_CODEC_ID_AAC, AV_CODEC_ID_MP3, Codec, CodecContext, CodecParser, check, Frame, Packet } from './ffmpeg.ts';
import { joinedSamples } from './joined-samples.ts';
import { SoundMixer } from './sound-mixer.ts';

const OUTPUT_RATE_HZ = 48_000;
/** No sound after so many bytes: these are no frames. */
const MAX_BYTES_WITHOUT_SOUND = 64 * 1024;
/** The parser looks ahead by this much, which has to be given to it at the end. */
const PADDING = Buffer.alloc(64);

export class FrameStream implements Disposable {
  private readonly name: string;
  private readonly parser = new CodecParser();
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  private readonly frame = new Frame();
  private readonly mixer = new SoundMixer(1, OUTPUT_RATE_HZ);
  private silentBytes = 0;
  private isFirst = true;
  /** Silence that the encoder put in front, in samples of its own rate. */
  private delaySamples = 0;
  private isOpen = true;

  constructor(name: 'MP3' | 'AAC') {
    this.name = name;
    const id = name === 'MP3' ? AV_CODEC_ID_MP3 : AV_CODEC_ID_AAC;
    const codec = Codec.findDecoder(id);
    if (codec === null) throw new AppError('AUDIO_INVALID', `The sound is ${name}, which this FFmpeg cannot decode.`);
    this.parser.init(id);
    this.context.allocContext3(codec);
    this.context.threadCount = 1;
    check(this.context.open2Sync(codec), 'sound decoder');
    this.packet.alloc();
    this.frame.alloc();
  }

  /** @throws AppError AUDIO_INVALID where nothing of it can be decoded. */
  push(bytes: Uint8Array): Float32Array {
    const parts: Float32Array[] = [];
    this.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), parts);
    this.silentBytes = parts.length > 0 ? 0 : this.silentBytes + bytes.length;
    if (this.silentBytes > MAX_BYTES_WITHOUT_SOUND)
      throw new AppError('AUDIO_INVALID', `The sound is ${this.name} that cannot be decoded, not WAV or 16-bit PCM.`);
    return joinedSamples(parts);
  }

  /** The last frame, and the filter's rest; frees the decoder. */
  flush(): Float32Array {
    if (!this.isOpen) return new Float32Array(0);
    const parts: Float32Array[] = [];
    this.parse(PADDING, parts);
    this.parse(Buffer.alloc(0), parts);
    this.context.sendPacketSync(null);
    this.receive(parts);
    parts.push(this.mixer.flush());
    this[Symbol.dispose]();
    return joinedSamples(parts);
  }

  private parse(bytes: Buffer, parts: Float32Array[]): void {
    let at = 0;
    do {
      const used = this.parser.parse2(this.context, this.packet, bytes.subarray(at), 0n, 0n, 0);
      if (used < 0) return;
      at += used;
      if (this.packet.size > 0) this.decode(parts);
      else if (used === 0) return;
    } while (at < bytes.length);
  }

  private decode(parts: Float32Array[]): void {
    // The first frame of many files is a list of contents, and silent.
    const index = this.isFirst ? indexOf(this.packet.data) : undefined;
    this.isFirst = false;
    this.delaySamples += index?.delaySamples ?? 0;
    if (!index && this.context.sendPacketSync(this.packet) >= 0) this.receive(parts);
    this.packet.unref();
  }

  private receive(parts: Float32Array[]): void {
    while (this.context.receiveFrameSync(this.frame) >= 0) {
      const samples = this.mixer.convert(this.frame);
      const skipped = Math.min(
        samples.length,
        Math.round((this.delaySamples * OUTPUT_RATE_HZ) / this.frame.sampleRate),
      );
      this.delaySamples -= Math.round((skipped * this.frame.sampleRate) / OUTPUT_RATE_HZ);
      if (samples.length > skipped) parts.push(samples.subarray(skipped));
      this.frame.unref();
    }
  }

  [Symbol.dispose](): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.parser.close();
    this.context.freeContext();
    this.packet.free();
    this.frame.free();
    this.mixer[Symbol.dispose]();
  }
}

/** The decoder's own delay comes on top of the encoder's. */
const DECODER_DELAY_SAMPLES = 529;

/** Of an MP3's list of contents: how much silence its encoder put in front; undefined where the frame is none. */
function indexOf(frame: Buffer | null): { delaySamples: number } | undefined {
  const at =
    frame
      ?.subarray(0, 64)
      .toString('latin1')
      .search(/Xing|Info|VBRI/) ?? -1;
  if (!frame || at < 0) return undefined;
  if (frame.length < at + 8) return { delaySamples: 0 };
  const flags = frame.readUInt32BE(at + 4);
  const encoderAt = at + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  const isTold =
    frame.toString('latin1', at, at + 4) !== 'VBRI' && encoderAt + 23 < frame.length && frame[encoderAt] !== 0;
  if (!isTold) return { delaySamples: 0 };
  return { delaySamples: DECODER_DELAY_SAMPLES + ((frame[encoderAt + 21]! << 4) | (frame[encoderAt + 22]! >> 4)) };
}
