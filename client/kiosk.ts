/** A face that stands alone somewhere: it comes back by itself, keeps the screen awake and listens where it was once allowed to. */
const SOONEST_MS = 500;
/** Kiosks that were sent away together do not come back together. */
const SPREAD_MS = 1500;
/** So often soon after each other; then twice as long each time that it is in vain. */
const SOON_ATTEMPTS = 20;
const MAX_PAUSE_MS = 15_000;

export class Kiosk {
  private readonly join: () => void;
  private readonly talk: () => void;
  private askedMs = 0;
  private failures = 0;

  constructor(join: () => void, talk: () => void) {
    this.join = join;
    this.talk = talk;
  }

  /** The server refused a call and named a time. */
  refused(retryAfterS: number): void {
    this.askedMs = retryAfterS * 1000;
  }

  /** The call is over: another one, as soon as the server wants it. */
  ended(): void {
    const longestMs = Math.min(MAX_PAUSE_MS, SPREAD_MS * 2 ** Math.max(0, this.failures - SOON_ATTEMPTS));
    const pauseMs = SOONEST_MS + longestMs * Math.random();
    this.failures += 1;
    setTimeout(() => {
      // The refusal may be told a little later than the end.
      const furtherMs = Math.max(0, this.askedMs - pauseMs);
      this.askedMs = 0;
      setTimeout(this.join, furtherMs);
    }, pauseMs);
  }

  async live(): Promise<void> {
    this.failures = 0;
    navigator.wakeLock?.request('screen').catch(() => {});
    const permission = await navigator.permissions
      ?.query({ name: 'microphone' as PermissionName })
      .catch(() => undefined);
    if (permission?.state === 'granted') this.talk();
  }
}
