/**
 * How long a call may last. In: its end and the beats of a clock, and whether the face is speaking; out: when to warn, when to end. A sentence
 * that is being spoken then is heard out, for a while.
 */
const WARNING_MS = 60_000;
const HEAR_OUT_MS = 15_000;

export class CallLimit {
  private readonly endsMs: number;
  private readonly nowMs: () => number;
  private hasWarned: boolean;

  /** @param endsS unix time; undefined: no end. */
  constructor(endsS: number | undefined, nowMs: () => number = Date.now) {
    this.endsMs = (endsS ?? Number.POSITIVE_INFINITY) * 1000;
    this.nowMs = nowMs;
    // A call that is shorter than the warning's time needs none.
    this.hasWarned = this.endsMs - nowMs() <= WARNING_MS;
  }

  beat(isSpeaking: boolean): 'warn' | 'end' | undefined {
    const leftMs = this.endsMs - this.nowMs();
    if (leftMs <= 0) return isSpeaking && leftMs > -HEAR_OUT_MS ? undefined : 'end';
    if (this.hasWarned || leftMs > WARNING_MS) return undefined;
    this.hasWarned = true;
    return 'warn';
  }
}

/** When a call that begins now has to be over, if ever. @param maxCallS of all calls; 0: no limit. */
export function endOf(
  ticket: { maxCallS?: number },
  maxCallS: number,
  nowMs: () => number = Date.now,
): { callEndsS?: number } {
  const lengthS = Math.min(ticket.maxCallS ?? Number.POSITIVE_INFINITY, maxCallS || Number.POSITIVE_INFINITY);
  return Number.isFinite(lengthS) ? { callEndsS: nowMs() / 1000 + lengthS } : {};
}
