/**
 * BitrateControl: which bitrate the link carries, from what receivers report as lost. In: fraction lost, a few times a second, and the
 * time. Out: a new bitrate, rarely and in coarse steps, because VP8 through FFmpeg has to be opened again, with a keyframe, for each.
 * Pure. Follows the loss part of Google's congestion control (draft-ietf-rmcat-gcc-02 §6): back off above 10 %, grow below 2 %.
 */
const HIGH_LOSS = 0.1;
const LOW_LOSS = 0.02;
const STEP_DOWN = 0.65;
const STEP_UP = 1.35;
const MIN_BPS = 200_000;
/** After a step down, the link gets this long to drain; before a step up, it has to be clean for longer. */
const HOLD_DOWN_US = 2_000_000;
const CLEAN_US = 8_000_000;
/** One report says little: a single lost packet of a quiet second is 3 %. */
const SMOOTHING = 0.3;

export class BitrateControl {
  private readonly maxBps: number;
  private bps: number;
  private loss = 0;
  private changedUs = Number.NEGATIVE_INFINITY;
  private cleanSinceUs: number | undefined;

  /** @param maxBps the configured bitrate: where it starts and the most it returns to. */
  constructor(maxBps: number) {
    this.maxBps = maxBps;
    this.bps = maxBps;
  }

  /** @returns the new bitrate where it changes. */
  report(fractionLost: number, nowUs: number): number | undefined {
    this.loss += SMOOTHING * (fractionLost - this.loss);
    if (this.loss > LOW_LOSS) this.cleanSinceUs = undefined;
    else this.cleanSinceUs ??= nowUs;
    if (this.loss > HIGH_LOSS) {
      if (nowUs - this.changedUs < HOLD_DOWN_US) return undefined;
      return this.change(Math.max(MIN_BPS, this.bps * STEP_DOWN), nowUs);
    }
    if (this.cleanSinceUs === undefined || nowUs - Math.max(this.cleanSinceUs, this.changedUs) < CLEAN_US)
      return undefined;
    return this.change(Math.min(this.maxBps, this.bps * STEP_UP), nowUs);
  }

  private change(bps: number, nowUs: number): number | undefined {
    const next = Math.round(Math.min(bps, this.maxBps));
    if (next === this.bps) return undefined;
    this.bps = next;
    this.changedUs = nowUs;
    return next;
  }
}
