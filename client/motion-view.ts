/**
 * A face that is drawn here. In: the messages of the motion channel, and which instant of the sound is heard. Out: pictures on a canvas,
 * each with its own sound, at the screen's rate: between two frames of the server the face is in between.
 */
import type { FaceRig } from '../src/engine/face-rig.ts';
import { BLENDSHAPE_NAMES, type MotionFrame } from '../src/engine/motion-frame.ts';
import { unpackMotion } from '../src/engine/motion-packet.ts';
import { openMotion } from '../src/signaling/motion-channel.ts';
import { rtpDistance } from './audible-clock.ts';
import { WebglFaceRenderer } from './webgl-renderer.ts';

const RTP_HZ = 48_000;
/** About two seconds: what a hidden page does not draw is forgotten. */
const MAX_WAITING = 64;
/** Frames farther apart than this are not two of one movement. */
const MAX_GAP_S = 0.25;
/** Motion so far from the sound belongs to another time: then the newest is shown. */
const MAX_APART_S = 2;

interface Waiting {
  rtp: number;
  frame: MotionFrame;
}

export class MotionView {
  readonly canvas: HTMLCanvasElement;
  private readonly renderer: WebglFaceRenderer;
  /** In the order of their sound. */
  private waiting: Waiting[] = [];
  private framesShown = 0;
  private lastDrawn: number | undefined;

  /** @throws Error where the browser has no WebGL 2. */
  constructor(canvas: HTMLCanvasElement, rig: FaceRig, sizePx: number) {
    this.canvas = canvas;
    this.renderer = new WebglFaceRenderer(canvas, rig, { sizePx });
  }

  /** Frames of the server that were shown so far. */
  get frameCount(): number {
    return this.framesShown;
  }

  /** @throws AppError MOTION_INVALID from a server of another version. */
  receive(message: ArrayBuffer): void {
    const { audioRtpTimestamp: rtp, packet } = openMotion(message);
    const frame = unpackMotion(packet, 0);
    // Messages may overtake one another.
    const at = this.waiting.findLastIndex((other) => rtpDistance(other.rtp, rtp) > 0) + 1;
    this.waiting.splice(at, 0, { rtp, frame });
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
  }

  /** Another connection, another clock. */
  forget(): void {
    this.waiting = [];
  }

  /**
   * Draws the face as it is at this instant of the sound; the newest there is, where no sound is heard.
   * @returns how much later (ms) than its sound the drawn frame is; undefined when nothing new was drawn.
   */
  draw(audibleRtp: number | undefined): number | undefined {
    const newest = this.waiting.at(-1);
    if (!newest) return undefined;
    const isApart = audibleRtp === undefined || Math.abs(rtpDistance(audibleRtp, newest.rtp)) > MAX_APART_S * RTP_HZ;
    if (isApart) {
      this.waiting = [newest];
      this.show(newest.frame, newest.rtp);
      return undefined;
    }
    const current = this.waiting.findLastIndex(({ rtp }) => rtpDistance(rtp, audibleRtp) >= 0);
    if (current < 0) return undefined;
    this.waiting.splice(0, current);
    const [from, to] = this.waiting;
    const spanS = to ? rtpDistance(from!.rtp, to.rtp) / RTP_HZ : 0;
    const sinceS = rtpDistance(from!.rtp, audibleRtp) / RTP_HZ;
    this.show(to && spanS < MAX_GAP_S ? between(from!.frame, to.frame, sinceS / spanS) : from!.frame, from!.rtp);
    return to ? 0 : sinceS * 1000;
  }

  private show(frame: MotionFrame, rtp: number): void {
    if (rtp !== this.lastDrawn) this.framesShown += 1;
    this.lastDrawn = rtp;
    this.renderer.draw(frame);
  }

  dispose(): void {
    this.renderer.dispose();
  }
}

function between(from: MotionFrame, to: MotionFrame, share: number): MotionFrame {
  const mix = (a: number, b: number): number => a + (b - a) * share;
  const pose = { ...from.pose };
  for (const key of Object.keys(pose) as (keyof typeof pose)[]) pose[key] = mix(from.pose[key], to.pose[key]);
  const blendshapes: MotionFrame['blendshapes'] = {};
  for (const name of BLENDSHAPE_NAMES) {
    const weight = mix(from.blendshapes[name] ?? 0, to.blendshapes[name] ?? 0);
    if (weight > 0) blendshapes[name] = weight;
  }
  return {
    timestampUs: 0,
    pose,
    gaze: {
      yawRad: mix(from.gaze.yawRad, to.gaze.yawRad),
      pitchRad: mix(from.gaze.pitchRad, to.gaze.pitchRad),
    },
    blendshapes,
  };
}
