/**
 * One track of a film: raw pictures or sound in, encoded packets out in order.
 *
 * Each encoder works on FFmpeg's own thread with one frame in flight, so that the caller makes the next frame
 * meanwhile. Two frames are allocated per track and used in turn. Not re-entrant: await every call.
 */
import {
  AV_PIX_FMT_YUV420P,
  AV_SAMPLE_FMT_FLTP,
  AVCHROMA_LOC_LEFT,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_BT709,
  type CodecContext,
  check,
  Frame,
  Packet,
} from './ffmpeg.ts';
import { Resampler } from './resampler.ts';

export class EncoderTrack {
  readonly context: CodecContext;
  readonly #onPacket: (packet: Packet) => void;
  readonly #packet = new Packet();
  #inFlight: Promise<number> | null = null;

  /** @param onPacket gets each packet in the encoder's time base; it must not keep it. */
  constructor(context: CodecContext, onPacket: (packet: Packet) => void) {
    this.context = context;
    this.#onPacket = onPacket;
    this.#packet.alloc();
  }

  /** Hands a frame to the encoder's thread once it is done with the one before; null means that no more will come. */
  async submit(frame: Frame | null): Promise<void> {
    await this.settle();
    this.#inFlight = this.context.sendFrame(frame);
  }

  /** Waits for the encoder's thread and passes its packets on. */
  async settle(): Promise<void> {
    if (this.#inFlight === null) return;
    const result = await this.#inFlight;
    this.#inFlight = null;
    check(result, 'encoder');
    while (this.context.receivePacketSync(this.#packet) >= 0) {
      this.#onPacket(this.#packet);
      this.#packet.unref();
    }
  }

  async flush(): Promise<void> {
    await this.submit(null);
    await this.settle();
  }

  /** Frees the encoder, after whatever its thread is doing. */
  async close(): Promise<void> {
    await this.#inFlight?.catch(() => undefined);
    this.#inFlight = null;
    this.#packet.free();
    this.context.freeContext();
  }
}

/** Pictures at a constant rate; time base 1 / fps. */
export class PictureTrack extends EncoderTrack {
  readonly #frames: Frame[];
  #count = 0;

  constructor(context: CodecContext, onPacket: (packet: Packet) => void) {
    super(context, onPacket);
    this.#frames = [0, 1].map(() => {
      const frame = new Frame();
      frame.alloc();
      frame.format = AV_PIX_FMT_YUV420P;
      frame.width = context.width;
      frame.height = context.height;
      check(frame.getBuffer(), 'picture memory');
      return frame;
    });
  }

  /** @param i420 planes Y, U, V without padding; free for reuse as soon as this returns its promise. */
  async push(i420: Uint8Array): Promise<void> {
    const frame = this.#frames[this.#count % 2];
    check(frame.makeWritable(), 'picture memory');
    fillPlanes(frame, i420);
    frame.pts = BigInt(this.#count++);
    frame.duration = 1n;
    await this.submit(frame);
  }

  override async close(): Promise<void> {
    await super.close();
    for (const frame of this.#frames) frame.free();
  }
}

/** Tags: what our renderers draw is BT.601 limited range with sRGB's primaries. To be set before the encoder is opened. */
export function describePictures(context: CodecContext): void {
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.colorRange = AVCOL_RANGE_MPEG;
  context.colorSpace = AVCOL_SPC_SMPTE170M;
  context.colorPrimaries = AVCOL_PRI_BT709;
  context.colorTrc = AVCOL_TRC_BT709;
  context.chromaLocation = AVCHROMA_LOC_LEFT;
}

function fillPlanes(frame: Frame, i420: Uint8Array): void {
  const { width, height, linesize } = frame;
  const planes = frame.data as Buffer[];
  let at = 0;
  for (let p = 0; p < 3; p++) {
    const rowBytes = p === 0 ? width : width / 2;
    const rows = p === 0 ? height : height / 2;
    if (linesize[p] === rowBytes) {
      planes[p].set(i420.subarray(at, at + rowBytes * rows));
    } else {
      for (let y = 0; y < rows; y++) {
        planes[p].set(i420.subarray(at + y * rowBytes, at + (y + 1) * rowBytes), y * linesize[p]);
      }
    }
    at += rowBytes * rows;
  }
}

/** Sound of any rate, resampled to the encoder's and cut into its frames; time base 1 / sample rate. */
export class SoundTrack extends EncoderTrack {
  readonly #channels: number;
  readonly #resampler: Resampler;
  readonly #frameSamples: number;
  readonly #frames: Frame[];
  /** Interleaved samples that do not fill a frame yet. */
  readonly #pending: Float32Array;
  #pendingLength = 0;
  #frameCount = 0;

  /** @param context an open encoder for Float32, planar or interleaved. */
  constructor(context: CodecContext, inputRateHz: number, onPacket: (packet: Packet) => void) {
    super(context, onPacket);
    this.#channels = context.channels;
    this.#resampler = new Resampler(inputRateHz, context.sampleRate, this.#channels);
    this.#frameSamples = context.frameSize;
    this.#pending = new Float32Array(this.#frameSamples * this.#channels);
    this.#frames = [0, 1].map(() => {
      const frame = new Frame();
      frame.alloc();
      frame.format = context.sampleFormat;
      frame.sampleRate = context.sampleRate;
      frame.channelLayout = context.channelLayout;
      frame.nbSamples = this.#frameSamples;
      check(frame.getBuffer(), 'sound memory');
      return frame;
    });
  }

  /** @param samples interleaved, of the rate and channel count announced. */
  async push(samples: Float32Array): Promise<void> {
    await this.#encode(this.#resampler.push(samples));
  }

  override async flush(): Promise<void> {
    await this.#encode(this.#resampler.flush());
    if (this.#pendingLength > 0) await this.#submitPending();
    await super.flush();
  }

  override async close(): Promise<void> {
    await super.close();
    for (const frame of this.#frames) frame.free();
  }

  async #encode(samples: Float32Array): Promise<void> {
    for (let at = 0; at < samples.length; ) {
      const count = Math.min(samples.length - at, this.#pending.length - this.#pendingLength);
      this.#pending.set(samples.subarray(at, at + count), this.#pendingLength);
      this.#pendingLength += count;
      at += count;
      if (this.#pendingLength === this.#pending.length) await this.#submitPending();
    }
  }

  async #submitPending(): Promise<void> {
    const frame = this.#frames[this.#frameCount % 2];
    const channels = this.#channels;
    const sampleCount = this.#pendingLength / channels;
    frame.nbSamples = this.#frameSamples;
    check(frame.makeWritable(), 'sound memory');
    const planes = frame.data as Buffer[];
    if (this.context.sampleFormat === AV_SAMPLE_FMT_FLTP) {
      for (let c = 0; c < channels; c++) {
        const plane = floatView(planes[c], this.#frameSamples);
        for (let i = 0; i < sampleCount; i++) plane[i] = this.#pending[i * channels + c];
      }
    } else {
      floatView(planes[0], this.#pending.length).set(this.#pending);
    }
    // Both encoders take a short last frame and note in the file how many samples it holds.
    frame.nbSamples = sampleCount;
    frame.pts = BigInt(this.#frameCount++ * this.#frameSamples);
    this.#pendingLength = 0;
    await this.submit(frame);
  }
}

function floatView(bytes: Buffer, length: number): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, length);
}
