/**
 * Whether the face's sound still comes. It never pauses, not even while nothing is said, so that its end is the first sign of a cut. In: the receiver of
 * the sound. Out: one word whenever the sound that came before has stopped.
 */
const BEAT_MS = 250;
const MAX_SILENT_BEATS = 3;

export class SoundWatch implements Disposable {
  private readonly receiver: () => RTCRtpReceiver | undefined;
  private readonly stopped: () => void;
  private readonly timer: ReturnType<typeof setInterval>;
  private timestamp: number | undefined;
  private silentBeats = 0;

  /** @param receiver undefined: there is no sound to expect. */
  constructor(receiver: () => RTCRtpReceiver | undefined, stopped: () => void) {
    this.receiver = receiver;
    this.stopped = stopped;
    this.timer = setInterval(() => this.listen(), BEAT_MS);
  }

  private listen(): void {
    const timestamp = this.receiver()?.getSynchronizationSources()[0]?.rtpTimestamp;
    if (timestamp === undefined || timestamp !== this.timestamp) this.silentBeats = 0;
    else if (++this.silentBeats === MAX_SILENT_BEATS) this.stopped();
    this.timestamp = timestamp;
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
