/**
 * PictureDelay: keeps encoded pictures back for as long as the viewer's browser keeps the sound, so that lips and sound meet where they are
 * seen and heard. In: pictures, the media time, and what the browser reports of its buffers. Out: pictures that are due, in order.
 *
 * Invariants: no picture is lost or overtaken; none waits longer than 0.6 s; once a call has begun the delay changes by at most a quarter
 * of the time that passes, so that motion is never seen to jump. Pure: time comes as an argument.
 */
import type { EncodedFrame } from './frames.ts';

/** What a browser reports: how long sound waits between network and loudspeaker, pictures between network and screen, ms. */
export interface BufferReport {
  soundMs: number;
  pictureMs: number;
  /** Picture after sound, where the browser knows, ms. */
  skewMs?: number;
}

const MAX_DELAY_US = 600_000;
/** What a report says of a buffer wavers by so much; less is not followed. */
const HYSTERESIS_US = 8_000;
/** Of the time that passes. */
const SLEW = 0.25;
/** A call begins at rest, before anything is said: until then a report is followed at once. */
const BEGINNING_US = 1_500_000;

export class PictureDelay {
  private readonly queue: EncodedFrame[] = [];
  private readonly isOff: boolean;
  private delayUs: number;
  private targetUs: number;
  private lastUs: number | undefined;
  /** Media time of the first picture. */
  private firstUs: number | undefined;

  /** @param startUs until the browser has reported; `undefined`: pictures are never kept back. */
  constructor(startUs: number | undefined) {
    this.isOff = startUs === undefined;
    this.delayUs = startUs ?? 0;
    this.targetUs = this.delayUs;
  }

  get currentUs(): number {
    return Math.round(this.delayUs);
  }

  report({ soundMs, pictureMs }: BufferReport, mediaNowUs: number): void {
    if (this.isOff) return;
    const wantedUs = Math.max(0, Math.min(MAX_DELAY_US, (soundMs - pictureMs) * 1000));
    if (!(Math.abs(wantedUs - this.targetUs) > HYSTERESIS_US)) return;
    this.targetUs = wantedUs;
    if (mediaNowUs < (this.firstUs ?? mediaNowUs) + BEGINNING_US) this.delayUs = wantedUs;
  }

  push(picture: EncodedFrame): void {
    this.queue.push(picture);
  }

  /** Media time at which the next picture leaves; infinite while there is none. */
  get nextDueUs(): number {
    const next = this.queue[0];
    if (!next) return Number.POSITIVE_INFINITY;
    // The very first leaves at once: nobody is listening yet whose lips it could miss.
    return this.firstUs === undefined ? Number.NEGATIVE_INFINITY : next.timestampUs + this.delayUs;
  }

  /** @returns what is due, each with how much too late it leaves. */
  release(mediaNowUs: number): { picture: EncodedFrame; lateUs: number }[] {
    this.slew(mediaNowUs);
    const due: { picture: EncodedFrame; lateUs: number }[] = [];
    while (this.nextDueUs <= mediaNowUs) {
      const lateUs = this.firstUs === undefined ? 0 : mediaNowUs - this.nextDueUs;
      const picture = this.queue.shift()!;
      this.firstUs ??= picture.timestampUs;
      due.push({ picture, lateUs });
    }
    return due;
  }

  private slew(mediaNowUs: number): void {
    const mostUs = SLEW * Math.max(0, mediaNowUs - (this.lastUs ?? mediaNowUs));
    this.lastUs = mediaNowUs;
    this.delayUs += Math.max(-mostUs, Math.min(mostUs, this.targetUs - this.delayUs));
  }
}
