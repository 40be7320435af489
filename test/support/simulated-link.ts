/**
 * A sender's way to its viewer in virtual time: one narrow place with a queue that drops what does not fit, propagation, jitter, loss, and
 * the feedback that comes back. The video source behaves as ours: a picture leaves in one burst, a new rate begins with a keyframe.
 */
import type { LinkReport } from '../../src/media/bandwidth-estimator.ts';
import type { BitrateControl, RateChange, VideoRate } from '../../src/media/bitrate-control.ts';
import { PictureThinning } from '../../src/media/picture-thinning.ts';
import { type TransportFeedback, TransportFeedbackReader } from '../../src/signaling/transport-feedback.ts';

export interface LinkConditions {
  capacityBps: number;
  /** Part of packets lost on the way, besides what the queue drops. */
  loss?: number;
  jitterUs?: number;
  propagationUs?: number;
  /** How long a queue may grow before it drops. */
  queueUs?: number;
}

export interface LinkSample {
  atUs: number;
  /** Wait in the narrow place's queue. */
  queuedUs: number;
  rate: VideoRate;
}

interface Arrival {
  number: number;
  arrivedUs: number;
}

const PACKET_BYTES = 1180;
const AUDIO_BPS = 52_000;
const KEYFRAME_PICTURES = 4.5;
/** The receiver's clock began elsewhere. */
const CLOCK_OFFSET_US = 7_777_777_777;

export class SimulatedLink {
  readonly control: BitrateControl;
  readonly samples: LinkSample[] = [];
  /** Changes of rate as they came. */
  readonly changes: { atUs: number; rate: RateChange }[] = [];
  /** Media times of the pictures that left. */
  readonly pictures: number[] = [];
  private readonly random: () => number;
  private readonly fps: number;
  private readonly thinning = new PictureThinning();
  private nowUs = 0;
  private freeAtUs = 0;
  private wantsKeyframe = true;
  private arrivals: Arrival[] = [];
  private sent = 0;
  private lost = 0;
  private readonly reader = new TransportFeedbackReader();
  private number = 0;

  constructor(control: BitrateControl, fps: number, random: () => number) {
    this.control = control;
    this.fps = fps;
    this.random = random;
    this.thinning.setRate(control.rate.fps);
  }

  /** @param seconds how long the link stays like this. */
  run(seconds: number, conditions: LinkConditions): this {
    const endUs = this.nowUs + seconds * 1e6;
    for (; this.nowUs < endUs; this.nowUs += 10_000) {
      this.transmit((AUDIO_BPS / 8) * 0.01, conditions, false);
      const tick = Math.floor((this.nowUs * this.fps) / 1e6);
      if (tick !== Math.floor(((this.nowUs - 10_000) * this.fps) / 1e6))
        this.picture((tick * 1e6) / this.fps, conditions);
      if (this.nowUs % 100_000 === 0) this.feedback(conditions);
    }
    return this;
  }

  private picture(mediaUs: number, conditions: LinkConditions): void {
    if (!this.thinning.takes(mediaUs)) return;
    this.pictures.push(mediaUs);
    const { bitrateBps, fps } = this.control.rate;
    const share = this.wantsKeyframe ? KEYFRAME_PICTURES : 0.6 + 0.7 * this.random();
    this.wantsKeyframe = false;
    let bytes = (bitrateBps / fps / 8) * share;
    while (bytes > 0) {
      this.transmit(Math.min(bytes, PACKET_BYTES) + 60, conditions, true);
      bytes -= PACKET_BYTES;
    }
  }

  private transmit(bytes: number, conditions: LinkConditions, isVideo: boolean): void {
    const { capacityBps, loss = 0, jitterUs = 0, propagationUs = 20_000, queueUs = 1_000_000 } = conditions;
    if (isVideo) {
      this.sent += 1;
      this.reader.remember(++this.number & 0xffff, bytes, this.nowUs);
    }
    const beginUs = Math.max(this.nowUs, this.freeAtUs);
    if (beginUs - this.nowUs > queueUs || this.random() < loss) {
      if (isVideo) this.lost += 1;
      return;
    }
    this.freeAtUs = beginUs + (bytes * 8 * 1e6) / capacityBps;
    if (!isVideo) return;
    const arrivedUs = this.freeAtUs + propagationUs + jitterUs * this.random() + CLOCK_OFFSET_US;
    this.arrivals.push({ number: this.number, arrivedUs });
  }

  private feedback({ propagationUs = 20_000 }: LinkConditions): void {
    const seenUs = this.nowUs - propagationUs + CLOCK_OFFSET_US;
    const arrivals = this.arrivals.filter(({ arrivedUs }) => arrivedUs <= seenUs);
    const report: LinkReport = arrivals.length > 0 ? this.reader.read(messageOf(arrivals)) : {};
    this.arrivals = this.arrivals.filter(({ arrivedUs }) => arrivedUs > seenUs);
    if (this.nowUs % 1_000_000 === 0 && this.sent > 0) {
      report.fractionLost = this.lost / this.sent;
      this.sent = 0;
      this.lost = 0;
    }
    const rate = this.control.report(report, this.nowUs);
    this.samples.push({ atUs: this.nowUs, queuedUs: Math.max(0, this.freeAtUs - this.nowUs), rate: this.control.rate });
    if (!rate) return;
    this.changes.push({ atUs: this.nowUs, rate });
    this.wantsKeyframe = true;
    this.thinning.setRate(rate.fps);
    this.thinning.pause(this.nowUs, rate.pauseUs);
  }

  /** Samples of the last seconds. */
  lately(seconds: number): LinkSample[] {
    return this.samples.filter(({ atUs }) => atUs > this.nowUs - seconds * 1e6);
  }
}

/** Transport-wide feedback on these packets, as a receiver writes it. */
function messageOf(arrivals: Arrival[]): TransportFeedback {
  const sorted = arrivals.toSorted((a, b) => a.number - b.number);
  const [first, last] = [sorted[0]!.number, sorted.at(-1)!.number];
  const byNumber = new Map(sorted.map(({ number, arrivedUs }) => [number, arrivedUs]));
  const referenceTime = Math.floor(sorted[0]!.arrivedUs / 64_000);
  let beforeUs = referenceTime * 64_000;
  const packetChunks: object[] = [];
  const recvDeltas: { delta: number }[] = [];
  for (let number = first; number <= last; number++) {
    const arrivedUs = byNumber.get(number);
    packetChunks.push({ packetStatus: arrivedUs === undefined ? 0 : 2, runLength: 1 });
    if (arrivedUs === undefined) continue;
    recvDeltas.push({ delta: Math.round((arrivedUs - beforeUs) / 250) * 250 });
    beforeUs += recvDeltas.at(-1)!.delta;
  }
  return {
    baseSequenceNumber: first & 0xffff,
    packetStatusCount: last - first + 1,
    referenceTime: referenceTime % 2 ** 24,
    packetChunks,
    recvDeltas,
  };
}
