/** What a session's pictures did in the last second, for the page's overlay. In: each event as it happens; out: the numbers, once a second. */
import type { BitrateControl } from './media/bitrate-control.ts';
import { quantile } from './media/quantile.ts';
import type { StatsMessage } from './signaling/protocol.ts';

interface Window {
  pictures: number;
  bytes: number;
  skewsUs: number[];
  renderMs: number[];
  encodeMs: number[];
}

const emptyWindow = (): Window => ({ pictures: 0, bytes: 0, skewsUs: [], renderMs: [], encodeMs: [] });

export class SessionStatistics {
  private window = emptyWindow();
  /** Since the session began. */
  held = 0;
  dropped = 0;

  rendered(renderMs: number): void {
    this.window.renderMs.push(renderMs);
  }

  shown(skewUs: number): void {
    this.window.pictures += 1;
    this.window.skewsUs.push(Math.abs(skewUs));
  }

  encoded(bytes: number, encodeMs: number): void {
    this.window.bytes += bytes;
    this.window.encodeMs.push(encodeMs);
  }

  /** @returns the second that is over; the next one begins. */
  take({ rate, estimateBps, link }: BitrateControl, pictureDelayUs: number): StatsMessage {
    const { pictures, bytes, skewsUs, renderMs, encodeMs } = this.window;
    this.window = emptyWindow();
    return {
      fps: pictures,
      bitrateKbps: Math.round((bytes * 8) / 1000),
      skewP95Ms: quantile(skewsUs, 0.95) / 1000,
      pictureDelayMs: Math.round(pictureDelayUs / 1000),
      heldFrames: this.held,
      droppedFrames: this.dropped,
      renderMs: quantile(renderMs, 0.5),
      encodeMs: quantile(encodeMs, 0.5),
      targetFps: rate.fps,
      estimatedKbps: Math.round(estimateBps / 1000),
      lossPercent: Math.round(link.loss * 1000) / 10,
      ...(link.rttMs === undefined ? {} : { rttMs: Math.round(link.rttMs) }),
    };
  }
}
