/**
 * A face before another background, or before none. In: a rig; out: a rig with one colour behind the person, or a renderer of the person alone
 * as RGBA. Works with any rasteriser: the person is drawn before black and before white, and what differs is what shows through.
 */
import type { FaceRig } from '../face-rig.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { FaceRenderer, type FaceRendererOptions } from './face-renderer.ts';

export type Rgb = readonly [red: number, green: number, blue: number];

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

export function withBackground(rig: FaceRig, color: Rgb): FaceRig {
  const data = new Uint8Array(rig.background.data.length);
  for (let at = 0; at < data.length; at += 4) data.set([...color, 255], at);
  return { ...rig, background: { ...rig.background, data } };
}

/** The person alone; straight alpha. */
export class CutOutRenderer {
  readonly #onBlack: FaceRenderer;
  readonly #onWhite: FaceRenderer;

  constructor(rig: FaceRig, options: FaceRendererOptions = {}) {
    this.#onBlack = new FaceRenderer(withBackground(rig, BLACK), options);
    this.#onWhite = new FaceRenderer(withBackground(rig, WHITE), options);
  }

  /** Draws `frame` as RGBA into `out`. */
  render(frame: MotionFrame, out: Uint8Array): void {
    const black = this.#onBlack.renderRgba(frame);
    const white = this.#onWhite.renderRgba(frame);
    for (let at = 0; at < black.length; at += 4) {
      const through = (white[at]! - black[at]! + white[at + 1]! - black[at + 1]! + white[at + 2]! - black[at + 2]!) / 3;
      const alpha = Math.round(Math.min(255, Math.max(0, 255 - through)));
      out[at + 3] = alpha;
      for (let c = 0; c < 3; c++)
        out[at + c] = alpha === 0 ? 0 : Math.min(255, Math.round((black[at + c]! * 255) / alpha));
    }
  }
}
