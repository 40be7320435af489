/**
 * Whether the other side of a call is still there. In: every sign of life (a packet of signaling, sound, a report on the link) and the
 * beats of a clock; out: that it is gone. A browser that is closed says so; one whose machine vanished does not.
 */

export const BEAT_MS = 500;
/** 30 s from the offer to media that flows, which includes the user's answer to "may this page use your microphone". */
const MAX_CONNECTING_BEATS = 60;

export class Presence {
  private readonly maxSilentBeats: number;
  private silentBeats = 0;
  private connectingBeats = 0;
  private isConnected = false;

  /** @param silenceS longer than the outage that a call must survive, shorter than a line may be kept for nobody; 0: for ever. */
  constructor(silenceS: number) {
    this.maxSilentBeats = silenceS === 0 ? Number.POSITIVE_INFINITY : (silenceS * 1000) / BEAT_MS;
  }

  /** Another call begins. */
  restart(): void {
    this.isConnected = false;
    this.connectingBeats = 0;
    this.seen();
  }

  seen(): void {
    this.silentBeats = 0;
  }

  connected(): void {
    this.isConnected = true;
    this.seen();
  }

  /**
   * Once every BEAT_MS. Beats are counted, not time: while our own process stands still nobody can be heard, and nobody is to blame.
   * @returns why the call is to end, or undefined.
   */
  beat(): 'gone' | 'never connected' | undefined {
    if (++this.silentBeats > this.maxSilentBeats) return 'gone';
    if (!this.isConnected && ++this.connectingBeats > MAX_CONNECTING_BEATS) return 'never connected';
    return undefined;
  }
}
