/**
 * A face drawn in the page, alive: the rig is fetched, motion comes in, and with every picture of the screen the instant that is heard is
 * drawn. Out: a canvas, how many frames were shown, how far they are from their sound.
 */
import { AudibleClock } from './audible-clock.ts';
import { MotionView } from './motion-view.ts';
import { openRig } from './open-rig.ts';

/** As sharp as the screen, within what the rig holds. */
const SIZE_PX = { min: 512, max: 1024 };

export class DrawnFace {
  readonly canvas: HTMLCanvasElement;
  private readonly view: MotionView;
  private clock = new AudibleClock(performance.timeOrigin);
  private isDisposed = false;
  /** How much later than its sound the last frame was drawn, ms. */
  skewMs: number | undefined;

  private constructor(canvas: HTMLCanvasElement, view: MotionView) {
    this.canvas = canvas;
    this.view = view;
  }

  /** @param sidePx of the canvas on the screen. @throws Error where the rig cannot be had or this browser cannot draw it. */
  static async open(rigUrl: string, sidePx: number): Promise<DrawnFace> {
    const rig = await openRig(rigUrl);
    const canvas = document.createElement('canvas');
    const sizePx = Math.max(SIZE_PX.min, Math.min(SIZE_PX.max, Math.round(sidePx)));
    return new DrawnFace(canvas, new MotionView(canvas, rig, sizePx));
  }

  get frameCount(): number {
    return this.view.frameCount;
  }

  /** @throws AppError MOTION_INVALID from a server of another version. */
  receive(message: ArrayBuffer): void {
    this.view.receive(message);
  }

  /** Another connection, another clock. */
  restart(): void {
    this.clock = new AudibleClock(performance.timeOrigin);
    this.view.forget();
  }

  /** Draws until it is disposed. @param receiver of the face's sound. @param onFrame after each picture of the screen. */
  live(receiver: () => RTCRtpReceiver | undefined, onFrame: () => void): void {
    requestAnimationFrame((nowMs) => {
      if (this.isDisposed) return;
      const [source] = receiver()?.getSynchronizationSources() ?? [];
      this.skewMs = this.view.draw(this.clock.read(source, nowMs)) ?? this.skewMs;
      onFrame();
      this.live(receiver, onFrame);
    });
  }

  dispose(): void {
    this.isDisposed = true;
    this.view.dispose();
  }
}
