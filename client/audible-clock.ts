/**
 * Which instant of the face's sound is heard now. In: what the browser says about the packets it has played (`getSynchronizationSources`),
 * now and then; out: the RTP timestamp (48 kHz) that sounds at any moment. A packet is reported once or twice while it sounds, at its
 * start or in its middle: the earliest report of the last half second tells where the sound is.
 */
const RTP_HZ = 48_000;
const WINDOW_MS = 500;
/** A receiver that reported nothing for so long plays nothing. */
const SILENT_MS = 300;
/** Times since 1970 are larger, times since the page was opened smaller: browsers disagree which of them they give. */
const EPOCH_MS = 1e11;

export interface PlayedPacket {
  /** When it was played, ms; since 1970 or since the page was opened. */
  timestamp: number;
  rtpTimestamp: number;
}

/** Signed distance between two RTP timestamps, across the wrap at 2³². */
export function rtpDistance(from: number, to: number): number {
  return (to - from) | 0;
}

export class AudibleClock {
  private readonly timeOrigin: number;
  private lastRtp: number | undefined;
  /** `lastRtp` without the wrap, however long the call. */
  private unwrapped = 0;
  /** Newest last. `startMs`: page time at which timestamp 0, unwrapped, would have sounded. */
  private reports: { atMs: number; startMs: number }[] = [];

  /** @param timeOrigin of the page, ms since 1970. */
  constructor(timeOrigin: number) {
    this.timeOrigin = timeOrigin;
  }

  /** @returns undefined while nothing is played. */
  read(packet: PlayedPacket | undefined, nowMs: number): number | undefined {
    if (packet) this.note(packet);
    const newest = this.reports.at(-1);
    if (!newest || nowMs - newest.atMs > SILENT_MS) return undefined;
    const startMs = Math.min(...this.reports.map((report) => report.startMs));
    return Math.round(((nowMs - startMs) * RTP_HZ) / 1000) >>> 0;
  }

  private note({ timestamp, rtpTimestamp }: PlayedPacket): void {
    const atMs = timestamp > EPOCH_MS ? timestamp - this.timeOrigin : timestamp;
    if (this.reports.at(-1)?.atMs === atMs) return;
    this.unwrapped += this.lastRtp === undefined ? rtpTimestamp : rtpDistance(this.lastRtp, rtpTimestamp);
    this.lastRtp = rtpTimestamp;
    const startMs = atMs - (this.unwrapped * 1000) / RTP_HZ;
    this.reports.push({ atMs, startMs });
    this.reports = this.reports.filter((report) => atMs - report.atMs < WINDOW_MS);
  }
}
