/**
 * BitrateControl: how many bits and pictures a second the link is given. In: link reports and the time. Out: a new rate, rarely and in
 * coarse steps, because VP8 through FFmpeg has to be opened again, with a keyframe, for each. Down where a queue builds up or a tenth is
 * lost (draft-ietf-rmcat-gcc-02 §5, §6), up after a clean while; a step up that fails makes the next one wait longer. Pictures become fewer
 * before they become poor. Pure.
 */
import { BandwidthEstimator, type LinkReport } from './bandwidth-estimator.ts';

export interface VideoRate {
  bitrateBps: number;
  /** Pictures to encode a second; at most the face's own rate. */
  fps: number;
}

export interface RateChange extends VideoRate {
  /** No pictures for so long first, while what waits in the network drains; sound goes on. */
  pauseUs: number;
}

const HIGH_LOSS = 0.1;
/** Nobody waits for an average of this. */
const VERY_HIGH_LOSS = 0.4;
/** Below this the link is clean. Where delay shows that no queue stands, what is lost is lost in the air, and fewer bits would not help. */
const LOW_LOSS = { withoutDelay: 0.02, withDelay: 0.07 };
/** Of what got through while a queue was building: leaves room for it to drain. */
const DRAIN = 0.75;
const STEP_DOWN = 0.65;
/** Where a queue stands, but not by our doing alone: another's traffic, a busy machine. */
const SMALL_STEP_DOWN = 0.8;
/** Packets that take so much longer to arrive than to be sent fill the link; a way that has become longer stretches them less. */
const FULL = 1.4;
const STEP_UP = 1.35;
const MIN_BPS = 150_000;
const MAX_PAUSE_US = 1_000_000;
/** After a step down, the link gets this long to drain; before a step up, it has to be clean for longer. */
const HOLD_DOWN_US = 2_000_000;
const CLEAN_US = 8_000_000;
const MAX_CLEAN_US = 64_000_000;
/** A step up that has held for so long was right. */
const PROVEN_US = 6_000_000;
/** A queue within this much of what it was before a step down is not ours to drain. */
const UNMOVED = { least: 0.75, most: 1.1 };
/** What a picture of a talking face needs to look good, bits: 39 dB at 512 × 512, measured. */
const GOOD_PICTURE_BITS = 20_000;
const PICTURE_RATES = [60, 50, 40, 30, 25, 20, 15];

export class BitrateControl {
  readonly link = new BandwidthEstimator();
  private readonly max: VideoRate;
  private bps: number;
  private changedUs = Number.NEGATIVE_INFINITY;
  private steppedUpUs: number | undefined;
  /** The queue that made us step down, until it is known whether that helped. */
  private queueAtCutUs: number | undefined;
  private cleanSinceUs: number | undefined;
  private cleanNeededUs = CLEAN_US;

  /** @param max the configured rate: where it starts and the most it returns to. */
  constructor(max: VideoRate) {
    this.max = max;
    this.bps = max.bitrateBps;
  }

  get rate(): VideoRate {
    return { bitrateBps: this.bps, fps: pictureRate(this.bps, this.max.fps) };
  }

  /** What the link is believed to carry, bit/s: what gets through where it is full, at least what it is given where it is not. */
  get estimateBps(): number {
    const throughputBps = this.link.throughputBps ?? this.bps;
    return Math.round(this.link.isQueueing ? throughputBps : Math.max(this.bps, throughputBps));
  }

  /** @returns the new rate where it changes. */
  report(report: LinkReport, nowUs: number): RateChange | undefined {
    this.link.push(report);
    const { loss, lossNow, isQueueing } = this.link;
    const low = this.link.throughputBps === undefined ? LOW_LOSS.withoutDelay : LOW_LOSS.withDelay;
    if (loss > low || isQueueing) this.cleanSinceUs = undefined;
    else this.cleanSinceUs ??= nowUs;
    if (this.steppedUpUs !== undefined && nowUs - this.steppedUpUs > PROVEN_US) {
      this.steppedUpUs = undefined;
      this.cleanNeededUs = CLEAN_US;
    }
    if (isQueueing || loss > HIGH_LOSS || lossNow > VERY_HIGH_LOSS) return this.stepDown(nowUs);
    this.queueAtCutUs = undefined;
    if (this.cleanSinceUs === undefined) return undefined;
    if (nowUs - Math.max(this.cleanSinceUs, this.changedUs) < this.cleanNeededUs) return undefined;
    const rate = this.change(this.bps * STEP_UP, nowUs);
    if (rate) this.steppedUpUs = nowUs;
    return rate;
  }

  private stepDown(nowUs: number): RateChange | undefined {
    const isTrial = this.steppedUpUs !== undefined;
    if (!isTrial && nowUs - this.changedUs < HOLD_DOWN_US) return undefined;
    const { isQueueing, queueUs } = this.link;
    if (isQueueing && this.queueAtCutUs !== undefined) {
      const part = queueUs / this.queueAtCutUs;
      this.queueAtCutUs = undefined;
      if (part > UNMOVED.least && part < UNMOVED.most && this.link.lossNow < LOW_LOSS.withDelay) {
        this.link.rebase();
        return undefined;
      }
      // It drains, only slower than hoped.
      if (part <= UNMOVED.least) {
        this.queueAtCutUs = queueUs;
        this.changedUs = nowUs;
        return undefined;
      }
    }
    if (isTrial) {
      this.steppedUpUs = undefined;
      this.cleanNeededUs = Math.min(MAX_CLEAN_US, this.cleanNeededUs * 2);
    }
    this.queueAtCutUs = isQueueing ? queueUs : undefined;
    if (!isQueueing) return this.change(this.bps * STEP_DOWN, nowUs);
    const { throughputBps, stretch, lossNow } = this.link;
    const isFull = stretch > FULL || lossNow > LOW_LOSS.withDelay;
    if (!throughputBps || !isFull) return this.change(this.bps * SMALL_STEP_DOWN, nowUs);
    const pauseUs = Math.min(MAX_PAUSE_US, this.link.backlogUs(this.bps, nowUs));
    return this.change(Math.min(throughputBps * DRAIN, this.bps * SMALL_STEP_DOWN), nowUs, pauseUs);
  }

  private change(bps: number, nowUs: number, pauseUs = 0): RateChange | undefined {
    const next = Math.min(this.max.bitrateBps, Math.max(MIN_BPS, Math.round(bps / 1000) * 1000));
    if (next === this.bps) return undefined;
    if (next < this.bps) this.link.forgetLoss();
    this.bps = next;
    this.changedUs = nowUs;
    return { ...this.rate, pauseUs };
  }
}

/** As many pictures as can look good with these bits, but no slide show. */
function pictureRate(bps: number, maxFps: number): number {
  const rates = PICTURE_RATES.filter((fps) => fps <= maxFps);
  return rates.find((fps) => bps / fps >= GOOD_PICTURE_BITS) ?? rates.at(-1) ?? maxFps;
}
