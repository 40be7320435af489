/**
 * What an engine worker makes of a motion frame. In: motion frames into numbered slots, later the slot that is due. Out: an encoded frame:
 * a picture, drawn and compressed here, or the motion itself, for a viewer that draws.
 */
import type { VideoRate } from '../media/bitrate-control.ts';
import { type EncodedFrame, i420Bytes } from '../media/frames.ts';
import { type LiveCodec, LiveVideoEncoder } from '../media/live-video-encoder.ts';
import type { FaceRig } from './face-rig.ts';
import type { MotionFrame } from './motion-frame.ts';
import { packMotion } from './motion-packet.ts';
import { FaceRenderer } from './render/face-renderer.ts';

export interface FaceOutput extends Disposable {
  /** Puts the frame into a slot, as a picture or as it is. */
  fill(slot: number, frame: MotionFrame): void;
  /** @returns undefined while there is no encoder. */
  encode(slot: number, timestampUs: number): EncodedFrame | undefined;
  setEncoder(codec: LiveCodec, rate: VideoRate): void;
  setRate(rate: VideoRate): void;
  requestKeyframe(): void;
}

export class PictureOutput implements FaceOutput {
  private readonly sizePx: number;
  private readonly renderer: FaceRenderer;
  private readonly pictures: Uint8Array[];
  private encoder: LiveVideoEncoder | undefined;

  constructor(rig: FaceRig, slots: number, { sizePx }: { sizePx: number }) {
    this.sizePx = sizePx;
    this.renderer = new FaceRenderer(rig, { sizePx });
    this.pictures = Array.from({ length: slots }, () => new Uint8Array(i420Bytes(sizePx, sizePx)));
  }

  fill(slot: number, frame: MotionFrame): void {
    this.renderer.render(frame, this.pictures[slot]!);
  }

  encode(slot: number, timestampUs: number): EncodedFrame | undefined {
    return this.encoder?.encode(this.pictures[slot]!, timestampUs);
  }

  setEncoder(codec: LiveCodec, { bitrateBps, fps }: VideoRate): void {
    this.encoder?.[Symbol.dispose]();
    this.encoder = new LiveVideoEncoder({ codec, sizePx: this.sizePx, fps, bitrateBps });
  }

  setRate(rate: VideoRate): void {
    this.encoder?.setRate(rate);
  }

  requestKeyframe(): void {
    this.encoder?.requestKeyframe();
  }

  [Symbol.dispose](): void {
    this.encoder?.[Symbol.dispose]();
  }
}

/** Each frame is whole in itself and small: nothing to draw, no codec, no keyframes. */
export class MotionOutput implements FaceOutput {
  private readonly durationUs: number;
  private readonly packets: Uint8Array[] = [];

  constructor(fps: number) {
    this.durationUs = Math.round(1e6 / fps);
  }

  fill(slot: number, frame: MotionFrame): void {
    this.packets[slot] = packMotion(frame);
  }

  encode(slot: number, timestampUs: number): EncodedFrame {
    return {
      kind: 'video',
      mimeType: 'application/x-visavis-motion',
      data: this.packets[slot]!,
      timestampUs,
      durationUs: this.durationUs,
      isKeyframe: true,
    };
  }

  setEncoder(): void {
    throw new Error('a face that its viewer draws has no video encoder');
  }

  setRate(): void {}
  requestKeyframe(): void {}
  [Symbol.dispose](): void {}
}
