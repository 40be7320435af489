/**
 * VP8 and H.264 for calls: one I420 picture in, one encoded frame out, no delay, keyframe on request, bitrate changes while it
 * runs. Planes are written straight into FFmpeg's frame. Runs in the engine's worker threads.
 */
import type { VideoRate } from './bitrate-control.ts';
import {
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  Codec,
  CodecContext,
  check,
  Frame,
  Packet,
  Rational,
  setOptions,
} from './ffmpeg.ts';
import type { EncodedFrame } from './frames.ts';

export type LiveCodec = 'VP8' | 'H264';

interface Recipe {
  encoder: string;
  options: Record<string, string>;
  /** How far pictures may run ahead of the bitrate, s: keyframes, above all, which are poor without it and a burst with too much of it. */
  bufferS: number;
  /** libvpx through FFmpeg ignores a new bitrate on an open encoder: it has to be opened again, with a keyframe. */
  reopensForBitrate: boolean;
}

const RECIPES: Record<LiveCodec, Recipe[]> = {
  // A negative cpu-used fixes the speed instead of adapting it: half the time of 8 at nearly the same quality; beyond -8 quality falls fast.
  // A block of 16 × 16 whose squared errors sum up to less than static-thresh (1.4 levels a pixel) is left as it was. On a smooth face that takes
  // up to 40 % of the time and a quarter of the bits, and 48 dB become 46; pictures below 46 dB stay within 0.2 dB.
  VP8: [
    {
      encoder: 'libvpx',
      options: { deadline: 'realtime', 'cpu-used': '-8', 'lag-in-frames': '0', 'static-thresh': '500' },
      bufferS: 1,
      reopensForBitrate: true,
    },
  ],
  H264: [
    {
      encoder: 'h264_nvenc',
      options: { preset: 'p2', tune: 'ull', profile: 'baseline', 'forced-idr': '1', zerolatency: '1' },
      bufferS: 0.5,
      reopensForBitrate: false,
    },
    {
      encoder: 'libx264',
      options: { preset: 'ultrafast', tune: 'zerolatency', profile: 'baseline', 'forced-idr': '1' },
      bufferS: 0.5,
      reopensForBitrate: false,
    },
  ],
};

export interface LiveVideoOptions {
  codec: LiveCodec;
  sizePx: number;
  fps: number;
  bitrateBps: number;
}

export class LiveVideoEncoder implements Disposable {
  readonly options: LiveVideoOptions;
  /** The FFmpeg encoder in use, e.g. `libvpx`. */
  readonly encoderName: string;
  private readonly recipe: Recipe;
  private context: CodecContext;
  private readonly frame = new Frame();
  /** Of `frame`; each look at them through FFmpeg costs the garbage collector a picture. */
  private planes: Uint8Array[];
  private readonly packet = new Packet();
  private readonly openedFps: number;
  private wantsKeyframe = true;

  /** @throws Error where none of the codec's encoders opens. */
  constructor(options: LiveVideoOptions) {
    this.options = { ...options };
    this.openedFps = options.fps;
    const opened = RECIPES[options.codec].flatMap((recipe) => {
      const context = this.open(recipe);
      return context ? [{ recipe, context }] : [];
    })[0];
    if (!opened) throw new Error(`no encoder for ${options.codec} in this FFmpeg build`);
    this.recipe = opened.recipe;
    this.context = opened.context;
    this.encoderName = opened.recipe.encoder;
    this.frame.alloc();
    this.frame.format = AV_PIX_FMT_YUV420P;
    this.frame.width = options.sizePx;
    this.frame.height = options.sizePx;
    check(this.frame.getBuffer(0), 'video frame');
    this.planes = this.frame.data!;
    this.packet.alloc();
  }

  private open(recipe: Recipe): CodecContext | undefined {
    const codec = Codec.findEncoderByName(recipe.encoder as never);
    if (!codec) return undefined;
    const { sizePx, fps, bitrateBps } = this.options;
    const context = new CodecContext();
    context.allocContext3(codec);
    context.width = sizePx;
    context.height = sizePx;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new Rational(1, 1_000_000);
    context.framerate = new Rational(fps, 1);
    applyBitrate(context, bitrateBps, recipe.bufferS);
    context.gopSize = 1_000_000; // keyframes only when a viewer asks
    context.maxBFrames = 0;
    context.threadCount = 1;
    // Least and most alike: constant bitrate. Otherwise libvpx runs half as much again ahead, and begins with 100 KB.
    if (recipe.encoder === 'libvpx') context.rcMinRate = BigInt(bitrateBps);
    setOptions(context, recipe.options);
    if (context.open2Sync(codec, null) >= 0) return context;
    context.freeContext();
    return undefined;
  }

  requestKeyframe(): void {
    this.wantsKeyframe = true;
  }

  /** @param rate.fps pictures a second that will be given to it from now on. */
  setRate({ bitrateBps, fps }: VideoRate): void {
    if (bitrateBps === this.options.bitrateBps && fps === this.options.fps) return;
    Object.assign(this.options, { bitrateBps, fps });
    if (!this.recipe.reopensForBitrate) {
      // An open x264 shares its bits among as many pictures as it was opened for.
      applyBitrate(this.context, Math.round((bitrateBps * this.openedFps) / fps), this.recipe.bufferS);
      return;
    }
    const next = this.open(this.recipe);
    if (!next) return;
    this.context.freeContext();
    this.context = next;
    this.wantsKeyframe = true;
  }

  /** @param i420 sizePx² · 3/2 bytes. */
  encode(i420: Uint8Array, timestampUs: number): EncodedFrame {
    const { sizePx, fps, codec } = this.options;
    if (!this.frame.isWritable) {
      // The encoder still holds it: other memory takes its place.
      check(this.frame.makeWritable(), 'video frame');
      this.planes = this.frame.data!;
    }
    const { planes } = this;
    const strides = this.frame.linesize;
    const half = sizePx / 2;
    copyPlane(i420, 0, sizePx, sizePx, planes[0]!, strides[0]!);
    copyPlane(i420, sizePx * sizePx, half, half, planes[1]!, strides[1]!);
    copyPlane(i420, sizePx * sizePx + half * half, half, half, planes[2]!, strides[2]!);
    this.frame.pts = BigInt(timestampUs);
    this.frame.pictType = this.wantsKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    this.wantsKeyframe = false;
    check(this.context.sendFrameSync(this.frame), `${this.encoderName} encode`);
    check(this.context.receivePacketSync(this.packet), `${this.encoderName} encode`);
    const encoded: EncodedFrame = {
      kind: 'video',
      mimeType: `video/${codec}`,
      data: Uint8Array.from(this.packet.data!),
      timestampUs,
      durationUs: Math.round(1e6 / fps),
      isKeyframe: this.packet.isKeyframe,
    };
    this.packet.unref();
    return encoded;
  }

  [Symbol.dispose](): void {
    this.packet.free();
    this.frame.free();
    this.context.freeContext();
  }
}

function applyBitrate(context: CodecContext, bitrateBps: number, bufferS: number): void {
  context.bitRate = BigInt(bitrateBps);
  context.rcMaxRate = BigInt(bitrateBps);
  context.rcBufferSize = Math.round(bitrateBps * bufferS);
}

function copyPlane(
  source: Uint8Array,
  from: number,
  width: number,
  height: number,
  target: Uint8Array,
  stride: number,
): void {
  if (stride === width) {
    target.set(source.subarray(from, from + width * height));
    return;
  }
  for (let y = 0; y < height; y++) target.set(source.subarray(from + y * width, from + (y + 1) * width), y * stride);
}
